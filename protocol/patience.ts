/**
 * How long a backup has heard nothing of its primary. A side that was itself stopped has not listened: its silence
 * counts from when it woke, once.
 *
 * Pure. Used by the backup's protocol.
 */

/** See the top of the file. */
export class Patience {
  #heardMs = -Infinity;
  /** Silence has been forgiven once since something was heard. */
  #forgiven = false;
  #lastTickMs = -Infinity;

  /** Something has come. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#forgiven = false;
  }

  /** At a tick: for how long nothing has been heard, in milliseconds. */
  silenceMs(nowMs: number, timeoutMs: number): number {
    if (nowMs - this.#lastTickMs > timeoutMs / 2 && !this.#forgiven) {
      this.#heardMs = nowMs;
      this.#forgiven = true;
    }
    return nowMs - this.#heardMs;
  }

  /** After each tick. */
  ticked(nowMs: number): void {
    this.#lastTickMs = nowMs;
  }
}
