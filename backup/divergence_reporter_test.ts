import assert from "node:assert/strict";
import { divergenceReportCount } from "../base/limits.ts";
import { DivergenceReporter } from "./divergence_reporter.ts";

function facts(atMs: number) {
  const divergence = { point: 2, place: "regs.rbx", recorded: "1", replayed: "2" };
  return {
    ...{ machineId: "m1", generation: 1, who: "b", atMs, verifiedThrough: 1 },
    ...{ comparison: "all" as const, divergence, details: { differences: [], devices: {} } },
  };
}

async function inScratch(act: (directory: string) => void): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    act(`${directory}/reports`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("there are at most so many reports, and the oldest go first", () =>
  inScratch((directory) => {
    const reporter = new DivergenceReporter(directory, () => {});
    for (let count = 0; count < divergenceReportCount + 3; count++) {
      reporter.begin(facts(count * 60_000));
      reporter.finish();
    }
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assert.equal(names.length, 2 * divergenceReportCount);
    assert.equal(names[0], "divergence-1970-01-01T000300.000Z-m1.json");
    assert.equal(reporter.count, divergenceReportCount + 3);
    assert.equal(reporter.last, `${directory}/${names.at(-1)}`);
  }));

Deno.test("files that are no reports are left alone", () =>
  inScratch((directory) => {
    Deno.mkdirSync(directory);
    Deno.writeTextFileSync(`${directory}/a.txt`, "mine");
    const reporter = new DivergenceReporter(directory, () => {});
    for (let count = 0; count < divergenceReportCount + 3; count++) {
      reporter.begin(facts(count));
      reporter.finish();
    }
    assert.equal(Deno.readTextFileSync(`${directory}/a.txt`), "mine");
  }));

Deno.test("a report that can't be written is said, and ends nothing; without a folder there is none", () =>
  inScratch((directory) => {
    Deno.writeTextFileSync(directory, "in the way");
    const lines: string[] = [];
    const reporter = new DivergenceReporter(directory, (line) => lines.push(line));
    reporter.begin(facts(0));
    assert.equal(reporter.finish(), undefined);
    assert.match(lines.join(), /can't write a report of the divergence/);
    const silent = new DivergenceReporter(undefined, () => {});
    silent.begin(facts(0));
    assert.equal(silent.finish(), undefined);
    assert.equal(silent.count, 1);
  }));

Deno.test("a divergence that nobody can say more of is described before the next one", () =>
  inScratch((directory) => {
    const reporter = new DivergenceReporter(directory, () => {});
    reporter.begin(facts(0));
    reporter.begin(facts(1000));
    reporter.finish();
    assert.equal([...Deno.readDirSync(directory)].length, 4);
    assert.equal(reporter.finish(), undefined);
  }));
