/**
 * How a command's connections are protected: all of them by TLS with certificates of the pair on both ends, or
 * none.
 *
 * The logging channel carries the guest's whole memory, and whoever can speak on it can take the machine
 * over; a console types into it, a status port stops it. So without keys nothing leaves this host: addresses
 * other than loopback are refused unless the user says that the network is his own (`--insecure`).
 *
 * `tcp.ts`, `door.ts` and `status_server.ts` ask it before they open anything; commands make one of their options.
 */
import { Option } from "@commander-js/extra-typings";
import { UsageError } from "../base/errors.ts";
import { type Address, formatAddress } from "./address.ts";
import { type Keys, loadKeys } from "./keys.ts";

/** See the top of the file. */
export class Security {
  /** What a side without options has: the clear, within this host. */
  static readonly loopback: Security = new Security();

  /**
   * @param keys all connections are protected by them; undefined: none is
   * @param insecure addresses beyond this host may be used in the clear
   */
  constructor(readonly keys?: Keys, readonly insecure: boolean = false) {}

  /**
   * What the options of a command ask for.
   * @throws UsageError if they contradict each other, and what {@link loadKeys} throws
   */
  static from({ keys, insecure }: SecurityOptions): Security {
    if (keys === undefined) return new Security(undefined, insecure ?? false);
    if (insecure === true) {
      throw new UsageError("--keys and --insecure contradict each other: give one of them");
    }
    return new Security(loadKeys(keys));
  }

  /** @throws UsageError if bytes to or from this address would be open to others, unasked */
  permit(address: Address): void {
    if (this.keys !== undefined || this.insecure || isLoopback(address)) return;
    throw new UsageError(
      `${
        formatAddress(address)
      } is beyond this host, and there are no keys: whoever is on the way ` +
        "could read the machine's memory, or take it over. Make keys (understudy keygen DIR) and " +
        "give each host its own with --keys; or, in a network that is yours alone, give --insecure",
    );
  }
}

/** The options that all commands have which speak over a network. */
export interface SecurityOptions {
  readonly keys?: string | undefined;
  readonly insecure?: true | undefined;
}

/** The option `--keys`. */
export function keysOption(): Option<"--keys <dir>"> {
  return new Option(
    "--keys <dir>",
    "protect every connection with this host's keys, made by `understudy keygen`",
  );
}

/** The option `--insecure`. */
export function insecureOption(): Option<"--insecure"> {
  return new Option("--insecure", "speak in the clear beyond this host: in a network of your own");
}

/** Whether an address can be reached from this host only. Names other than localhost are taken for others':
 * what they lead to is not known before they are used. */
export function isLoopback({ hostname }: Address): boolean {
  if (!/^[\w.:-]+$/.test(hostname)) return false;
  // The URL standard's parser knows all the ways in which an IP address can be written.
  const url = URL.parse(`http://${hostname.includes(":") ? `[${hostname}]` : hostname}`);
  return /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(url?.hostname ?? "");
}
