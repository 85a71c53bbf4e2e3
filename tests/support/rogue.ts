/**
 * What is asked of a rogue (guests/rogue): a ledger's requests, and those whose answer only a processor knows.
 *
 * Called by the tests and campaigns that run one.
 */
import { mixedRequest } from "../../demo/ledger_client.ts";

/** What request number `k` asks; a pure function of `k`. */
export function rogueRequest(k: number): string {
  return ["tsc", "tscp", "random"][k % 8] ?? mixedRequest(k);
}
