/**
 * Addresses as they are written on the command line, in registers and in messages: `HOST:PORT`,
 * `[IPV6]:PORT`, or `:PORT` for every address of this host.
 */
import { UsageError } from "../base/errors.ts";

/** Where to connect to, or to listen. */
export interface Address {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly hostname: string;
  /** 0 (any free one, for listening) to 65535. */
  readonly port: number;
}

/** Every address of this host, IPv4. */
const anyHost = "0.0.0.0";

/** Reads an address. @throws UsageError that shows how to write one */
export function parseAddress(text: string): Address {
  const match = text.match(/^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]*)):(\d{1,5})$/);
  const port = Number(match?.[3]);
  if (match === null || port > 0xffff) {
    throw new UsageError(
      `address ${
        JSON.stringify(text)
      }: expected HOST:PORT, [IPV6]:PORT or :PORT, with a port up to 65535`,
    );
  }
  return { hostname: match[1] ?? (match[2] || anyHost), port };
}

/** Writes an address so that {@link parseAddress} reads it. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
