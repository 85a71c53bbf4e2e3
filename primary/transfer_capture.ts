/**
 * A state transfer in rounds, as the vCPU's thread has a part in it: says which pages were written, and in the end
 * stops the machine for as long as it takes to copy the last of them.
 *
 * ```
 *   main    copy ──▶                 takeDirty ──▶              startLog ──▶
 *   here         ◀── copying                   ◀── dirty                 ◀── staged, the rest of the state, log
 *   main              reads memory, sends it        reads, sends              sends what was staged
 * ```
 *
 * The dirty set is taken *before* main reads those pages: what the guest writes while main reads is in the next
 * set, so that a page which was read in the middle of a write is read again. It is taken for the last time before
 * the last pages are copied out, and who listened goes over to the log that begins there: whatever is written from
 * then on, by whomever, is in the log's next state.
 *
 * Called by the recorder; main's part is pre_copy.ts.
 */
import { HostMemory } from "../ffi/host_memory.ts";
import type { DirtyListener } from "../machine/dirty_set.ts";
import { forEachPage } from "../machine/guest_memory.ts";
import type { Machine } from "../machine/machine.ts";
import { PAGE_BYTES } from "../machine/memory_map.ts";
import { writeDirty, writeStaged } from "../machine/records.ts";
import type { Ring } from "../machine/ring.ts";
import { captureOutputs, capturePages, captureRest, type Section } from "../machine/state.ts";
import type { FirstState } from "./first_state.ts";
import type { LastRound } from "./recorder_messages.ts";

/** See the top of the file. It listens to the dirty set until it has finished or is disposed of. */
export class TransferCapture implements Disposable {
  readonly #dirty: DirtyListener;
  /** What was written and is to be sent: what main was told last, and has not read if it ends the transfer. */
  readonly #toSend: Uint8Array<ArrayBuffer>;
  #isFinished = false;

  /** @param session that the state is for */
  constructor(private readonly machine: Machine, readonly session: number) {
    this.#dirty = machine.dirty.listen("state transfer", "nothing");
    this.#toSend = new Uint8Array(machine.memory.pages / 8);
  }

  /** Tells main which pages were written since it was told last. */
  takeDirty(ring: Ring): void {
    this.#dirty.take(this.#toSend);
    writeDirty(ring, this.session, this.#toSend);
  }

  /**
   * Copies the pages that main has not sent to the staging area; no instruction may be pending.
   * @returns what is left of the state
   */
  finish({ sequence, staging, pagesPerFrame }: LastRound, ring: Ring): FirstState {
    const { memory } = this.machine;
    const written = new Uint8Array(this.#toSend.length);
    this.#dirty.take(written);
    const pages: number[] = [];
    written.forEach((byte, index) => written[index] = byte | this.#toSend[index]!);
    forEachPage(written, (page) => pages.push(page));
    const staged = pages.slice(0, staging.pages);
    const { bytes } = HostMemory.view(BigInt(staging.address), staging.pages * PAGE_BYTES);
    copyPages(memory.bytes, staged, bytes);
    writeStaged(ring, this.session, staged);
    this.#isFinished = true;
    return {
      sequence: sequence + Math.ceil(staged.length / pagesPerFrame),
      sections: this.#rest(pages.slice(staged.length)),
      dirty: this.#dirty,
    };
  }

  /** What the staging area has no room for goes the log's way, as slowly as that is; and all that is no page. */
  *#rest(pages: readonly number[]): Generator<Section> {
    yield* capturePages(this.machine.memory, pages);
    yield* captureOutputs(this.machine);
    yield captureRest(this.machine);
  }

  [Symbol.dispose](): void {
    if (!this.#isFinished) this.#dirty[Symbol.dispose]();
  }
}

/** Copies pages, neighbours in one go. @param pages in ascending order */
function copyPages(from: Uint8Array, pages: readonly number[], to: Uint8Array): void {
  for (let place = 0; place < pages.length;) {
    const first = place;
    while (++place < pages.length && pages[place] === pages[place - 1]! + 1);
    const start = pages[first]! * PAGE_BYTES;
    const bytes = (place - first) * PAGE_BYTES;
    to.set(from.subarray(start, start + bytes), first * PAGE_BYTES);
  }
}
