/**
 * A network interface of this host, by its name: whether it is there, whether it is up, and of which bridge it is a
 * port; as ifconfig and brctl do it.
 *
 * Called by network/.
 */
import { OsError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import { Descriptor } from "./descriptor.ts";
import { check, cString, Errno, errno, libc } from "./libc.ts";

/** `sizeof (struct ifreq)`, <net/if.h>: a name of 16 bytes, then a union. */
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

/** <linux/sockios.h> */
const SIOCGIFFLAGS = 0x8913n;
const SIOCSIFFLAGS = 0x8914n;
const SIOCGIFINDEX = 0x8933n;
const SIOCBRADDIF = 0x89a2n;
const SIOCBRDELIF = 0x89a3n;

const IFF_UP = 1;

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;

const ADVICE = "this needs root, or CAP_NET_ADMIN";

/** Whether the kernel takes it for an interface's name: `dev_valid_name` of net/core/dev.c. */
export function isInterfaceName(name: string): boolean {
  const { length } = cString(name);
  return length > 1 && length <= NAME_BYTES && !/^\.{1,2}$|[/:\s\0]/.test(name);
}

/** A `struct ifreq` for this interface; its union all zero. @throws OsError for what is no name */
export function interfaceRequest(name: string): Bytes {
  if (!isInterfaceName(name)) {
    throw new OsError(`naming an interface ${JSON.stringify(name)}`, Errno.EINVAL);
  }
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(cString(name));
  return request;
}

/** A `struct ifreq`'s union, as numbers. */
export function requestUnion(request: Bytes): DataView<ArrayBuffer> {
  return new DataView(request.buffer, NAME_BYTES);
}

/** Asks the kernel about interfaces. */
export class Interfaces extends Descriptor {
  /** @throws OsError */
  static open(): Interfaces {
    return new Interfaces(check(libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0), "socket"));
  }

  /** Its number; undefined if it is not there. @throws OsError */
  indexOf(name: string): number | undefined {
    const request = interfaceRequest(name);
    if (libc.ioctlPointer(this.fd, SIOCGIFINDEX, request) >= 0) {
      return requestUnion(request).getInt32(0, true);
    }
    if (errno() === Errno.ENODEV) return undefined;
    throw new OsError(`SIOCGIFINDEX of ${name}`, errno());
  }

  /** Brings it up, if it is not. @throws OsError */
  bringUp(name: string): void {
    const request = interfaceRequest(name);
    check(libc.ioctlPointer(this.fd, SIOCGIFFLAGS, request), `SIOCGIFFLAGS of ${name}`);
    const flags = requestUnion(request).getUint16(0, true);
    if ((flags & IFF_UP) !== 0) return;
    requestUnion(request).setUint16(0, flags | IFF_UP, true);
    check(libc.ioctlPointer(this.fd, SIOCSIFFLAGS, request), `bringing up ${name}`, ADVICE);
  }

  /** Makes it a port of a bridge, of which it is none. @throws OsError */
  addToBridge(bridge: string, name: string): void {
    this.#changeBridge(SIOCBRADDIF, bridge, name, `adding ${name} to the bridge ${bridge}`);
  }

  /** The other way. @throws OsError */
  removeFromBridge(bridge: string, name: string): void {
    this.#changeBridge(SIOCBRDELIF, bridge, name, `removing ${name} from the bridge ${bridge}`);
  }

  #changeBridge(call: bigint, bridge: string, name: string, what: string): void {
    const index = this.indexOf(name);
    if (index === undefined) throw new OsError(what, Errno.ENODEV, `there is no ${name}`);
    const request = interfaceRequest(bridge);
    requestUnion(request).setInt32(0, index, true);
    check(libc.ioctlPointer(this.fd, call, request), what, ADVICE);
  }
}
