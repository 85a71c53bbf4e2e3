/** What the codec's TypeScript face promises, a test each; what its frames say is for codec_property_test.ts. */
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
  MAX_FRAME_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_STATE_BYTES,
  openMessage,
  readHeader,
  sealMessage,
} from "./codec.ts";
import { closeWith, decodeLog, encodeLog, openWith, refused } from "./codec_test_support.ts";
import { referenceCrc32c, reseal } from "./reference_frame_test_support.ts";

const closing: LogClosing = {
  generation: 3,
  sequence: 41,
  through: 1_000_200,
  exitsChecksum: 0xfedc_ba98,
  outputsChecksum: 0xffff_ffff,
};
const events: LogEvent[] = [
  { kind: "time", point: 1_000_000, clockUs: 77_000_000 },
  { kind: "data", point: 1_000_001, device: 2, bytes: new TextEncoder().encode("ls\n") },
  { kind: "time", point: 1_000_001, clockUs: 77_000_400 },
  { kind: "control", point: 1_000_100, code: 255, bytes: new Uint8Array() },
  { kind: "state", point: 1_000_200, section: 0, bytes: new Uint8Array(300).fill(9) },
];
const header = { ...closing, eventCount: events.length };
const sample = () => encodeLog({ closing, events });
const message = () => sealMessage(7, { generation: 1, sequence: 2, through: 3 }, Uint8Array.of(5));

/** Frame number `index` of a guest that ticks: its events, and what it says. */
function ticking(index: number) {
  const events = Array.from({ length: 50 }, (_, tick): LogEvent => {
    const point = 100 * index + 2 * tick;
    return { kind: "time", point, clockUs: 1000 * point };
  });
  return { closing: { ...closing, sequence: index + 1, through: 100 * index + 98 }, events };
}

Deno.test("a log comes back as it went, with its header", () => {
  for (const level of ["fast", "dense"] as const) {
    using encoder = new FrameEncoder({ level });
    const frame = closeWith(encoder, { closing, events });
    assert.deepEqual(decodeLog(frame), { header, events });
    const payloadBytes = frame.length - HEADER_BYTES;
    assert.deepEqual(readHeader(frame.subarray(0, HEADER_BYTES)), {
      kind: FrameKind.log,
      payloadBytes,
      chain: "alone",
      level,
    });
  }
});

Deno.test("a frame without events says through, and little else", () => {
  const frame = encodeLog({ closing: { ...closing, through: 5 }, events: [] });
  assert.ok(frame.length <= HEADER_BYTES + 12, `${frame.length} bytes`);
  assert.deepEqual(decodeLog(frame).events, []);
});

Deno.test("an encoder opens an empty frame after each close", () => {
  using encoder = new FrameEncoder();
  for (let round = 0; round < 3; round++) {
    assert.equal(encoder.eventCount, 0);
    assert.equal(encoder.payloadBytes, 0);
    for (const event of events) encoder.event(event);
    assert.equal(encoder.eventCount, events.length);
    const atMost = encoder.payloadBytes;
    const frame = encoder.close(closing);
    assert.deepEqual(frame, sample());
    assert.ok(frame.length - HEADER_BYTES <= atMost);
  }
});

Deno.test("a method for each kind says what event() says", () => {
  using encoder = new FrameEncoder();
  for (const event of events) {
    if (event.kind === "time") encoder.time(event.point, event.clockUs);
    if (event.kind === "data") encoder.data(event.point, event.device, event.bytes);
    if (event.kind === "state") encoder.state(event.point, event.section, event.bytes);
    if (event.kind === "control") encoder.control(event.point, event.code, event.bytes);
  }
  assert.deepEqual(encoder.close(closing), sample());
});

Deno.test("in a chain, frames of what comes again cost a few bytes", () => {
  for (const level of ["fast", "dense"] as const) {
    using encoder = new FrameEncoder({ chain: 4, level });
    using decoder = new FrameDecoder();
    for (let index = 0; index < 8; index++) {
      const content = ticking(index);
      const frame = closeWith(encoder, content);
      assert.equal(readHeader(frame).chain, index % 4 === 0 ? "begins" : "continues");
      if (index % 4 > 0) assert.ok(frame.length <= HEADER_BYTES + 12, `${frame.length} bytes`);
      assert.deepEqual(openWith(decoder, frame).events, content.events);
    }
  }
});

