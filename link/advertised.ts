/**
 * The address under which the other side reaches what listens here: what a register says, and a backup that
 * asks the arbiter connects to.
 *
 * A side that listens on every address of its host (`0.0.0.0`) can't be reached by that: its host's name stands
 * in for it. primary/ and backup/ call this before they claim.
 */
import { UsageError } from "../base/errors.ts";
import { formatAddress, parseAddress } from "./address.ts";

const everyAddress = new Set(["0.0.0.0", "::"]);

/**
 * The address to give to others.
 * @param listening what is listened on, `HOST:PORT`
 * @param asked `--advertise`; undefined: what follows from `listening`
 * @param hostname this host's name
 * @throws UsageError if nobody could connect to `asked`
 */
export function advertisedAddress(
  listening: string,
  asked: string | undefined,
  hostname: string,
): string {
  const address = parseAddress(asked ?? listening);
  const isEvery = everyAddress.has(address.hostname);
  if (asked === undefined) return formatAddress(isEvery ? { ...address, hostname } : address);
  if (!isEvery && address.port !== 0) return formatAddress(address);
  throw new UsageError(
    `--advertise ${asked}: expected the HOST:PORT under which the other side reaches this one`,
  );
}
