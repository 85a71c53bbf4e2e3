/**
 * How a state transfer gets on, for people: a bar on a terminal, a line a round elsewhere, and in the end what it
 * came to. This side joins by it, or is healed.
 *
 * The primary says how far it is (protocol/primary_types.ts, Transfer); how fast that is is seen here. Called by
 * backup_side.ts.
 */
import { bar } from "../base/bar.ts";
import type { Reporter, Say } from "../base/reporter.ts";
import type { Transfer } from "../protocol/primary_types.ts";

const BAR_WIDTH = 24;
const MIB = 2 ** 20;

/** What a state transfer is for: the words are made from these. */
export type TransferPurpose = "join" | "heal";

/** One transfer's. */
export class TransferProgress {
  #transfer: Transfer | undefined;
  #startedMs = 0;
  #lastMs = 0;

  /** @param say shows a moving line, too, if it is a {@link Reporter} */
  constructor(private readonly say: Say | Reporter, private readonly purpose: TransferPurpose) {}

  /** The primary has said how far it is. @param nowMs any clock that does not go back */
  update(transfer: Transfer, nowMs: number): void {
    const before = this.#transfer;
    if (before === undefined) this.#startedMs = nowMs;
    this.#transfer = transfer;
    this.#lastMs = nowMs;
    const { say } = this;
    if ("live" in say && say.isTerminal) say.live(this.#bar(transfer));
    else if (transfer.round > 0 && transfer.round !== before?.round) say(this.#line(transfer));
  }

  /** This side is protected: the state is whole, and has been applied. */
  finish(): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    const { round, sentBytes, stopUs } = transfer;
    const seconds = (this.#lastMs - this.#startedMs) / 1000;
    this.say(
      `${this.purpose}ed in ${seconds.toFixed(1)} s: ${mebibytes(sentBytes)} in ${
        round + 1
      } rounds, ` +
        `${mebibytes(this.#bytesPerSecond)}/s; the guest stood still for ${ms(stopUs)}`,
    );
  }

  /** Figures for the status address. */
  status(): Record<string, unknown> | null {
    if (this.#transfer === undefined) return null;
    const { pauseShare, stopUs, ...rest } = this.#transfer;
    return {
      ...rest,
      throttle: pauseShare / 1000,
      stopMs: stopUs === 0 ? null : stopUs / 1000,
      bytesPerSecond: Math.round(this.#bytesPerSecond),
    };
  }

  /** Guest memory, on average since the first word of the primary. */
  get #bytesPerSecond(): number {
    const elapsedMs = Math.max(1, this.#lastMs - this.#startedMs);
    return (this.#transfer?.sentBytes ?? 0) / elapsedMs * 1000;
  }

  #line({ round, sentBytes, leftBytes, pauseShare }: Transfer): string {
    const slowed = pauseShare === 0 ? "" : `, the guest pauses for ${pauseShare / 10} %`;
    const sent = `${mebibytes(sentBytes)} at ${mebibytes(this.#bytesPerSecond)}/s`;
    return `${this.purpose}s: ${sent}, round ${round}, ` +
      `${mebibytes(leftBytes)} left${this.#estimate(leftBytes)}${slowed}`;
  }

  #bar(transfer: Transfer): string {
    const { sentBytes, leftBytes } = transfer;
    const share = sentBytes / Math.max(1, sentBytes + leftBytes);
    return `${bar(share, BAR_WIDTH)} ${this.#line(transfer)}`;
  }

  #estimate(leftBytes: number): string {
    const rate = this.#bytesPerSecond;
    return rate === 0 ? "" : `, about ${(leftBytes / rate).toFixed(1)} s`;
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function ms(us: number): string {
  return `${(us / 1000).toFixed(1)} ms`;
}
