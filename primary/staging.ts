/**
 * The staging area: where the vCPU's thread copies the last pages of a state transfer to, so that the guest can go
 * on while main makes frames of them.
 *
 * Main makes it, the thread writes to it between a `startLog` and its answer. Main frees it after that.
 */
import { HostMemory } from "../ffi/host_memory.ts";
import { PAGE_BYTES } from "../machine/memory_map.ts";

/** Touched at a time: main does other things in between. */
const TOUCH_BYTES = 1 << 20;

/** See the top of the file. */
export class Staging implements Disposable {
  readonly #memory: HostMemory;
  #touched = 0;

  /** @param pages it has room for */
  constructor(readonly pages: number) {
    this.#memory = HostMemory.allocate(pages * PAGE_BYTES);
  }

  /** Where it is in this process. */
  get address(): number {
    return Number(this.#memory.address);
  }

  /**
   * Has the host give it some more memory, now, and not while the machine stands still.
   * @param pages as many as it has to have
   * @returns false: it has them, or all
   */
  touch(pages = this.pages): boolean {
    const { bytes } = this.#memory;
    if (this.#touched >= Math.min(bytes.length, pages * PAGE_BYTES)) return false;
    bytes.fill(0, this.#touched, this.#touched += TOUCH_BYTES);
    return true;
  }

  /** All of it. */
  get bytes(): Uint8Array {
    return this.#memory.bytes;
  }

  /** Frees it. Once nobody writes to it any more. */
  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
