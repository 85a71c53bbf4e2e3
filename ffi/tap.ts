/**
 * A TAP device: a network interface whose cable this process holds.
 *
 * Without offloads and without a header: what is read and written are Ethernet frames, checksums and all, as
 * Documentation/networking/tuntap.rst has them. A device that was not there before goes with its last descriptor, also
 * when the process is killed; one that somebody made persistent stays.
 *
 * The descriptor's number can be used in another thread of this process, for {@link TapEnd}.
 *
 * Called by network/.
 */
import { OsError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import { Descriptor } from "./descriptor.ts";
import { check, cString, Errno, errno, libc, openFlags } from "./libc.ts";
import { interfaceRequest, requestUnion } from "./network_interface.ts";

/** <linux/if_tun.h> */
const TUNSETIFF = 0x4004_54can;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;

/** What reads and writes a TAP device that somebody else of this process has open. */
export class TapEnd {
  /** @param fd its descriptor, to be kept open for as long as this is used */
  constructor(readonly fd: number) {}

  /**
   * Reads a frame, without waiting for one.
   * @param into as large as the largest, and a byte more: what fills it was cut off
   * @returns its length; undefined if there is none
   * @throws OsError with EBADFD if the interface is gone
   */
  read(into: Bytes): number | undefined {
    const length = Number(libc.read(this.fd, into, BigInt(into.length)));
    if (length >= 0) return length;
    if (errno() === Errno.EAGAIN || errno() === Errno.EINTR) return undefined;
    throw new OsError("reading a TAP device", errno());
  }

  /** Puts a frame on the wire. @returns whether the interface has taken it: one that is down does not */
  write(frame: Bytes): boolean {
    return libc.write(this.fd, frame, BigInt(frame.length)) >= 0;
  }
}

/** A TAP device that this process has opened. */
export class Tap extends Descriptor {
  /**
   * Opens the interface `name`, which is made if there is none.
   * @throws OsError
   */
  static open(name: string): Tap {
    const { O_RDWR, O_NONBLOCK, O_CLOEXEC } = openFlags;
    const device = "/dev/net/tun";
    const fd = libc.open(cString(device), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
    const tap = new Tap(check(fd, `open of ${device}`, "is there TAP in this host's kernel?"));
    try {
      const request = interfaceRequest(name);
      requestUnion(request).setUint16(0, IFF_TAP | IFF_NO_PI, true);
      if (libc.ioctlPointer(tap.fd, TUNSETIFF, request) < 0) {
        throw new OsError(`TUNSETIFF of ${name}`, errno(), adviceOn(errno(), name));
      }
      return tap;
    } catch (error) {
      tap[Symbol.dispose]();
      throw error;
    }
  }
}

function adviceOn(error: number, name: string): string {
  if (error === Errno.EBUSY) return `another process has ${name} open`;
  if (error === Errno.EINVAL) return `${name} is there, and is no TAP device of one queue`;
  if (error === Errno.EPERM) {
    return `run as root, or let root make it for you: ip tuntap add ${name} mode tap user $USER`;
  }
  return "";
}
