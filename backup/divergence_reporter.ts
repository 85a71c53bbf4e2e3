/**
 * Writes the reports of divergences: two files each, at most so many; the oldest go first.
 *
 * A report waits for what the primary recorded at the first exit that differs; if the session ends before that has
 * come, it is written without. What can't be written is said, and is no reason to end.
 */
import { divergenceReportCount } from "../base/limits.ts";
import type { Say } from "../base/reporter.ts";
import {
  type DivergenceFacts,
  type DivergenceReport,
  reportOf,
  reportText,
} from "./divergence_report.ts";

const NAME = /^divergence-.*\.(txt|json)$/;

/** See the top of the file. */
export class DivergenceReporter {
  #pending: Omit<DivergenceFacts, "exits"> | undefined;
  /** Divergences that were reported. */
  count = 0;
  /** Where the last one is described. */
  last: string | undefined;

  /** @param directory where the files go; undefined: there are none */
  constructor(private readonly directory: string | undefined, private readonly say: Say) {}

  /** There is a divergence. */
  begin(facts: Omit<DivergenceFacts, "exits">): void {
    this.finish();
    this.count++;
    this.#pending = facts;
  }

  /**
   * Nothing more will be known of it.
   * @returns where it is described; undefined if it is nowhere, or there is none
   */
  finish(exits?: DivergenceFacts["exits"]): string | undefined {
    if (this.#pending === undefined) return undefined;
    const report = reportOf({ ...this.#pending, exits });
    this.#pending = undefined;
    for (const { name, recorded, replayed } of report.exitDifferences.slice(0, 4)) {
      this.say(
        `at execution point ${report.point}, ${name}: recorded ${recorded}, replayed ${replayed}`,
      );
    }
    if (this.directory === undefined) return undefined;
    try {
      const path = write(this.directory, report);
      this.say(`the divergence is described in ${path}`);
      return this.last = path;
    } catch (error) {
      this.say(`can't write a report of the divergence: ${(error as Error).message}`);
      return undefined;
    }
  }
}

/** Where reports go unless somebody says otherwise: what systemd gives a service, or the user's own place. */
export function defaultReportsDirectory(): string | undefined {
  const service = Deno.env.get("STATE_DIRECTORY")?.split(":")[0];
  if (service !== undefined && service !== "") return `${service}/reports`;
  const home = Deno.env.get("HOME");
  const state = Deno.env.get("XDG_STATE_HOME") ?? (home && `${home}/.local/state`);
  return state && `${state}/understudy/reports`;
}

function write(directory: string, report: DivergenceReport): string {
  Deno.mkdirSync(directory, { recursive: true });
  const old = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
    NAME.test(name)
  );
  // The time comes first in a name: so they are sorted by it.
  old.sort();
  for (const name of old.slice(0, Math.max(0, old.length - 2 * (divergenceReportCount - 1)))) {
    Deno.removeSync(`${directory}/${name}`);
  }
  const base = `${directory}/divergence-${report.at.replaceAll(":", "")}-${report.machineId}`;
  Deno.writeTextFileSync(`${base}.json`, `${JSON.stringify(report, null, 2)}\n`);
  Deno.writeTextFileSync(`${base}.txt`, reportText(report));
  return `${base}.txt`;
}
