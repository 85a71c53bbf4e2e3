/**
 * Output that main has not got yet: it waits for its frame, or in checkpoint mode for its state.
 *
 * It is due at a newline and at HLT, when it is large, and when it is old; in checkpoint mode a newline waits for the
 * end of the epoch. Network frames are whole as a line is, each. Its age is what the guest has run since, so that a
 * pause makes no more frames.
 *
 * Used by the recorder in the vCPU's thread.
 */
import { flushDelayMaxUs, outputBatchBytes } from "../base/limits.ts";
import type { Channel } from "../machine/channel.ts";
import { Sink } from "../machine/control.ts";
import type { Machine } from "../machine/machine.ts";
import { OutputBatch } from "../machine/output_batch.ts";
import type { OutputRecord } from "../machine/records.ts";

const NEWLINE = 10;

/** See the top of the file. */
export class WaitingOutput {
  /** By the sink's number. */
  readonly #batches = Object.values(Sink).map((sink) => new OutputBatch(sink));
  #bytes = 0;
  /** How long the guest had run when the first of it was put out, in microseconds. */
  #sinceUs = 0;
  #hasWhole = false;

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** The guest puts bytes out, having run for `ranUs` microseconds. */
  add(sink: number, offset: number, bytes: Uint8Array, ranUs: number): void {
    if (this.isEmpty) this.#sinceUs = ranUs;
    this.#bytes += bytes.length;
    this.#batches[sink]!.add(offset, bytes);
    if (sink === Sink.net || bytes.at(-1) === NEWLINE) this.#hasWhole = true;
  }

  /**
   * Whether it has waited enough.
   * @param ranUs how long the guest has run, in microseconds
   * @param epochUs in checkpoint mode, how long it waits for more
   */
  isDue({ halted }: Machine, ranUs: number, epochUs: number | undefined): boolean {
    if (this.isEmpty) return false;
    return halted || this.#hasWhole && epochUs === undefined ||
      this.#bytes >= outputBatchBytes ||
      ranUs - this.#sinceUs >= (epochUs ?? flushDelayMaxUs);
  }

  /** Hands it to main, at most one output a sink; see {@link OutputBatch.write}. */
  write(channel: Channel, machine: Machine, point = machine.point): OutputRecord[] {
    this.#hasWhole = false;
    this.#bytes = 0;
    return this.#batches.flatMap((batch) => batch.write(channel, machine, point) ?? []);
  }
}
