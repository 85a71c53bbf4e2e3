/**
 * The words of a pair's control prompt: what a line asks for. Pure; `pair_control.ts` does it.
 */
import { UsageError } from "../../base/errors.ts";
import { parseCount, parseMilliseconds } from "../../base/command_line.ts";
import { bothWays, type End, ENDS, type Way } from "./link_rules.ts";
import { HOST_NAMES, type HostName } from "./pair.ts";

/** What a line asks for. */
export type Request =
  | { readonly verb: "nothing" | "help" | "status" | "quit" }
  | { readonly verb: "run" | "start"; readonly host: HostName; readonly command: string }
  | { readonly verb: "kill" | "boot" | "pause" | "resume"; readonly host: HostName }
  | { readonly verb: "cut" | "heal"; readonly ways: readonly Way[] }
  | { readonly verb: "delay"; readonly ways: readonly Way[]; readonly delayMs: number }
  | { readonly verb: "reach"; readonly host: HostName; readonly port: number }
  | { readonly verb: "sleep"; readonly durationMs: number };

/** All of it, for a person. */
export const promptHelp = `\
  run A COMMAND      run it in host A, and wait for its end
  start B COMMAND    run it in host B, and go on
  kill A             host A is gone at once, as by a power failure
  boot A             boot it again, with nothing of what it had written
  pause A, resume A  stop the whole host where it is; let it go on
  cut A>B            frames from A to B are lost; A-B: both ways
  delay A-B 200ms    frames take so much longer
  heal A-B, heal     as at first; without ends: everything
  reach A 7100       an address on this machine that leads to a port of A
  sleep 2s, status, help, quit
Ends of a way: A, B, arbiter, observer. A line that begins with # is nothing.`;

/** What a line asks for. @throws UsageError that says what would have been understood */
export function parseRequest(line: string): Request {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return { verb: "nothing" };
  const [verb, first = "", ...rest] = text.split(/\s+/);
  const isBare = first === "";
  if ((verb === "help" || verb === "status" || verb === "quit") && isBare) return { verb };
  if (verb === "run" || verb === "start") {
    const command = text.match(/^\S+\s+\S+\s+(.+)$/s)?.[1];
    if (command !== undefined) return { verb, host: parseHost(first), command };
  }
  if (verb === "delay" && rest.length === 1) {
    return { verb, ways: parseWays(first), delayMs: parseMilliseconds(rest[0]!) };
  }
  if (verb === "reach" && rest.length === 1) {
    return { verb, host: parseHost(first), port: parseCount(rest[0]!) };
  }
  if (rest.length === 0) {
    if (verb === "heal" && isBare) return { verb, ways: [] };
    if ((verb === "cut" || verb === "heal") && !isBare) return { verb, ways: parseWays(first) };
    if (verb === "sleep" && !isBare) return { verb, durationMs: parseMilliseconds(first) };
    if (verb === "kill" || verb === "boot" || verb === "pause" || verb === "resume") {
      return { verb, host: parseHost(first) };
    }
  }
  throw new UsageError(`${JSON.stringify(text)} is not understood; try: help`);
}

function parseHost(text: string): HostName {
  const found = HOST_NAMES.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`${JSON.stringify(text)} is no host: A or B`);
}

/** `A>B`: one way; `A-B`: both. */
function parseWays(text: string): readonly Way[] {
  const [, one, sign, other] = text.match(/^(\w+)([>-])(\w+)$/) ?? [];
  const from = parseEnd(one);
  const to = parseEnd(other);
  if (from === undefined || to === undefined || from === to) {
    throw new UsageError(
      `${JSON.stringify(text)} is no way: A>B, A-arbiter, observer>B; ends: ${ENDS.join(", ")}`,
    );
  }
  return sign === ">" ? [{ from, to }] : bothWays(from, to);
}

function parseEnd(text: string | undefined): End | undefined {
  return ENDS.find((end) => end === text);
}
