/**
 * The addresses that a guest goes by on its network, learnt from the frames that it sends: who takes its place
 * announces them.
 *
 * ARP and neighbour discovery say them outright. From an IP packet's source they are learnt if the packet has not been
 * forwarded, which its hops say: a guest that is a router sends others' packets, too.
 *
 * Used by the networks of this room.
 */
import { seenAddressCount } from "../base/limits.ts";

const ETHERTYPE_AT = 12;
const ARP = 0x0806;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const PAYLOAD_AT = 14;

/** What a packet's hops are at its sender, by the conventions of the systems that there are. */
const FIRST_HOPS: ReadonlySet<number> = new Set([64, 128, 255]);

/** See the top of the file. */
export class SeenAddresses {
  /** As hexadecimal digits, the one that was seen last at the end. */
  readonly #seen = new Set<string>();

  /** The addresses, of 4 bytes (IPv4) or 16 (IPv6). */
  get all(): Uint8Array[] {
    return [...this.#seen].map((digits) => Uint8Array.fromHex(digits));
  }

  /** The guest has sent a frame. */
  learn(frame: Uint8Array): void {
    const address = senderOf(frame);
    if (address === undefined) return;
    const digits = address.toHex();
    this.#seen.delete(digits);
    this.#seen.add(digits);
    if (this.#seen.size > seenAddressCount) {
      for (const oldest of this.#seen) return void this.#seen.delete(oldest);
    }
  }
}

/** Whose frame it says to be; undefined if it does not, or not for sure. */
function senderOf(frame: Uint8Array): Uint8Array | undefined {
  const type = frame[ETHERTYPE_AT]! << 8 | frame[ETHERTYPE_AT + 1]!;
  const packet = frame.subarray(PAYLOAD_AT);
  if (type === ARP && packet.length >= 28) return single(packet.subarray(14, 18));
  if (type === IPV4 && packet.length >= 20) {
    return FIRST_HOPS.has(packet[8]!) ? single(packet.subarray(12, 16)) : undefined;
  }
  if (type === IPV6 && packet.length >= 40) {
    return FIRST_HOPS.has(packet[7]!) ? single(packet.subarray(8, 24)) : undefined;
  }
  return undefined;
}

/** An address that one host can have: neither none, nor a group's, nor this host's own. */
function single(address: Uint8Array): Uint8Array | undefined {
  const first = address[0]!;
  const isSingle = address.length === 4
    ? first !== 0 && first !== 127 && first < 224
    : first !== 0 && first !== 0xff;
  return isSingle ? address : undefined;
}
