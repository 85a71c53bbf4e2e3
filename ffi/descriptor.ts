/**
 * A file descriptor that somebody owns: what the descriptor classes of this room have in common.
 *
 * Called by them only.
 */
import { assert } from "../base/assert.ts";
import { errno, libc } from "./libc.ts";

/** Owns a file descriptor and closes it, once. */
export class Descriptor implements Disposable {
  #fd: number;

  /** Takes `fd` over. */
  constructor(fd: number) {
    assert(fd >= 0, `descriptor ${fd}, expected one that is open`);
    this.#fd = fd;
  }

  /** The number; -1 once disposed, so that a late call fails with EBADF. */
  get fd(): number {
    return this.#fd;
  }

  /** Closes the descriptor. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    const result = libc.close(this.#fd);
    assert(result === 0, `close(${this.#fd}) failed with errno ${errno()}`);
    this.#fd = -1;
  }
}
