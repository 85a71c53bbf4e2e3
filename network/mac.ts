/**
 * MAC addresses as text and as numbers, and the one that a machine has unless it is told otherwise: the same on
 * whichever host it runs.
 *
 * Used by the other files of this room and by primary/.
 */
import { createHash } from "node:crypto";
import type { MacAddress } from "../devices/virtio_net.ts";

/** What QEMU gives its machines: administered locally, so that no hardware has it. */
const PREFIX = [0x52, 0x54, 0x00] as const;

/** The address of the machine with this id. */
export function macOf(machineId: string): MacAddress {
  const [a, b, c] = createHash("sha256").update(machineId).digest();
  return [...PREFIX, a!, b!, c!];
}

/** Reads `52:54:00:12:34:56`; undefined for what is no address of a single card. */
export function parseMac(text: string): MacAddress | undefined {
  if (!/^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(text)) return undefined;
  const [a, b, c, d, e, f] = text.split(":").map((digits) => parseInt(digits, 16));
  const isGroup = (a! & 1) !== 0;
  const isNone = text.replaceAll(/[0:]/g, "") === "";
  return isGroup || isNone ? undefined : [a!, b!, c!, d!, e!, f!];
}

/** The address as text. */
export function macText(mac: MacAddress): string {
  return mac.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The address that a network card's `mac` is: a number, its first byte on top. */
export function macFrom(number: number): MacAddress {
  const at = (place: number) => Math.floor(number / 256 ** place) % 256;
  return [at(5), at(4), at(3), at(2), at(1), at(0)];
}
