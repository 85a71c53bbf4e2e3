import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameEncoder, HEADER_BYTES, type LogEvent } from "./codec.ts";
import { append, decodeLog } from "./codec_test_support.ts";
import { EventSizer, varintBytes } from "./event_size.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
console.log(`event sizes: SEED=${seed}`);

/** Steps of every size that a varint can have, those around a tag's limit more often. */
const step = fc.oneof(
  fc.nat(3),
  fc.integer({ min: 60, max: 70 }),
  fc.integer({ min: 185, max: 195 }),
  fc.nat(20_000),
  fc.nat(2 ** 31 - 1).map((value) => value * 2 ** 13),
);
const drafts = fc.array(fc.tuple(step, step, fc.nat(3), fc.oneof(fc.nat(300), fc.nat(20_000))), {
  maxLength: 30,
});

/** The events that a draft stands for, and what their frame's payload had in it before and after each. */
function encoded(drafts: readonly [number, number, number, number][], ahead: number) {
  using encoder = new FrameEncoder();
  let [point, clockUs] = [0, 0];
  const grown: number[] = [];
  for (const [points, us, kind, length] of drafts) {
    point += points;
    const bytes = new Uint8Array(length);
    const before = encoder.eventCount === 0 ? 8 : encoder.payloadBytes;
    const event: LogEvent = kind === 0
      ? { kind: "time", point, clockUs: clockUs += us }
      : kind === 1
      ? { kind: "data", point, device: 0, bytes }
      : kind === 2
      ? { kind: "state", point, section: 1, bytes }
      : { kind: "control", point, code: 2, bytes };
    append(encoder, event);
    grown.push(encoder.payloadBytes - before);
  }
  const closing = { generation: 1, sequence: 1, through: point + ahead };
  return { grown, frame: encoder.close({ ...closing, exitsChecksum: 0n, outputsChecksum: 0n }) };
}

Deno.test("the sizes of a frame's events are what the encoder wrote for them, and with the span all of its payload", () => {
  fc.assert(
    fc.property(drafts, step, (drafts, ahead) => {
      const { grown, frame } = encoded(drafts, ahead);
      const { header, events } = decodeLog(frame);
      const sizer = new EventSizer(header);
      const sizes = events.map((event) => {
        const { payloadBytes, overheadBytes } = sizer.size(event);
        return payloadBytes + overheadBytes;
      });
      assert.deepEqual(sizes, grown);
      const sum = sizes.reduce((sum, size) => sum + size, 0);
      assert.equal(sum + sizer.spanBytes, frame.length - HEADER_BYTES);
      assert.equal(header.payloadBytes, frame.length - HEADER_BYTES);
    }),
    { seed, numRuns: 300 },
  );
});

Deno.test("a varint has seven bits a byte, up to the largest safe integer", () => {
  for (let bytes = 1; bytes <= 7; bytes++) {
    assert.equal(varintBytes(2 ** (7 * bytes) - 1), bytes);
    assert.equal(varintBytes(2 ** (7 * bytes)), bytes + 1);
  }
  assert.equal(varintBytes(0), 1);
  assert.equal(varintBytes(Number.MAX_SAFE_INTEGER), 8);
});
