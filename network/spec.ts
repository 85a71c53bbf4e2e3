/**
 * What `--net` says.
 *
 *     tap:NAME[,mac=ADDRESS][,bridge=BRIDGE]     a TAP device of this host
 *
 * Used by open.ts, and by command lines before anything is opened.
 */
import { UsageError } from "../base/errors.ts";
import type { NetOptions } from "../devices/board.ts";
import type { MacAddress } from "../devices/virtio_net.ts";
import { isInterfaceName } from "../ffi/network_interface.ts";
import { macOf, parseMac } from "./mac.ts";

/** A TAP device. */
export interface TapSpec {
  /** As it was given. */
  readonly text: string;
  /** The interface. */
  readonly name: string;
  /** The MAC address of a fresh machine; undefined: it follows from the machine's id. */
  readonly mac: MacAddress | undefined;
  /** The bridge that the interface is a port of; undefined: that is somebody else's affair. */
  readonly bridge: string | undefined;
}

const EXPECTED = "expected tap:NAME[,mac=52:54:00:12:34:56][,bridge=NAME]";

/** Reads a value of `--net`. @throws UsageError for what is none */
export function parseNetSpec(text: string): TapSpec {
  const wrong = (what: string) =>
    new UsageError(`--net ${JSON.stringify(text)}: ${what}; ${EXPECTED}`);
  if (!text.startsWith("tap:")) throw wrong("it is no TAP device");
  const [name = "", ...settings] = text.slice("tap:".length).split(",");
  const check = (value: string) => {
    if (isInterfaceName(value)) return value;
    throw wrong(`${JSON.stringify(value)} can't be an interface's name`);
  };
  const found = {
    mac: undefined as MacAddress | undefined,
    bridge: undefined as string | undefined,
  };
  for (const setting of settings) {
    const [key, value = ""] = setting.split("=", 2);
    if (key === "bridge") found.bridge = check(value);
    else if (key !== "mac") throw wrong(`${JSON.stringify(setting)} is no setting`);
    else if ((found.mac = parseMac(value)) === undefined) {
      throw wrong(`${JSON.stringify(value)} is no MAC address of a single card`);
    }
  }
  return { text, name: check(name), ...found };
}

/** The network card of a fresh machine whose network `--net` says. @throws UsageError for what says none */
export function cardFor(net: string, machineId: string): NetOptions {
  return { mac: parseNetSpec(net).mac ?? macOf(machineId) };
}
