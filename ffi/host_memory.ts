/**
 * Host memory outside of V8's heap: what the guest sees as its RAM. One thread maps it, and
 * hands address and size to others, which view the same bytes.
 *
 * Called by machine/, and by whoever reads guest memory while the guest runs.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/layout.ts";
import { check, libc, map, mapFlags } from "./libc.ts";

/** An anonymous mapping, zeroed, or a view of one that another thread owns. */
export class HostMemory implements Disposable {
  /** The bytes. **They dangle after dispose**: a later access ends the process with a SIGSEGV. */
  readonly bytes: Bytes;
  readonly #pointer: Deno.PointerObject;
  #owned: boolean;

  private constructor(pointer: Deno.PointerObject, size: number, owned: boolean) {
    this.bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, size));
    this.#pointer = pointer;
    this.#owned = owned;
  }

  /**
   * Maps `size` bytes. Pages take host memory only once they are touched (MAP_NORESERVE).
   * @throws OsError
   */
  static allocate(size: number): HostMemory {
    const { MAP_SHARED, MAP_ANONYMOUS, MAP_NORESERVE } = mapFlags;
    const flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
    return new HostMemory(map(size, flags, -1, "guest memory"), size, true);
  }

  /**
   * The same memory in another thread. The view does not own it: the thread that allocated it
   * must not dispose it for as long as the view is used.
   */
  static view(address: bigint, size: number): HostMemory {
    const pointer = Deno.UnsafePointer.create(address);
    assert(pointer !== null, "guest memory at address 0");
    return new HostMemory(pointer, size, false);
  }

  /** Where it is in this process; for {@link HostMemory.view} in another thread. */
  get address(): bigint {
    return Deno.UnsafePointer.value(this.#pointer);
  }

  /** In bytes. */
  get size(): number {
    return this.bytes.byteLength;
  }

  /** Unmaps the memory, if this is its owner. A second call does nothing. */
  [Symbol.dispose](): void {
    if (!this.#owned) return;
    this.#owned = false;
    check(libc.munmap(this.#pointer, BigInt(this.size)), "munmap of guest memory");
  }
}
