import assert from "node:assert/strict";
import { exitTrailLength } from "../base/limits.ts";
import { describeExit, ExitTrail, trailFields } from "./exit_trail.ts";
import { guestMachine, runScript } from "./testing.ts";

/** A trail of exits of which each has its own point as the value, and a checksum by rule. */
function trailOf(points: number, checksum: (point: number) => number, buffer?: ArrayBuffer) {
  const trail = new ExitTrail(buffer);
  for (let point = 1; point <= points; point++) {
    trail.begin(point, new Uint32Array(36).fill(point));
    const exit = { kind: 1, address: 0x3f8, shape: 1 | 1 << 24, value: point };
    trail.complete(exit, checksum(point));
  }
  return trail;
}

Deno.test("two trails show the first exit that differs, and both show what it was", () => {
  const recorded = trailOf(90, (point) => point);
  const replayed = trailOf(70, (point) => point < 61 ? point : point + 1);
  const point = recorded.firstDifference(40, replayed.checksums(40, 70));
  assert.equal(point, 61);
  const entry = recorded.entry(61)!;
  assert.equal(describeExit(entry), "io write of 1 at 0x3f8, value 0x3d");
  const fields = new Map(trailFields(entry).map(({ name, value }) => [name, value]));
  assert.equal(fields.get("exit.value"), 61n);
  assert.equal(fields.get("regs.rax"), 61n << 32n | 61n);
});

Deno.test("where one trail ends, the other one's next exit is the first that differs", () => {
  const recorded = trailOf(90, (point) => point);
  assert.equal(recorded.firstDifference(40, recorded.checksums(40, 50)), 51);
  assert.equal(recorded.firstDifference(40, new Uint8Array(0)), 41);
  assert.equal(recorded.firstDifference(40, recorded.checksums(40, 90)), 91);
});

Deno.test("a trail keeps the last exits and no others, and says so", () => {
  const points = exitTrailLength + 10;
  const trail = trailOf(points, (point) => point);
  assert.equal(trail.entry(10), undefined);
  assert.notEqual(trail.entry(11), undefined);
  assert.equal(trail.checksums(9, points).length, 0);
  assert.equal(trail.firstDifference(9, new Uint8Array(4)), undefined);
});

Deno.test("an exit that is being served is not shown yet, whoever shares the trail", () => {
  const buffer = new ArrayBuffer(ExitTrail.bytes);
  const trail = trailOf(5, (point) => point, buffer);
  const other = new ExitTrail(buffer);
  assert.notEqual(other.entry(5), undefined);
  trail.begin(6, new Uint32Array(36));
  assert.equal(other.entry(6), undefined);
});

Deno.test("a machine leaves its exits behind", () => {
  using machine = guestMachine("hello", "");
  runScript(machine);
  const lines: string[] = [];
  for (let point = 1; point <= machine.point; point++) {
    lines.push(describeExit(machine.trail.entry(point)!));
  }
  assert.ok(lines.some((line) => line.startsWith("io write of 1 at 0x3f8, value 0x")), lines[0]);
  const checksums = machine.trail.checksums(machine.point - 1, machine.point);
  assert.equal(new DataView(checksums.buffer).getUint32(0, true), machine.exits.low);
});
