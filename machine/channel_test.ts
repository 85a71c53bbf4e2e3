import assert from "node:assert/strict";
import { Channel, Gauge } from "./channel.ts";
import {
  decodeMessageRecord,
  encodeMessageRecord,
  readFrame,
  readOutput,
  RecordKind,
  writeFrame,
  writeOutput,
} from "./records.ts";

Deno.test("both ends see the same rings and gauges", () => {
  const main = Channel.create();
  const worker = Channel.attach(main.buffers);
  main.commands.tryWrite(RecordKind.message, encodeMessageRecord({ type: "quit" }));
  assert.deepEqual(decodeMessageRecord(worker.commands.tryRead()!.body), { type: "quit" });
  main.input.tryWrite(RecordKind.input, Uint8Array.of(1, 2));
  assert.deepEqual(worker.input.tryRead()?.body, Uint8Array.of(1, 2));
  worker.gauges[Gauge.point] = 12;
  assert.equal(main.gauges[Gauge.point], 12);
});

Deno.test("every gauge has a place of its own", () => {
  const { gauges } = Channel.create();
  const places = Object.values(Gauge);
  assert.equal(new Set(places).size, places.length);
  assert.ok(places.every((place: number) => place < gauges.length));
});

Deno.test("a wait for a bell that has rung since it was heard ends at once", () => {
  const main = Channel.create();
  const worker = Channel.attach(main.buffers);
  worker.hear();
  main.ring();
  worker.wait();
  worker.hear();
  worker.wait(0);
  main.ring();
  main.ring();
  worker.wait();
});

Deno.test("a worker that is told to stop is not left waiting", () => {
  const main = Channel.create();
  const worker = Channel.attach(main.buffers);
  worker.hear();
  assert.ok(!worker.aborted);
  main.abort();
  worker.wait();
  assert.ok(worker.aborted);
});

Deno.test("outputs and frames come back as they were written", () => {
  const { notices } = Channel.create();
  const output = { sink: 0, offset: 2 ** 52, point: 2 ** 53 - 1, bytes: Uint8Array.of(1, 2, 3) };
  writeOutput(notices, output);
  const frame = {
    session: 3,
    sequence: 2 ** 40,
    through: 2 ** 50,
    inputOffset: 77,
    ranUs: 5,
    completesState: true,
    bytes: new Uint8Array(1 << 20).fill(9),
  };
  writeFrame(notices, frame);
  writeFrame(notices, { ...frame, completesState: false, bytes: new Uint8Array(0) });

  const first = notices.tryRead()!;
  assert.equal(first.kind, RecordKind.output);
  assert.deepEqual(readOutput(first.body), output);
  const second = notices.tryRead()!;
  assert.equal(second.kind, RecordKind.frame);
  assert.deepEqual(readFrame(second.body), frame);
  const third = readFrame(notices.tryRead()!.body);
  assert.deepEqual(third, { ...frame, completesState: false, bytes: new Uint8Array(0) });
});