Deno.test("a decoder begins with any frame that continues nothing, and no other", () => {
  using encoder = new FrameEncoder({ chain: 2 });
  const [, second, third, fourth] = [0, 1, 2, 3].map((index) => closeWith(encoder, ticking(index)));
  using decoder = new FrameDecoder();
  refused(() => decoder.open(second!), /./);
  decoder.open(third!);
  decoder.open(fourth!);
});

Deno.test("a decoder that refused a frame has no events, and reads what continues nothing", () => {
  using encoder = new FrameEncoder({ chain: 3 });
  const frames = [0, 1, 2].map((index) => closeWith(encoder, ticking(index)));
  const bad = frames[1]!.slice();
  bad[HEADER_BYTES + 1]! ^= 1;
  const tooLong = new Uint8Array(MAX_FRAME_BYTES + 1);
  for (
    const [spoiler, why] of [[bad, /byte 2: CRC32C mismatch/], [
      tooLong,
      /bytes, expected/,
    ]] as const
  ) {
    using decoder = new FrameDecoder();
    decoder.open(frames[0]!);
    refused(() => decoder.open(spoiler), why);
    assert.equal(decoder.next(), undefined);
    assert.equal(decoder.move(), false);
    refused(() => decoder.open(frames[1]!), /./);
    refused(() => decoder.open(frames[2]!), /./);
    for (const [index, frame] of frames.entries()) {
      assert.deepEqual(openWith(decoder, frame).events, ticking(index).events);
    }
  }
});

Deno.test("a cursor says of each event what an object of it says", () => {
  using decoder = new FrameDecoder();
  decoder.open(sample());
  for (const event of events) {
    assert.ok(decoder.move());
    assert.deepEqual([decoder.kind, decoder.point], [event.kind, event.point]);
    if (event.kind === "time") assert.equal(decoder.clockUs, event.clockUs);
    else assert.deepEqual(decoder.bytes, event.bytes);
    if (event.kind === "data") assert.equal(decoder.selector, event.device);
    if (event.kind === "state") assert.equal(decoder.selector, event.section);
    if (event.kind === "control") assert.equal(decoder.selector, event.code);
  }
  assert.equal(decoder.move(), false);
});

Deno.test("what its events take of a frame is all of it, but for what the frame says itself", () => {
  using encoder = new FrameEncoder({ chain: 3 });
  using decoder = new FrameDecoder();
  for (const index of [0, 1, 2]) {
    const frame = closeWith(encoder, ticking(index));
    decoder.open(frame);
    let left = frame.length - HEADER_BYTES;
    while (decoder.move()) {
      left -= decoder.eventBytes.overheadBytes + decoder.eventBytes.payloadBytes;
    }
    // Flags, how many events, through; at first also generation, sequence and two checksums.
    assert.equal(left, 1 + 1 + 1 + (index === 0 ? 1 + 0 + 4 + 4 : 0));
  }
  decoder.open(sample());
  const payloads = events.map(() => decoder.move() && decoder.eventBytes.payloadBytes);
  assert.deepEqual(payloads.slice(0, 4), [0, 3, 0, 0]);
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
  assert.deepEqual(decodeLog(encodeLog(log)), {
    header: { ...log.closing, eventCount: 2 },
    events: log.events,
  });
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
  const spoiled = (at: number, ...bytes: number[]) => () => {
    const frame = sample();
    frame.set(bytes, at);
    readHeader(frame.subarray(0, HEADER_BYTES));
  };
  refused(() => readHeader(sample().subarray(0, 5)), /byte 5: it ends inside a field/);
  refused(spoiled(0, 0xd1), /byte 0: .*magic .*found 0xd1, expected 0xd2/);
  refused(spoiled(1, 0x00), /byte 1: .*no frame kind 0/);
  refused(spoiled(1, 0x61), /byte 1: .*chain/);
  refused(spoiled(1, 0x22), /byte 1: .*chain/);
  refused(spoiled(1, 0x82), /byte 1: .*level/);
  refused(
    spoiled(6, 0x41, 0x00, 0x10),
    /byte 6: .*too long \(found 1048641, expected .* 1048640\)/,
  );
});

