/**
 * A network namespace without a name: a network stack of its own that is there for as long as somebody holds it, a
 * process or this object. So nothing is left of it, however the process ends.
 *
 * A thread is in one namespace; sockets and processes that it makes are born there. Deno makes both in the thread that
 * asks for them, and threads are born where the one that starts them is.
 *
 * Called by demo/, tests and benchmarks, which make hosts and cables of these.
 */
import { Descriptor } from "./descriptor.ts";
import { check, cString, libc, openFlags } from "./libc.ts";

/** <linux/sched.h> */
const CLONE_NEWNET = 0x4000_0000;

const ADVICE = "this needs root, or CAP_SYS_ADMIN";

/** One namespace. */
export class NetworkNamespace extends Descriptor {
  /** The one that the calling thread is in. @throws OsError */
  static current(): NetworkNamespace {
    const path = "/proc/thread-self/ns/net";
    const { O_RDONLY, O_CLOEXEC } = openFlags;
    const fd = libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0);
    return new NetworkNamespace(check(fd, `open of ${path}`));
  }

  /** A new one, with a loopback interface that is down. @throws OsError where it is not allowed */
  static create(): NetworkNamespace {
    using before = NetworkNamespace.current();
    check(libc.unshare(CLONE_NEWNET), "unshare", ADVICE);
    try {
      return NetworkNamespace.current();
    } finally {
      before.enter();
    }
  }

  /** Where other programs of this host find it, while this process has it. */
  get path(): string {
    return `/proc/${Deno.pid}/fd/${this.fd}`;
  }

  /** The calling thread is in it from now on. @throws OsError */
  enter(): void {
    check(libc.setns(this.fd, CLONE_NEWNET), "setns", ADVICE);
  }

  /** Does something in it that is done when it returns: starts a process, say. */
  within<T>(work: () => T): T {
    using before = NetworkNamespace.current();
    this.enter();
    try {
      return work();
    } finally {
      before.enter();
    }
  }
}
