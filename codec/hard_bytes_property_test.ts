/**
 * Bytes that are hard on the two packers, in frames that both decoders are to read, or refuse, the same: bits chosen by
 * what the dense level's model expects, LZ4 blocks of sequences that no packer writes, and TCP frames by any fields.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CAPTURED_FLOW, LINE_FRAME } from "./captured_frames_test_support.ts";
import { BothDecoders } from "./codec_test_support.ts";
import { drawsOf } from "./reference_bytes_test_support.ts";
import { DenseModel, encodeDense } from "./reference_dense_test_support.ts";
import { crcIn, sealReference } from "./reference_frame_test_support.ts";
import { alone, carrier, counted, form, packed, varint } from "./vector_test_support.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
const runs = Number(Deno.env.get("RUNS") ?? 20);
console.log(`hard bytes: SEED=${seed} RUNS=${runs}`);

/** How a bit is chosen that the model expects to be 1 with p of 4,096 parts. */
const CHOICES: readonly ((p: number, drawn: number, nth: number) => number)[] = [
  (p) => p < 2048 ? 1 : 0,
  (p) => p < 2048 ? 0 : 1,
  (p, drawn) => drawn < p ? 1 : 0,
  (_, drawn) => drawn & 1,
  (_, __, nth) => nth >> 3 & 1,
];
const choices = fc.array(fc.constantFrom(...CHOICES), { minLength: 1, maxLength: 6 });
const LENGTH = 6000;

Deno.test("dense frames whose bits are as expected, against that, or anything between, are read", () => {
  const head = [0x10, 0, ...carrier("state", 0, 0, LENGTH), 0];
  fc.assert(
    fc.property(fc.array(choices, { minLength: 1, maxLength: 3 }), fc.nat(), (frames, drawSeed) => {
      using both = new BothDecoders();
      const [chooser, model] = [new DenseModel(), new DenseModel()];
      const draw = drawsOf(drawSeed);
      let before = 0;
      for (const [index, choices] of frames.entries()) {
        const payload = Uint8Array.from([...head, ...new Array<number>(LENGTH).fill(0)]);
        let nth = 0;
        chooser.pass(payload, (p, wanted) => {
          const choice = choices[Math.floor(nth * choices.length / 8 / payload.length)]!;
          return nth++ < 8 * head.length ? wanted : choice(p, draw(4096), nth);
        });
        const expected = payload.slice(head.length);
        const coded = [...varint(2 * payload.length), ...encodeDense(payload, model)];
        const chain = index === 0 ? "begins" : "continues";
        const frame = sealReference({ kind: 1, chain, level: "dense" }, coded, before);
        before = crcIn(frame);
        const event = { kind: "state", point: 0, section: 0, bytes: expected };
        assert.deepEqual(both.open(frame)?.events, [event], both.why);
      }
    }),
    { seed, numRuns: runs },
  );
});

/** Literals, and a match of `count` bytes from `offset` bytes back. */
interface Sequence {
  readonly literals: readonly number[];
  readonly offset: number;
  readonly count: number;
}

const literals = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 20 });
const sequence: fc.Arbitrary<Sequence> = fc.record({
  literals,
  offset: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.nat(100), fc.nat(65_535)),
  count: fc.oneof(fc.integer({ min: 4, max: 30 }), fc.integer({ min: 4, max: 600 })),
});

/** What a nibble has no room for. */
function lengthBytes(length: number): number[] {
  if (length < 15) return [];
  return [...new Array<number>(Math.floor((length - 15) / 255)).fill(255), (length - 15) % 255];
}

function tokenOf(literals: number, match: number): number {
  return Math.min(literals, 15) * 16 + Math.min(match, 15);
}

Deno.test("LZ4 blocks of any sequences are read or refused by both decoders", () => {
  let [read, refused] = [0, 0];
  const sequences = fc.array(sequence, { maxLength: 6 });
  const off = fc.constantFrom(0, 0, 0, 0, -1, 1, 5);
  fc.assert(
    fc.property(
      sequences,
      literals,
      fc.nat(15),
      off,
      fc.nat(9),
      fc.nat(60),
      (all, last, nibble, more, cut, dictionary) => {
        const block = all.flatMap(({ literals, offset, count }) => [
          ...[tokenOf(literals.length, count - 4), ...lengthBytes(literals.length), ...literals],
          ...[offset & 255, offset >> 8, ...lengthBytes(count - 4)],
        ]);
        block.push(tokenOf(last.length, nibble), ...lengthBytes(last.length), ...last);
        // Of one in ten the end is missing.
        if (cut === 0) block.splice(Math.max(1, block.length - 5));
        const said = all.reduce(
          (sum, { literals, count }) => sum + literals.length + count,
          last.length,
        );
        const length = Math.max(32, said + more);
        using both = new BothDecoders();
        const frame = alone(
          ...[0x20, 0, carrier("state", 0, 1, dictionary), carrier("state", 0, 1, length)],
          ...[dictionary < 32 ? [] : 0, counted(dictionary), form(...block)],
        );
        both.open(frame) === undefined ? refused++ : read++;
      },
    ),
    { seed, numRuns: 100 * runs },
  );
  assert.ok(read > 0 && refused > 0, `${read} read, ${refused} refused: the property says nothing`);
});

/** How many bytes follow for each bit of a network frame's mask; for bit 3 it is a varint. */
const FIELD_BYTES = [2, 2, 4, 0, 1, 2, 2];
const u8 = fc.integer({ min: 0, max: 255 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
/** What a network frame is said by; the fields are drawn. */
const said = fc.record({
  flow: fc.oneof({ weight: 30, arbitrary: fc.constant(CAPTURED_FLOW) }, u8),
  mask: u8,
  added: fc.oneof({ weight: 30, arbitrary: u32 }, fc.nat(2 ** 31).map((more) => 2 ** 32 + more)),
  restBytes: fc.oneof(fc.nat(3), fc.nat(60)),
});

Deno.test("TCP frames by any mask, fields and rest are read or refused by both decoders", () => {
  let [read, refused] = [0, 0];
  const all = fc.array(said, { minLength: 1, maxLength: 5 });
  fc.assert(
    // Bytes 38 to 49 of the first frame: numbers, the header's length, flags and window.
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), all, u32, (numbers, all, seed) => {
      const draw = drawsOf(seed);
      const drawn = (count: number) => Array.from({ length: count }, () => draw(256));
      const first = LINE_FRAME.slice();
      first.set(numbers, 38);
      const bytes = all.flatMap(({ flow, mask, added, restBytes }) => [
        ...[1, flow, mask],
        ...FIELD_BYTES.flatMap((count, bit) => {
          if ((mask >> bit & 1) === 0) return [];
          return bit === 3 ? varint(added) : drawn(count);
        }),
        ...mask & 128 ? packed(drawn(restBytes)) : drawn(restBytes),
      ]);
      // Of one in ten the end is missing.
      if (draw(10) === 0) bytes.pop();
      const lengths = [first.length, ...all.map(({ restBytes }) => 54 + restBytes)];
      const tokens = lengths.flatMap((length) => carrier("data", 0, 0, length));
      using both = new BothDecoders();
      const frame = alone(16 * lengths.length, 0, tokens, 0, [...first], bytes);
      both.open(frame) === undefined ? refused++ : read++;
    }),
    { seed, numRuns: 50 * runs },
  );
  assert.ok(read > 0 && refused > 0, `${read} read, ${refused} refused: the property says nothing`);
});
