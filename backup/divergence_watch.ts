/**
 * What a session of a backup gathers when its replay has diverged: for the primary, which can say what it had
 * recorded; for the report; and for the state that heals it.
 *
 * In main; backup_side.ts tells it what happens.
 */
import { type Channel, Gauge } from "../machine/channel.ts";
import type { Divergence } from "../protocol/backup.ts";
import type { MessageOf } from "../protocol/messages.ts";
import { comparisonOf } from "./comparison.ts";
import type { DivergenceReporter } from "./divergence_reporter.ts";
import type { DivergenceDetails } from "./replay_thread_messages.ts";

const NO_DETAILS: DivergenceDetails = { differences: [], devices: {} };

/** See the top of the file. */
export class DivergenceWatch {
  #details = NO_DETAILS;
  #verifiedThrough = 0;
  #hashes: Uint8Array[] = [];

  /** @param who how this side is called, for people */
  constructor(private readonly reporter: DivergenceReporter, private readonly who: string) {}

  /**
   * The replay differs. The exits since what was verified go along: they tell the primary which one is not its.
   * @param verifiedThrough up to this execution point all was verified
   * @param details what the vCPU's thread knows; undefined: it does not know that it has diverged
   */
  noticed(
    divergence: Divergence,
    { trail }: Channel,
    verifiedThrough: number,
    details = NO_DETAILS,
  ): Divergence {
    this.#details = details;
    this.#verifiedThrough = verifiedThrough;
    return { ...divergence, checksums: trail.checksums(verifiedThrough, Infinity) };
  }

  /** It is to be described. @param isFinal nobody can be asked what was recorded */
  describe(
    divergence: Divergence,
    { gauges }: Channel,
    { machineId, generation }: MessageOf<"welcome">,
    isFinal: boolean,
  ): void {
    this.reporter.begin({
      machineId,
      generation,
      who: this.who,
      atMs: Date.now(),
      verifiedThrough: this.#verifiedThrough,
      comparison: comparisonOf(gauges[Gauge.isOtherKind] === 1),
      divergence,
      details: this.#details,
    });
    if (isFinal) this.reporter.finish();
  }

  /** The primary has answered. Returns where the divergence is described, if it is anywhere. */
  compare(point: number, recorded: Uint8Array, { trail }: Channel): string | undefined {
    const replayed = trail.entry(point) ?? new Uint8Array(0);
    return this.reporter.finish(point === 0 ? undefined : { point, recorded, replayed });
  }

  /** Hashes of pages from the vCPU's thread: a `hashes` record. */
  addHashes(record: Uint8Array): void {
    this.#hashes.push(record);
  }

  /** All of them, once. */
  takeHashes(): Uint8Array {
    const parts = this.#hashes.splice(0);
    const hashes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      hashes.set(part, at);
      at += part.length;
    }
    return hashes;
  }
}
