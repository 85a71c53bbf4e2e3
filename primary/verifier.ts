/**
 * When the log gets a digest, and the digest itself: the recorder's part of `--verify`.
 *
 * Used by session_log.ts in the vCPU's thread; protocol/verify.ts has the choices.
 */
import { crc32c } from "../codec/codec.ts";
import { Gauge } from "../machine/channel.ts";
import type { Digester } from "../machine/digest.ts";
import type { Machine } from "../machine/machine.ts";
import type { Verify } from "../protocol/verify.ts";

/** Of one log. */
export class Verifier {
  #lastPoint: number;

  /**
   * To be made where the log begins, with the machine's state: there is nothing to compare yet.
   * @param digester of the machine; the caller's
   */
  constructor(
    { point }: Machine,
    private readonly digester: Digester,
    private readonly verify: Verify,
  ) {
    this.#lastPoint = point;
  }

  /** The execution point of the last digest, or of the state that the log begins with. */
  get lastPoint(): number {
    return this.#lastPoint;
  }

  /** Whether the log has digests, besides the one at the guest's end. */
  get isOn(): boolean {
    return this.verify !== "off";
  }

  /** Prepares the first digest of the log a little; see {@link Digester.lookAhead}. */
  lookAhead(): void {
    this.digester.lookAhead();
  }

  /**
   * Whether the log has to have a digest of this point.
   * @param isOutputDue the frame is about to be closed because output waits for it
   */
  isDue({ point }: Machine, isOutputDue: boolean): boolean {
    switch (this.verify) {
      case "off":
        return false;
      case "every":
        return point > this.#lastPoint;
      case "commit":
        return isOutputDue && point > this.#lastPoint;
      default:
        return point - this.#lastPoint >= this.verify;
    }
  }

  /** The digest of this point, for the log. No instruction may be pending. */
  take({ point }: Machine, gauges: Float64Array): Uint8Array<ArrayBuffer> {
    this.#lastPoint = point;
    const digest = this.digester.take();
    gauges[Gauge.digestPoint] = point;
    gauges[Gauge.digest] = crc32c(digest);
    gauges[Gauge.digests]!++;
    return digest;
  }
}
