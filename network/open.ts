/**
 * Which network a command line means.
 */
import type { Say } from "../base/reporter.ts";
import type { Network } from "./network.ts";
import { parseNetSpec } from "./spec.ts";
import { TapNetwork } from "./tap_network.ts";

/**
 * Opens the network that `text` names; what arrives is dropped until it goes live.
 * @throws UsageError for what is not supported, UnavailableError for what can't be had
 */
export function openNetwork(text: string, say: Say): Network {
  return TapNetwork.open(parseNetSpec(text), say);
}
