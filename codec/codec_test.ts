import assert from "node:assert/strict";
import { DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import {
  crc32c,
  FrameDecoder,
  FrameEncoder,
  FrameKind,
  HEADER_BYTES,
  type LogClosing,
  type LogEvent,
  MAX_DATA_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_STATE_BYTES,
  openMessage,
  readHeader,
  sealMessage,
} from "./codec.ts";
import { append, decodeLog, encodeLog, refused } from "./codec_test_support.ts";
import { referenceCrc32c, referenceEncode, reseal } from "./reference_test_support.ts";

const closing: LogClosing = {
  generation: 3,
  sequence: 41,
  through: 1_000_200,
  exitsChecksum: 0xfedc_ba98_7654_3210n,
  outputsChecksum: 0xffff_ffff_ffff_ffffn,
};
const events: LogEvent[] = [
  { kind: "time", point: 1_000_000, clockUs: 77_000_000 },
  { kind: "data", point: 1_000_001, device: 2, bytes: new TextEncoder().encode("ls\n") },
  { kind: "time", point: 1_000_001, clockUs: 77_000_400 },
  { kind: "control", point: 1_000_100, code: 255, bytes: new Uint8Array() },
  { kind: "state", point: 1_000_200, section: 0, bytes: new Uint8Array(300).fill(9) },
];
const sample = () => encodeLog({ closing, events });
const message = () => sealMessage(7, { generation: 1, sequence: 2, through: 3 }, Uint8Array.of(5));

Deno.test("a log comes back as it went, with its header", () => {
  const frame = sample();
  const { header, events: back } = decodeLog(frame);
  assert.deepEqual(back, events);
  const payloadBytes = frame.length - HEADER_BYTES;
  assert.deepEqual(header, { ...closing, kind: FrameKind.log, eventCount: 5, payloadBytes });
  assert.deepEqual(readHeader(frame.subarray(0, HEADER_BYTES)), header);
});

Deno.test("a frame without events says through, and nothing else", () => {
  const frame = encodeLog({ closing, events: [] });
  assert.equal(frame.length, HEADER_BYTES);
  assert.deepEqual(decodeLog(frame).events, []);
});

Deno.test("an encoder opens an empty frame after each close", () => {
  using encoder = new FrameEncoder();
  for (let round = 0; round < 3; round++) {
    assert.equal(encoder.eventCount, 0);
    assert.equal(encoder.payloadBytes, 0);
    for (const event of events) append(encoder, event);
    assert.equal(encoder.eventCount, events.length);
    const atMost = encoder.payloadBytes;
    const frame = encoder.close(closing);
    assert.deepEqual(frame, sample());
    assert.ok(frame.length - HEADER_BYTES <= atMost && atMost <= frame.length - HEADER_BYTES + 8);
  }
});

Deno.test("an event has the bytes that its drawing shows", () => {
  const payload = encodeLog({
    closing: { ...closing, through: 1000 },
    events: [
      { kind: "time", point: 1000 - 300, clockUs: 5 },
      { kind: "time", point: 1000 - 299, clockUs: 205 },
      { kind: "data", point: 1000 - 200, device: 8, bytes: Uint8Array.of(0xaa) },
    ],
  }).subarray(HEADER_BYTES);
  const span = [0xac, 0x02];
  const firstTime = [0, 5];
  const secondTime = [1 << 2, 0xc8, 0x01];
  const data = [63 << 2 | 1, 99 - 63, 8, 1, 0xaa];
  assert.deepEqual([...payload], [...span, ...firstTime, ...secondTime, ...data]);
});

Deno.test("numbers up to 2^53 - 1 are kept exactly", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const log = {
    closing: { ...closing, generation: 2 ** 32 - 1, sequence: most, through: most },
    events: [
      { kind: "time", point: 0, clockUs: 0 },
      { kind: "time", point: most, clockUs: most },
    ] as LogEvent[],
  };
  const frame = encodeLog(log);
  assert.deepEqual(frame, referenceEncode(log));
  const { header, events: back } = decodeLog(frame);
  assert.deepEqual(back, log.events);
  assert.deepEqual([header.generation, header.sequence, header.through], [2 ** 32 - 1, most, most]);
});

Deno.test("every truncation and every extension is refused", () => {
  for (const [frame, open] of [[sample(), decodeLog], [message(), openMessage]] as const) {
    for (let length = 0; length < frame.length; length++) {
      assert.throws(() => open(frame.subarray(0, length)), PeerError, `${length} bytes`);
    }
    assert.throws(() => open(new Uint8Array([...frame, 0])), /length is not what its header says/);
  }
});

Deno.test("every flip of a single bit is refused", () => {
  for (const [frame, open] of [[sample(), decodeLog], [message(), openMessage]] as const) {
    for (let bit = 0; bit < frame.length * 8; bit++) {
      frame[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => open(frame), PeerError, `bit ${bit}`);
      frame[bit >> 3]! ^= 1 << (bit & 7);
    }
    open(frame);
  }
});

