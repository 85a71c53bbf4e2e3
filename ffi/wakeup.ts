/**
 * A thread that waits for a descriptor, and can be woken by another one: poll, and an eventfd beside what it waits for.
 *
 * Called by network/.
 */
import { OsError } from "../base/errors.ts";
import { Descriptor } from "./descriptor.ts";
import { check, Errno, errno, libc } from "./libc.ts";

/** <sys/eventfd.h> */
const EFD_SEMAPHORE = 1;
const EFD_NONBLOCK_CLOEXEC = 0o2004000;

/** <poll.h>: `struct pollfd` is an int, then what is waited for and what has happened, 16 bits each. */
const POLLFD_BYTES = 8;
const POLLIN = 1;
const FOREVER = -1;

/** What another thread is woken with; any thread of the process can. */
export class Wakeup extends Descriptor {
  /** @throws OsError */
  static create(): Wakeup {
    return new Wakeup(check(libc.eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK_CLOEXEC), "eventfd"));
  }

  /** Wakes the thread that waits, or the next time that it is about to: as often as this is called. */
  wake(): void {
    libc.write(this.fd, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
  }
}

/** Waits for a descriptor or a wake-up, whichever comes first; both lent, and open for as long as this is used. */
export class Wait {
  readonly #polled = new Uint8Array(2 * POLLFD_BYTES);
  readonly #view = new DataView(this.#polled.buffer);
  readonly #count = new Uint8Array(8);

  /** @param fd what can be read @param wakeup the number of a {@link Wakeup} */
  constructor(fd: number, private readonly wakeup: number) {
    for (const [index, number] of [fd, wakeup].entries()) {
      this.#view.setInt32(index * POLLFD_BYTES, number, true);
      this.#view.setInt16(index * POLLFD_BYTES + 4, POLLIN, true);
    }
  }

  /**
   * Blocks this thread until there is something to read, or an error to be met by reading.
   * @returns whether it was woken
   * @throws OsError
   */
  block(): boolean {
    while (libc.poll(this.#polled, 2n, FOREVER) < 0) {
      if (errno() !== Errno.EINTR) throw new OsError("poll", errno());
    }
    if (this.#view.getInt16(POLLFD_BYTES + 6, true) === 0) return false;
    libc.read(this.wakeup, this.#count, 8n);
    return true;
  }
}
