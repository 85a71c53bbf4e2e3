/**
 * What of a primary's options can be changed while it runs (`understudy set`), and what each of them may be.
 *
 * Called where a primary is started, and by primary_side.ts.
 */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { parseLimit, parseMilliseconds } from "../base/command_line.ts";
import { UsageError } from "../base/errors.ts";
import { epochLengthMaxMs, lagMaxLeastMs, timeoutMaxMs } from "../base/limits.ts";
import { PROTECTION_MODES, type ProtectionMode, type Settings } from "../protocol/rules.ts";
import { checkSlice } from "./slicer.ts";

/** The settings by their names on the command line: which they are, and how their values are read. */
const NAMES = {
  "mode": (text: string) => ({ mode: parseMode(text) }),
  "slice": (text: string) => ({ sliceMs: parseMilliseconds(text) }),
  "epoch": (text: string) => ({ epochLengthMs: parseMilliseconds(text) }),
  "lag-max": (text: string) => ({ lagMaxMs: parseLimit(text) }),
} as const satisfies Record<string, (text: string) => Partial<Settings>>;

/** Checks those that are given. @throws UsageError if one of them can't be so */
export function checkSettings({ sliceMs, epochLengthMs, lagMaxMs }: Partial<Settings>): void {
  if (sliceMs !== undefined) checkSlice(sliceMs);
  if (epochLengthMs !== undefined && epochLengthMs > epochLengthMaxMs) {
    throw new UsageError(`--epoch ${epochLengthMs}ms: expected at most ${epochLengthMaxMs}ms`);
  }
  const isLag = lagMaxMs === undefined || lagMaxMs === 0 ||
    lagMaxMs >= lagMaxLeastMs && lagMaxMs <= timeoutMaxMs;
  if (isLag) return;
  throw new UsageError(
    `--lag-max ${lagMaxMs}ms: expected off, or ${lagMaxLeastMs}ms to ${timeoutMaxMs}ms`,
  );
}

/** The settings in a request. @throws UsageError if there are none, or one is not what it can be */
export function parseSettings(changes: ReadonlyMap<string, string>): Partial<Settings> {
  const names = Object.keys(NAMES).join(", ");
  if (changes.size === 0) throw new UsageError(`nothing to set: expected some of ${names}`);
  let settings: Partial<Settings> = {};
  for (const [name, value] of changes) {
    const parse = Object.hasOwn(NAMES, name) ? NAMES[name as keyof typeof NAMES] : undefined;
    if (parse === undefined) throw new UsageError(`${name} can't be set: expected ${names}`);
    try {
      settings = { ...settings, ...parse(value) };
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new UsageError(`${name}=${value}: ${error.message}`);
    }
  }
  checkSettings(settings);
  return settings;
}

/** What holds, in the words of a request. */
export function settingsText({ mode, sliceMs, epochLengthMs, lagMaxMs }: Settings): string {
  const lagMax = lagMaxMs === 0 ? "off" : `${lagMaxMs}ms`;
  return `mode=${mode} slice=${sliceMs}ms epoch=${epochLengthMs}ms lag-max=${lagMax}`;
}

function parseMode(text: string): ProtectionMode {
  const mode = PROTECTION_MODES.find((name) => name === text);
  if (mode === undefined) throw new InvalidArgumentError(`expected ${PROTECTION_MODES.join(", ")}`);
  return mode;
}
