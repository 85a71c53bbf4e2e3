/** The WASM codec against the reference in plain TypeScript, in both directions. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import {
  HEADER_BYTES,
  type LogClosing,
  type LogEvent,
  openMessage,
  readHeader,
  sealMessage,
} from "./codec.ts";
import { decodeLog, encodeLog } from "./codec_test_support.ts";
import {
  referenceDecode,
  referenceEncode,
  referenceFrame,
  type ReferenceLog,
  reseal,
} from "./reference_test_support.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
console.log(`codec properties: SEED=${seed}`);
const check = (property: fc.IRawProperty<unknown>, numRuns = 300) =>
  fc.assert(property as fc.IRawProperty<[unknown]>, { seed, numRuns });

const u8 = fc.integer({ min: 0, max: 255 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => new Uint8Array(array));
/** Distances of every size that a varint can have, those around a tag's limit more often. */
const distance = fc.oneof(
  fc.nat(3),
  fc.integer({ min: 60, max: 70 }),
  fc.nat(20_000),
  fc.nat(2 ** 31 - 1).map((value) => value * 2 ** 13),
);
type Draft = (point: number, clockUs: number) => LogEvent;
const draft: fc.Arbitrary<Draft> = fc.oneof(
  distance.map((us): Draft => (point, clockUs) => ({ kind: "time", point, clockUs: clockUs + us })),
  fc.tuple(fc.nat(2), u8, bytes(200)).map(([which, selector, bytes]): Draft => (point) => {
    if (which === 0) return { kind: "data", point, device: selector, bytes };
    if (which === 1) return { kind: "state", point, section: selector, bytes };
    return { kind: "control", point, code: selector, bytes };
  }),
);
const log: fc.Arbitrary<ReferenceLog> = fc.record({
  drafts: fc.array(fc.tuple(distance, draft), { maxLength: 40 }),
  start: fc.tuple(distance, distance, distance),
  closing: fc.record({
    generation: u32,
    sequence: fc.maxSafeNat(),
    exitsChecksum: u64,
    outputsChecksum: u64,
  }),
}).map(({ drafts, start, closing }) => {
  let [point, clockUs] = start;
  const events = drafts.map(([points, make]) => {
    const event = make(point += points, clockUs);
    if (event.kind === "time") clockUs = event.clockUs;
    return event;
  });
  return { closing: { ...closing, through: point + start[2] }, events };
});

/** What both decoders make of a frame; they must agree, and refuse with their own error only. */
function decodedAlike(frame: Uint8Array): ReferenceLog | undefined {
  let expected: ReferenceLog | undefined;
  try {
    expected = referenceDecode(frame);
  } catch (error) {
    assert.throws(() => decodeLog(frame), PeerError, `the reference refuses: ${error}`);
    return undefined;
  }
  const { header, events } = decodeLog(frame);
  assert.deepEqual(events, expected.events);
  const { kind, payloadBytes, eventCount, ...closing } = header;
  assert.deepEqual(closing, expected.closing);
  assert.deepEqual(
    [kind, payloadBytes, eventCount],
    [1, frame.length - HEADER_BYTES, events.length],
  );
  return expected;
}

Deno.test("both encoders write the same bytes, and both decoders read them back", () => {
  check(fc.property(log, (log) => {
    const frame = encodeLog(log);
    assert.deepEqual(frame, referenceEncode(log));
    assert.deepEqual(decodedAlike(frame), log);
  }));
});

Deno.test("both decoders agree on every payload, and what they read encodes to it", () => {
  const closing: fc.Arbitrary<LogClosing> = fc.record({
    generation: u32,
    sequence: fc.maxSafeNat(),
    through: fc.oneof(fc.nat(300), fc.maxSafeNat()),
    exitsChecksum: u64,
    outputsChecksum: u64,
  });
  const byte = fc.oneof(u8, fc.nat(8), fc.constantFrom(0x7f, 0x80, 0xfc, 0xff));
  const payload = fc.array(byte, { maxLength: 24 });
  let read = 0;
  check(
    fc.property(closing, payload, fc.nat(5), (closing, payload, eventCount) => {
      const frame = referenceFrame(1, eventCount, closing, payload);
      const found = decodedAlike(frame);
      if (found === undefined) return;
      read++;
      assert.deepEqual(encodeLog(found), frame);
    }),
    4000,
  );
  assert.ok(read > 0, "no payload was right: the property says nothing");
});

Deno.test("both decoders agree on mutated and truncated frames, sealed again or not", () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  const changes = fc.array(change, { minLength: 1, maxLength: 4 });
  check(fc.property(log, changes, fc.nat(), (log, changes, cut) => {
    const frame = encodeLog(log);
    for (const [at, bits] of changes) frame[at % frame.length]! ^= bits;
    decodedAlike(frame);
    decodedAlike(reseal(frame));
    decodedAlike(reseal(frame.slice(0, HEADER_BYTES + cut % (frame.length - HEADER_BYTES + 1))));
  }));
});

Deno.test("any bytes at all are refused with a PeerError, by every reader", () => {
  check(fc.property(bytes(300), (frame) => {
    for (const reader of [decodeLog, openMessage, readHeader]) {
      assert.throws(() => reader(frame), PeerError);
    }
  }));
});

Deno.test("a message has the bytes that the reference says, and comes back as it went", () => {
  const kind = fc.integer({ min: 2, max: 255 });
  const said = fc.record({
    generation: u32,
    sequence: fc.maxSafeNat(),
    through: fc.maxSafeNat(),
  });
  check(fc.property(kind, said, bytes(500), (kind, said, payload) => {
    const frame = sealMessage(kind, said, payload);
    const closing = { ...said, exitsChecksum: 0n, outputsChecksum: 0n };
    assert.deepEqual(frame, referenceFrame(kind, 0, closing, [...payload]));
    const opened = openMessage(frame);
    assert.deepEqual(opened.payload, payload);
    assert.deepEqual(opened.header, {
      ...closing,
      kind,
      payloadBytes: payload.length,
      eventCount: 0,
    });
  }));
});