Deno.test("a frame longer than any frame is refused before it is copied", () => {
  const frame = new Uint8Array(MAX_FRAME_BYTES + 1);
  frame.set(sample());
  refused(() => decodeLog(frame), /1048650 bytes, expected at most 1048649/);
  refused(() => openMessage(frame), /1048650 bytes/);
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
    [() => encoder.time(10.5, 100), /point 10.5 is not a safe integer/],
    [() => encoder.time(-1, 100), /point -1 comes after point 10/],
    [() => encoder.time(NaN, 100), /point NaN/],
    [() => encoder.time(10, Infinity), /clock Infinity us is not a safe integer/],
    [() => encoder.time(2 ** 53, 100), /point 9007199254740992 is not a safe integer/],
    [() => encoder.data(10, 256, one), /selector 256 is not a u8/],
    [() => encoder.state(10, -1, one), /selector -1 is not a u8/],
    [() => encoder.control(10, 1.5, one), /selector 1.5 is not a u8/],
    [() => encoder.data(10, 0, new Uint8Array(MAX_DATA_BYTES + 1)), /65537 bytes, .* 65536/],
    [() => encoder.control(10, 0, new Uint8Array(MAX_DATA_BYTES + 1)), /65537 bytes, .* 65536/],
    [() => encoder.state(10, 0, new Uint8Array(MAX_STATE_BYTES + 1)), /262145 bytes, .* 262144/],
    [() => encoder.close({ ...closing, through: 9 }), /through 9 lies before point 10/],
    [() => encoder.close({ ...closing, sequence: -1 }), /sequence -1 is not a safe integer/],
    [
      () => encoder.close({ ...closing, generation: 2 ** 32 }),
      /generation 4294967296 is not a u32/,
    ],
    [() => encoder.close({ ...closing, exitsChecksum: -1 }), /exitsChecksum -1 is not a u32/],
    [() => encoder.close({ ...closing, outputsChecksum: 0.5 }), /outputsChecksum 0.5 is not/],
    [() => sealMessage(0, closing, one), /kind 0 is not a message's/],
    [() => sealMessage(FrameKind.log, closing, one), /kind 1 is not a message's/],
    [() => sealMessage(32, closing, one), /kind 32 is not a message's/],
    [() => sealMessage(2, { ...closing, sequence: 2 ** 53 }, one), /integer from 0 to 90071992/],
    [() => sealMessage(2, { ...closing, generation: 2 ** 32 }, one), /integer from 0 to 42949672/],
    [() => sealMessage(2, closing, new Uint8Array(MAX_PAYLOAD_BYTES + 1)), /1048577 bytes/],
    [() => new FrameEncoder({ chain: 0 }), /a chain of 0 frames/],
  ];
  for (const [call, message] of defects) {
    assert.throws(call, (error) => error instanceof DefectError && message.test(error.message));
  }
  const only: LogEvent[] = [{ kind: "time", point: 10, clockUs: 100 }];
  assert.deepEqual(encoder.close(closing), encodeLog({ closing, events: only }));
});

Deno.test("in a chain, points and clocks that lie before those of the last frame are such a defect", () => {
  using encoder = new FrameEncoder({ chain: 2 });
  using decoder = new FrameDecoder();
  const at = (sequence: number, through: number) => ({ ...closing, sequence, through });
  for (const round of [0, 1]) {
    // A new chain may begin anywhere.
    encoder.time(50, 500);
    decoder.open(encoder.close(at(2 * round, 60)));
    assert.throws(() => encoder.time(59, 500), DefectError);
    assert.throws(() => encoder.time(60, 499), DefectError);
    assert.throws(() => encoder.close(at(2 * round + 1, 59)), DefectError);
    const event: LogEvent = { kind: "time", point: 60, clockUs: 500 };
    const { events } = openWith(
      decoder,
      closeWith(encoder, { closing: at(2 * round + 1, 60), events: [event] }),
    );
    assert.deepEqual(events, [event]);
  }
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
  const { eventCount } = encoder;
  const frame = encoder.close(closing);
  assert.ok(frame.length <= MAX_FRAME_BYTES);
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
  for (const event of long) encoders.forEach((encoder) => encoder.event(event));
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
    const frame = sealMessage(31, said, payload);
    assert.deepEqual(openMessage(frame), { header: { kind: 31, ...said }, payload });
    refused(() => decodeLog(frame), /byte 1: not the kind .*found 31, expected 1/);
  }
  refused(() => openMessage(sample()), /byte 1: not the kind .*found 1/);
});

Deno.test("the CRC32C is Castagnoli's, and continues from a seed", () => {
  const digits = new TextEncoder().encode("123456789");
  assert.equal(crc32c(digits), 0xe3069283);
  assert.equal(referenceCrc32c(digits), 0xe3069283);
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
    const bad = reseal(sample().slice(0, HEADER_BYTES + 20)); // meanwhile, in this thread
    refused(() => decodeLog(bad), /it ends inside a field/);
    for (const frame of await Promise.all(answers)) assert.deepEqual(frame, sample());
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
});
