/**
 * When the log gets a digest, and the digest itself: the recorder's part of `--verify`.
 *
 * In the vCPU's thread, asked at every boundary; protocol/verify.ts has the choices.
 */
import { crc32c } from "../codec/codec.ts";
import { Gauge } from "../machine/channel.ts";
import { Digester } from "../machine/digest.ts";
import type { Machine } from "../machine/machine.ts";
import type { PageHashes } from "../machine/page_hashes.ts";
import type { Verify } from "../protocol/verify.ts";

/** See the top of the file. */
export class Verifier {
  /** While there is a log. */
  #digester: Digester | undefined;
  #lastPoint = 0;

  /** @param verify may be changed at any time */
  constructor(public verify: Verify) {}

  /** The execution point of the last digest, or of the state that the log begins with. */
  get lastPoint(): number {
    return this.#lastPoint;
  }

  /** A log begins here with the machine's state: there is nothing to compare yet. */
  begin(machine: Machine): void {
    this.#digester ??= new Digester(machine, "everything");
    this.#lastPoint = machine.point;
  }

  /** Pages that a backup with these hashes may lack, one bit a page; all, if nothing is known here. */
  differing(other: PageHashes, pages: number): Uint8Array<ArrayBuffer> {
    const bitmap = new Uint8Array(pages / 8).fill(0xff);
    this.#digester?.differing(other, bitmap);
    return bitmap;
  }

  /** The log has ended, and none will begin that a digest of this one's could serve. */
  end(): void {
    this.#digester?.[Symbol.dispose]();
    this.#digester = undefined;
  }

  /** Prepares the first digest of a log a little; see {@link Digester.lookAhead}. */
  lookAhead(): void {
    this.#digester?.lookAhead();
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

  /** The digest of this point, for the log; undefined if that has ended. No instruction may be pending. */
  take({ point }: Machine, gauges: Float64Array): Uint8Array<ArrayBuffer> | undefined {
    this.#lastPoint = point;
    if (this.#digester === undefined) return undefined;
    const digest = this.#digester.take();
    gauges[Gauge.digestPoint] = point;
    gauges[Gauge.digest] = crc32c(digest);
    gauges[Gauge.digests]!++;
    return digest;
  }
}