Deno.test("a header is refused by itself, with what was found and what was expected", () => {
  const spoiled = (change: (view: DataView) => void, frame = sample()) => () => {
    change(new DataView(frame.buffer));
    readHeader(frame.subarray(0, HEADER_BYTES));
  };
  refused(() => readHeader(sample().subarray(0, 55)), /byte 55: it ends inside a field/);
  refused(spoiled((view) => view.setUint8(0, 0)), /byte 0: .*magic .*expected 0x59545355/);
  refused(spoiled((view) => view.setUint8(4, 2)), /byte 4: .*version \(found 2, expected 1\)/);
  refused(spoiled((view) => view.setUint8(5, 0)), /byte 5: .*kind 0/);
  refused(spoiled((view) => view.setUint16(6, 0x100, true)), /byte 6: .*flags \(found 256/);
  refused(
    spoiled((view) => view.setUint32(8, 0xffff_ffff, true)),
    /byte 8: payload too long \(found 4294967295, expected at most 1048576\)/,
  );
  refused(spoiled((view) => view.setUint32(8, MAX_PAYLOAD_BYTES + 1, true)), /byte 8: .*too long/);
  refused(spoiled((view) => view.setUint32(20, 0, true)), /byte 20: the event count/);
  refused(spoiled((view) => view.setUint32(20, 0xffff_ffff, true)), /byte 20: the event count/);
  refused(spoiled((view) => view.setUint8(30, 0x20)), /byte 24: number too large/);
  refused(spoiled((view) => view.setUint8(38, 0x20)), /byte 32: number too large/);
  refused(spoiled((view) => view.setUint8(20, 1), message()), /byte 20: .*only a log has/);
  refused(spoiled((view) => view.setUint8(40, 1), message()), /byte 40: .*only a log has/);
  refused(spoiled((view) => view.setUint8(48, 1), message()), /byte 48: .*only a log has/);
});

Deno.test("a frame longer than any frame is refused before it is copied", () => {
  const frame = new Uint8Array(HEADER_BYTES + MAX_PAYLOAD_BYTES + 1);
  frame.set(sample());
  refused(() => decodeLog(frame), /1048633 bytes, expected at most 1048632/);
  refused(() => openMessage(frame), /1048633 bytes/);
});

Deno.test("a decoder that refused a frame has no events, and reads the next one", () => {
  using decoder = new FrameDecoder();
  decoder.open(sample());
  const bad = sample();
  bad[HEADER_BYTES + 3]! ^= 1;
  refused(() => decoder.open(bad), /byte 12: CRC32C mismatch/);
  assert.equal(decoder.next(), undefined);
  decoder.open(sample());
  assert.deepEqual(decoder.next(), events[0]);
});

Deno.test("a caller may reuse a frame's buffer as soon as it is open", () => {
  using decoder = new FrameDecoder();
  const frame = new Uint8Array(new SharedArrayBuffer(sample().length));
  frame.set(sample());
  decoder.open(frame);
  frame.fill(0);
  for (const event of events) assert.deepEqual(decoder.next(), event);
  assert.equal(decoder.next(), undefined);
  assert.equal(decoder.next(), undefined);
});

Deno.test("what the encoder is not to be given is a defect, and changes nothing", () => {
  using encoder = new FrameEncoder();
  const one = Uint8Array.of(1);
  encoder.time(10, 100);
  const defects: [() => void, RegExp][] = [
    [() => encoder.time(9, 100), /point 9 comes after point 10/],
    [() => encoder.data(9, 1, one), /point 9 comes after point 10/],
    [() => encoder.time(10, 99), /clock 99 us comes after clock 100 us/],
    [() => encoder.time(10.5, 100), /integer from 0 to 9007199254740991/],
    [() => encoder.time(-1, 100), /integer from 0/],
    [() => encoder.time(NaN, 100), /integer from 0/],
    [() => encoder.time(10, Infinity), /integer from 0/],
    [() => encoder.time(2 ** 53, 100), /integer from 0/],
    [() => encoder.data(10, 256, one), /integer from 0 to 255/],
    [() => encoder.state(10, -1, one), /integer from 0 to 255/],
    [() => encoder.data(10, 0, new Uint8Array(MAX_DATA_BYTES + 1)), /65537 bytes, .* 65536/],
    [() => encoder.control(10, 0, new Uint8Array(MAX_DATA_BYTES + 1)), /65537 bytes, .* 65536/],
    [() => encoder.state(10, 0, new Uint8Array(MAX_STATE_BYTES + 1)), /262145 bytes, .* 262144/],
    [() => encoder.close({ ...closing, through: 9 }), /through 9 lies before .* point 10/],
    [() => encoder.close({ ...closing, sequence: -1 }), /integer from 0/],
    [() => encoder.close({ ...closing, generation: 2 ** 32 }), /integer from 0 to 4294967295/],
    [() => encoder.close({ ...closing, exitsChecksum: -1n }), /exitsChecksum is -1/],
    [() => encoder.close({ ...closing, outputsChecksum: 1n << 64n }), /outputsChecksum/],
    [() => sealMessage(0, closing, one), /kind 0 is not a message's/],
    [() => sealMessage(FrameKind.log, closing, one), /kind 1 is not a message's/],
    [() => sealMessage(256, closing, one), /integer from 0 to 255/],
    [() => sealMessage(2, closing, new Uint8Array(MAX_PAYLOAD_BYTES + 1)), /1048577 bytes/],
  ];
  for (const [call, message] of defects) {
    assert.throws(call, (error) => error instanceof DefectError && message.test(error.message));
  }
  const only: LogEvent[] = [{ kind: "time", point: 10, clockUs: 100 }];
  assert.deepEqual(encoder.close(closing), encodeLog({ closing, events: only }));
});

Deno.test("a frame takes what it has room for, and not more", () => {
  using encoder = new FrameEncoder();
  const section = new Uint8Array(MAX_STATE_BYTES).fill(1);
  const packet = new Uint8Array(1500).fill(2);
  while (encoder.room(section.length)) encoder.state(5, 0, section);
  while (encoder.room(packet.length)) encoder.data(5, 0, packet);
  assert.throws(() => encoder.data(5, 0, packet), /no room in the frame for 1500 bytes/);
  while (encoder.room(0)) encoder.time(5, Number.MAX_SAFE_INTEGER);
  assert.throws(() => encoder.time(5, Number.MAX_SAFE_INTEGER), DefectError);
  assert.equal(encoder.room(MAX_PAYLOAD_BYTES), false);
  const eventCount = encoder.eventCount;
  const frame = encoder.close(closing);
  assert.ok(frame.length <= HEADER_BYTES + MAX_PAYLOAD_BYTES);
  assert.equal(decodeLog(frame).events.length, eventCount);
});

Deno.test("encoders and decoders go on when WASM memory grows under them", () => {
  const section = new Uint8Array(MAX_STATE_BYTES).map((_, index) => index * 7);
  const long: LogEvent[] = [0, 1, 2].map((point) => ({
    kind: "state",
    point,
    section: point,
    bytes: section,
  }));
  const encoders = Array.from({ length: 24 }, () => new FrameEncoder());
  const decoders = encoders.map(() => new FrameDecoder());
  for (const event of long) encoders.forEach((encoder) => append(encoder, event));
  encoders.forEach((encoder, index) => decoders[index]!.open(encoder.close(closing)));
  for (const event of long) {
    for (const decoder of decoders) assert.deepEqual(decoder.next(), event);
  }
  [...encoders, ...decoders].forEach((one) => one[Symbol.dispose]());
});

Deno.test("a message comes back as it went, and is no log", () => {
  for (const size of [0, 1, 5000, MAX_PAYLOAD_BYTES]) {
    const payload = new Uint8Array(size).map((_, index) => index * 31);
    const said = { generation: 4, sequence: Number.MAX_SAFE_INTEGER, through: 12 };
    const frame = sealMessage(255, said, payload);
    const { header, payload: back } = openMessage(frame);
    assert.deepEqual(back, payload);
    const none = { eventCount: 0, exitsChecksum: 0n, outputsChecksum: 0n };
    assert.deepEqual(header, { ...said, ...none, kind: 255, payloadBytes: size });
    refused(() => decodeLog(frame), /byte 5: not the kind .*found 255, expected 1/);
  }
  refused(() => openMessage(sample()), /byte 5: not the kind .*found 1/);
});

Deno.test("the CRC32C is Castagnoli's, and continues from a seed", () => {
  const digits = new TextEncoder().encode("123456789");
  assert.equal(crc32c(digits), 0xe3069283);
  assert.equal(crc32c(digits.subarray(4), crc32c(digits.subarray(0, 4))), 0xe3069283);
  assert.equal(crc32c(new Uint8Array()), 0);
  const long = new Uint8Array(2 * MAX_PAYLOAD_BYTES + 17).fill(3);
  assert.equal(crc32c(long), referenceCrc32c(long));
});

Deno.test("a worker has an instance of its own, with the same frames", async () => {
  const url = import.meta.resolve("./codec_worker_test_support.ts");
  const workers = [0, 1].map(() => new Worker(url, { type: "module" }));
  try {
    const answers = workers.map((worker) =>
      new Promise<Uint8Array>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage({ closing, events });
      })
    );
    const bad = reseal(sample().subarray(0, HEADER_BYTES + 20)); // meanwhile, in this thread
    refused(() => decodeLog(bad), /it ends inside a field|event count/);
    for (const frame of await Promise.all(answers)) assert.deepEqual(frame, sample());
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
});
