/**
 * The report of a divergence: what is known of it, as text for people and as JSON for programs.
 *
 * A divergence is noticed at the end of a frame or at a digest. The first exit that differs may have been before:
 * the two sides' trails name it, if the primary lives and still has it. Pure; divergence_reporter.ts calls this.
 */
import type { Difference } from "../base/errors.ts";
import { describeExit, trailEntryBytes, trailFields } from "../machine/exit_trail.ts";
import type { Divergence } from "../protocol/backup.ts";
import type { Comparison } from "./comparison.ts";
import type { DivergenceDetails } from "./replay_thread_messages.ts";

/** What the two sides were doing at one exit. */
export interface TwoExits {
  readonly point: number;
  /** An entry of the primary's trail; empty: not known. */
  readonly recorded: Uint8Array;
  /** The same of the backup's. */
  readonly replayed: Uint8Array;
}

/** All that is known. */
export interface DivergenceFacts {
  readonly machineId: string;
  readonly generation: number;
  readonly who: string;
  /** When it was noticed, milliseconds since 1970. */
  readonly atMs: number;
  /** Up to this execution point everything was verified. */
  readonly verifiedThrough: number;
  readonly comparison: Comparison;
  readonly divergence: Divergence;
  readonly details: DivergenceDetails;
  readonly exits: TwoExits | undefined;
}

/** See the top of the file. Values are hexadecimal texts: 64 bits do not fit JSON's numbers everywhere. */
export interface DivergenceReport {
  readonly format: 1;
  readonly machineId: string;
  readonly generation: number;
  readonly backup: string;
  readonly at: string;
  /** The first execution point known to differ. */
  readonly point: number;
  /** Where it was noticed, and in what. */
  readonly noticed: { point: number; place: string; recorded: string; replayed: string };
  readonly verifiedThrough: number;
  readonly compared: Comparison;
  /** Where it was noticed: the fields that differ. */
  readonly differences: readonly Difference[];
  /** At the first exit that differs or is to come: what it was, all general registers; null: not known. */
  readonly exit: { point: number; recorded: ExitFacts | null; replayed: ExitFacts | null } | null;
  readonly exitDifferences: readonly Difference[];
  /** The devices' fields where the replay stood when it was noticed. */
  readonly devices: Readonly<Record<string, string>>;
}

/** One exit. */
interface ExitFacts {
  readonly what: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The report of these facts. */
export function reportOf(facts: DivergenceFacts): DivergenceReport {
  const { machineId, generation, who, atMs, divergence, details, exits } = facts;
  const { point, place, recorded, replayed } = divergence;
  const exit = exits === undefined ? null : {
    point: exits.point,
    recorded: exitFacts(exits.recorded),
    replayed: exitFacts(exits.replayed),
  };
  return {
    format: 1,
    machineId,
    generation,
    backup: who,
    at: new Date(atMs).toISOString(),
    point: exit === null ? point : Math.min(exit.point, point),
    noticed: { point, place, recorded, replayed },
    verifiedThrough: facts.verifiedThrough,
    compared: facts.comparison,
    differences: details.differences,
    exit,
    exitDifferences: exit === null ? [] : differencesOf(exit.recorded, exit.replayed),
    devices: details.devices,
  };
}

/** The report in words. */
export function reportText(report: DivergenceReport): string {
  const { noticed, exit } = report;
  const lines = [
    `Machine ${report.machineId}, generation ${report.generation}: the replay of ${report.backup} diverged.`,
    "",
    `noticed             ${report.at}, at execution point ${noticed.point}, in ${noticed.place}`,
    `                    recorded ${noticed.recorded}, replayed ${noticed.replayed}`,
    `verified through    execution point ${report.verifiedThrough}`,
    `first difference    ${firstDifference(report)}`,
    `compared            ${report.compared}`,
    "",
    "What differs where it was noticed (recorded, replayed):",
    ...report.differences.map(showDifference),
  ];
  if (exit !== null && (exit.recorded ?? exit.replayed) !== null) {
    lines.push("", `The exit at execution point ${exit.point}:`);
    lines.push(`  recorded: ${exit.recorded?.what ?? "not known any more"}`);
    lines.push(`  replayed: ${exit.replayed?.what ?? "none: the replay did not come so far"}`);
    lines.push(...report.exitDifferences.map(showDifference));
    lines.push("", "All that is known of that exit (recorded, replayed):");
    const names = Object.keys((exit.recorded ?? exit.replayed)?.fields ?? {});
    for (const name of names) {
      const [recorded, replayed] = [exit.recorded?.fields[name], exit.replayed?.fields[name]];
      lines.push(showDifference({ name, recorded: recorded ?? "-", replayed: replayed ?? "-" }));
    }
  }
  lines.push("", "The devices where the replay stood:");
  for (const [name, value] of Object.entries(report.devices)) lines.push(`  ${name} = ${value}`);
  return `${lines.join("\n")}\n`;
}

function firstDifference({ noticed, exit, verifiedThrough }: DivergenceReport): string {
  const { point } = noticed;
  if (exit === null) {
    return `after execution point ${verifiedThrough}, at ${point} at the latest; the exits are not known any more`;
  }
  if (exit.point <= point) return `the exit at execution point ${exit.point}`;
  return `execution point ${point}; all exits up to there are the recorded ones`;
}

function showDifference({ name, recorded, replayed }: Difference): string {
  return `  ${name.padEnd(20)} ${recorded}  ${replayed}${recorded === replayed ? "" : "  <<"}`;
}

function exitFacts(entry: Uint8Array): ExitFacts | null {
  if (entry.length !== trailEntryBytes) return null;
  const fields: Record<string, string> = {};
  for (const { name, value } of trailFields(entry)) fields[name] = `0x${value.toString(16)}`;
  return { what: describeExit(entry), fields };
}

function differencesOf(recorded: ExitFacts | null, replayed: ExitFacts | null): Difference[] {
  if (recorded === null || replayed === null) return [];
  const differences: Difference[] = [];
  for (const [name, value] of Object.entries(recorded.fields)) {
    const other = replayed.fields[name]!;
    if (value !== other) differences.push({ name, recorded: value, replayed: other });
  }
  return differences;
}
