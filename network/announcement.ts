/**
 * The frames that tell a network where a machine is now: its bridges and switches learn its port from their source
 * address, its neighbours hear the addresses that they know it by.
 *
 * Sources: RFC 903 (reverse ARP, sent by hypervisors for this since it names no IP address), RFC 5227 section 2.3 (ARP
 * announcement), RFC 4861 sections 4.4 and 7.2.6 (unsolicited neighbour advertisement).
 */
import { FRAME_BYTES_MIN } from "../devices/net_frames.ts";
import type { MacAddress } from "../devices/virtio_net.ts";

type Frame = Uint8Array<ArrayBuffer>;

const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/** ff02::1 and the address that it has on Ethernet. */
const ALL_NODES = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const ALL_NODES_MAC = [0x33, 0x33, 0, 0, 0, 1];
/** Ethernet's smallest frame, without its checksum. */
const FRAME_BYTES_PADDED = 60;
const ICMPV6 = 58;

/**
 * What announces a machine.
 * @param addresses its IP addresses, of 4 or 16 bytes
 */
export function announcementOf(mac: MacAddress, addresses: readonly Uint8Array[]): Frame[] {
  return [
    reverseArp(mac),
    ...addresses.map((address) =>
      address.length === 4 ? arpAnnouncement(mac, address) : neighbourAdvertisement(mac, address)
    ),
  ];
}

/** Asks who has this MAC address; nobody need answer. */
function reverseArp(mac: MacAddress): Frame {
  return arp(0x8035, [0, 3, ...mac, 0, 0, 0, 0, ...mac, 0, 0, 0, 0], mac);
}

/** Asks for its own address, as who has just got it does. */
function arpAnnouncement(mac: MacAddress, address: Uint8Array): Frame {
  return arp(0x0806, [0, 1, ...mac, ...address, 0, 0, 0, 0, 0, 0, ...address], mac);
}

function arp(etherType: number, rest: readonly number[], mac: MacAddress): Frame {
  const ethernetAndIpv4 = [0, 1, 8, 0, 6, 4];
  return frame(BROADCAST, mac, etherType, [...ethernetAndIpv4, ...rest]);
}

/** Says to all nodes who has this address, over what they have noted. */
function neighbourAdvertisement(mac: MacAddress, address: Uint8Array): Frame {
  const override = 0x20;
  const targetLinkLayerAddress = [2, 1, ...mac];
  const message = [136, 0, 0, 0, override, 0, 0, 0, ...address, ...targetLinkLayerAddress];
  const checksum = internetChecksum([
    ...[...address, ...ALL_NODES, 0, 0, 0, message.length, 0, 0, 0, ICMPV6],
    ...message,
  ]);
  message[2] = checksum >>> 8;
  message[3] = checksum & 0xff;
  const header = [0x60, 0, 0, 0, 0, message.length, ICMPV6, 255, ...address, ...ALL_NODES];
  return frame(ALL_NODES_MAC, mac, 0x86dd, [...header, ...message]);
}

function frame(
  to: readonly number[],
  from: MacAddress,
  etherType: number,
  payload: readonly number[],
): Frame {
  const bytes = new Uint8Array(Math.max(FRAME_BYTES_MIN + payload.length, FRAME_BYTES_PADDED));
  bytes.set([...to, ...from, etherType >>> 8, etherType & 0xff, ...payload]);
  return bytes;
}

/** RFC 1071, over an even number of bytes. */
function internetChecksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes[at]! << 8 | bytes[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
