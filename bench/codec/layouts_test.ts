import assert from "node:assert/strict";
import { decodeFirst } from "cborg";
import { crc32c } from "../../codec/codec.ts";
import { chooseSeed, Random } from "../../tests/support/random.ts";
import { encodeCbor } from "./cbor_layout.ts";
import { type BenchEvent, type BenchFrame, KIND } from "./events.ts";
import { encodeFixed } from "./fixed_layout.ts";
import { encodeVarints } from "./varint_layout.ts";

const KINDS = Object.keys(KIND) as BenchEvent["kind"][];
const SAFE = Number.MAX_SAFE_INTEGER;

/** Frames with numbers of all sizes. */
function drawFrames(random: Random): BenchFrame[] {
  const number = (most = SAFE) =>
    random.pick([0, 1, most, random.below(200), random.below(2 ** 32), random.below(most)]) %
    (most + 1);
  const event = (): BenchEvent => {
    const kind = random.pick(KINDS);
    const isTime = kind === "time";
    return {
      kind,
      point: number(),
      selector: isTime ? 0 : number(255),
      clockUs: isTime ? number() : 0,
      bytes: new Uint8Array(isTime ? 0 : random.pick([0, 1, 300])).fill(random.below(256)),
    };
  };
  return Array.from({ length: 1 + random.below(5) }, () => ({
    generation: number(2 ** 32 - 1),
    sequence: number(),
    through: number(),
    exitsChecksum: number(2 ** 32 - 1),
    outputsChecksum: number(2 ** 32 - 1),
    events: Array.from({ length: random.below(20) }, event),
  }));
}

function comesBack(name: string, there: (frames: BenchFrame[]) => BenchFrame[]): void {
  Deno.test(`${name}: all frames come back as they were`, () => {
    const random = new Random(chooseSeed(name));
    for (let run = 0; run < 200; run++) {
      const frames = drawFrames(random);
      assert.deepEqual(there(frames), frames);
    }
  });
}

comesBack("fixed layout", (frames) => {
  const bytes = encodeFixed(frames);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const u32 = (at: number) => view.getUint32(at, true);
  const found: BenchFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at;
    assert.deepEqual([...bytes.subarray(at, at + 2)], [1, 0]);
    const frame = {
      generation: u32(at + 6),
      sequence: u64(at + 10),
      through: u64(at + 18),
      exitsChecksum: u32(at + 26),
      outputsChecksum: u32(at + 30),
    };
    const [count, crc] = [u32(at + 2), u32(at + 34)];
    const events: BenchEvent[] = [];
    at += 38;
    while (events.length < count) {
      const [kind, selector] = [KINDS[bytes[at]!]!, bytes[at + 1]!];
      const [length, point] = [u32(at + 2), u64(at + 6)];
      at += 14;
      const clockUs = kind === "time" ? u64(at) : 0;
      if (kind === "time") at += 8;
      events.push({ kind, point, selector, clockUs, bytes: bytes.slice(at, at + length) });
      at += length;
    }
    const whole = bytes.slice(start, at).fill(0, 34, 38);
    assert.equal(crc, crc32c(whole));
    found.push({ ...frame, events });
  }
  return found;
});

comesBack("CBOR", (frames) => {
  const found: BenchFrame[] = [];
  for (let rest = encodeCbor(frames) as Uint8Array; rest.length > 0;) {
    const [frame, behind] = decodeFirst(rest);
    const [crc, next] = decodeFirst(behind);
    assert.equal(crc, crc32c(rest.subarray(0, rest.length - behind.length)));
    const [generation, sequence, through, exitsChecksum, outputsChecksum, events] = frame;
    found.push({
      ...{ generation, sequence, through, exitsChecksum, outputsChecksum },
      events: events.map(([code, ...fields]: [number, number, number, Uint8Array]) => {
        const kind = KINDS[code]!;
        if (kind === "time") {
          const [point, clockUs] = fields;
          return { kind, point, selector: 0, clockUs, bytes: new Uint8Array() };
        }
        const [selector, point, bytes] = fields;
        return { kind, point, selector, clockUs: 0, bytes: new Uint8Array(bytes) };
      }),
    });
    rest = next;
  }
  return found;
});

/** The fields of a protobuf message: number, and value or bytes. */
function* fieldsOf(message: Uint8Array): Generator<[field: number, value: number | Uint8Array]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let unit = 1;; unit *= 128) {
      const byte = message[at++]!;
      value += byte % 128 * unit;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    if (tag % 8 === 0) yield [tag >> 3, varint()];
    else if (tag % 8 === 5) {
      yield [tag >> 3, new DataView(message.buffer, message.byteOffset + at).getUint32(0, true)];
      at += 4;
    } else {
      const length = varint();
      yield [tag >> 3, message.subarray(at, at += length)];
    }
  }
}

comesBack("protobuf-like", (frames) =>
  // The frames' lengths make the whole a message's only field, over and over, but for its tag.
  frames.map((frame) => {
    const framed = encodeVarints([frame]);
    const tagged = new Uint8Array([7 << 3 | 2, ...framed]);
    const [[, body], ...others] = [...fieldsOf(tagged)] as [[number, Uint8Array]];
    assert.equal(others.length, 0);
    const all = [...fieldsOf(body)];
    const value = (field: number) => (all.find(([found]) => found === field)?.[1] ?? 0) as number;
    assert.deepEqual(all.at(-1), [7, crc32c(body.subarray(0, -5))]);
    return {
      generation: value(1),
      sequence: value(2),
      through: value(3),
      exitsChecksum: value(4),
      outputsChecksum: value(5),
      events: all.filter(([field]) => field === 6).map(([, event]) => {
        const fields = new Map(fieldsOf(event as Uint8Array));
        const number = (field: number) => (fields.get(field) ?? 0) as number;
        return {
          kind: KINDS[number(1)]!,
          selector: number(2),
          point: number(3),
          clockUs: number(4),
          bytes: new Uint8Array((fields.get(5) ?? []) as Uint8Array),
        };
      }),
    };
  }));

Deno.test("the encodings have one frame behind the other", () => {
  const frames = drawFrames(new Random(1));
  for (const encode of [encodeFixed, encodeCbor, encodeVarints]) {
    const parts = frames.map((frame) => [...encode([frame])]);
    assert.deepEqual([...encode(frames)], parts.flat());
  }
});
