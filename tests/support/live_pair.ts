/**
 * Checks that a live pair is one machine twice: its guest runs from its first exit to its end, and then both sides
 * stand at the same execution point, with the same digests on the way.
 *
 * The backup compares by itself: a checksum of the exits and outputs at every frame, the whole machine at
 * every digest in the log. From outside, what both sides say at their status addresses and in the end is compared.
 * Called by live_pair_test.ts and by the campaign campaigns/live.ts.
 */
import assert from "node:assert/strict";
import { Pair, type PairOptions } from "../../demo/pair_processes.ts";
import type { Side } from "../../demo/side.ts";
import { ConsoleClient } from "../../sinks/console_client.ts";
import { PATIENT_MS } from "./pair_hosts.ts";

/** What is to be typed next, by what the guest has put out so far. */
export type NextInput = (output: string) => string | undefined;

/** How much was checked. */
export interface CheckedPair {
  /** Execution points that were recorded and replayed. */
  readonly points: number;
  /** Digests that the backup compared. */
  readonly digests: number;
  /** Digests that both sides were heard to tell of while they ran. */
  readonly seenOnBoth: number;
  /** Of the log, when it was asked for last. */
  readonly logBytes: number;
}

const pollMs = 100;

/** A pair whose sides do not lose each other because the host has no time for one of them. */
export function startPatient(options: PairOptions): Pair {
  const args = ["--timeout", `${PATIENT_MS}ms`, ...options.primary?.args ?? []];
  return Pair.start({ ...options, primary: { ...options.primary, args } });
}

/**
 * Starts a pair, waits until its guest has ended, and compares what both sides say.
 * @throws AssertionError where they differ
 */
export async function checkLivePair(
  options: PairOptions,
  nextInput: NextInput = () => undefined,
): Promise<CheckedPair> {
  await using pair = startPatient(options);
  return await checkSides(pair.primary, pair.backup, pair.consoles, nextInput);
}

/**
 * The same for two sides that have been started, wherever they are.
 * @param consoles where they show the console
 */
export async function checkSides(
  primary: Side,
  backup: Side,
  consoles: string,
  nextInput: NextInput = () => undefined,
): Promise<CheckedPair> {
  await primary.protected();
  const watch = new Watch(primary, backup);
  await Promise.all([converse(consoles, nextInput), watch.run()]);
  for (const side of [primary, backup]) {
    const ending = await side.until(() => side.ending, "its end");
    assert.equal(ending, "ended with 0", `${primary.text}\n${backup.text}`);
  }
  const texts = `${primary.text}\n${backup.text}`;
  const [, recordedPoints, recordedDigests] = primary.text.match(
    /recorded up to (\d+), (\d+) digests/,
  )!;
  const [, replayedPoints, equalDigests] = backup.text.match(
    /replayed up to (\d+), (\d+) digests/,
  )!;
  assert.deepEqual([replayedPoints, equalDigests], [recordedPoints, recordedDigests], texts);
  assert.ok(Number(equalDigests) > 0, "at least at the guest's end there is a digest");
  const { seenOnBoth, logBytes } = watch;
  return { points: Number(replayedPoints), digests: Number(equalDigests), seenOnBoth, logBytes };
}

/** Types at the guest, as far as there is something to type, and reads to its end. */
async function converse(consoles: string, nextInput: NextInput): Promise<void> {
  using client = new ConsoleClient(consoles, { have: 0, input: true });
  const decoder = new TextDecoder();
  let output = "";
  for await (const { bytes } of client.outputs()) {
    output += decoder.decode(bytes, { stream: true });
    const input = nextInput(output);
    if (input !== undefined) await client.write(new TextEncoder().encode(input));
  }
  assert.equal(client.ended?.exitCode, 0, client.ended?.why);
}

/** Asks both sides for their last digest, until they have ended. */
class Watch {
  /** Digests that both sides told of. */
  seenOnBoth = 0;
  logBytes = 0;
  readonly #digests = new Map<number, number>();

  constructor(private readonly primary: Side, private readonly backup: Side) {}

  async run(): Promise<void> {
    let lastOfBackup = 0;
    while (this.primary.ending === undefined) {
      const [primary, backup] = await Promise.all([
        this.primary.status().catch(() => undefined),
        this.backup.status().catch(() => undefined),
      ]);
      if (primary !== undefined) {
        assert.equal(primary.divergences, 0, `${this.primary.text}\n${this.backup.text}`);
        this.logBytes = primary.log.bytes;
        this.#digests.set(primary.digestPoint as number, primary.digest as number);
      }
      const point = (backup?.digestPoint ?? 0) as number;
      if (backup?.role === "backup" && point > lastOfBackup && this.#digests.has(point)) {
        assert.equal(backup.digest, this.#digests.get(point), `the digest at ${point}`);
        lastOfBackup = point;
        this.seenOnBoth++;
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}
