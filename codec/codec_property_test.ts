/** The WASM codec against the reference in plain TypeScript, in both directions. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import {
  type Chain,
  FrameEncoder,
  HEADER_BYTES,
  type Level,
  openMessage,
  readHeader,
  sealMessage,
} from "./codec.ts";
import { BothDecoders, closeWith, decodeLog } from "./codec_test_support.ts";
import { chainContents } from "./log_arbitrary_test_support.ts";
import { encodeLogFileHeader, framesOf } from "./log_file.ts";
import { drawsOf } from "./reference_bytes_test_support.ts";
import type { ReferenceLog } from "./reference_decoder_test_support.ts";
import { type FrameContent, ReferenceEncoder } from "./reference_encoder_test_support.ts";
import {
  crcIn,
  referenceMessage,
  reseal,
  sealReference,
  sealReferenceMessage,
} from "./reference_frame_test_support.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
const runs = Number(Deno.env.get("RUNS") ?? 60);
console.log(`codec properties: SEED=${seed} RUNS=${runs}`);
const check = (property: fc.IRawProperty<unknown>, factor = 1) =>
  fc.assert(property as fc.IRawProperty<[unknown]>, { seed, numRuns: Math.ceil(runs * factor) });

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => new Uint8Array(array));
const levels = fc.constantFrom<Level>("fast", "fast", "dense");

/** Frames in their order, with what they say. */
interface Stream {
  readonly frames: Uint8Array<ArrayBuffer>[];
  readonly contents: FrameContent[];
}

/** A chain as the reference writes it, which is never the same twice; or one frame that is alone. */
const chain: fc.Arbitrary<Stream & { level: Level }> = fc.record({
  contents: chainContents,
  level: levels,
  isAlone: fc.boolean(),
  seed: u32,
}).map(({ contents, level, isAlone, seed }) => {
  const encoder = new ReferenceEncoder(drawsOf(seed));
  const how = (index: number): Chain => index > 0 ? "continues" : isAlone ? "alone" : "begins";
  if (isAlone) contents = contents.slice(0, 1);
  const frames = contents.map((content, index) => encoder.close(content, how(index), level));
  return { frames, contents, level };
});
/** Chains one after the other, and frames that are alone between them. */
const stream: fc.Arbitrary<Stream> = fc.array(chain, { minLength: 1, maxLength: 4 }).map((
  chains,
) => ({
  frames: chains.flatMap(({ frames }) => frames),
  contents: chains.flatMap(({ contents }) => contents),
}));

/** What a frame's content is to be read as. */
function logOf({ closing, events }: FrameContent): ReferenceLog {
  return { header: { ...closing, eventCount: events.length }, events: [...events] };
}

Deno.test("what the codec encodes, both decoders read back, at every level and length of chain", () => {
  check(
    fc.property(chainContents, fc.integer({ min: 1, max: 7 }), levels, (contents, chain, level) => {
      using encoder = new FrameEncoder({ chain, level });
      using both = new BothDecoders();
      for (const [index, content] of contents.entries()) {
        const frame = closeWith(encoder, content);
        const how = chain === 1 ? "alone" : index % chain === 0 ? "begins" : "continues";
        const payloadBytes = frame.length - HEADER_BYTES;
        assert.deepEqual(readHeader(frame), { kind: 1, payloadBytes, chain: how, level });
        assert.deepEqual(both.open(frame), logOf(content));
      }
    }),
  );
});

Deno.test("what the reference encodes, with tokens that no encoder would choose, both decoders read back", () => {
  check(fc.property(stream, ({ frames, contents }) => {
    using both = new BothDecoders();
    for (const [index, frame] of frames.entries()) {
      assert.deepEqual(both.open(frame), logOf(contents[index]!), both.why);
    }
  }));
});

Deno.test("an altered frame that is sealed again is refused by both decoders or read the same, and so is what continues it", () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  const changes = fc.array(change, { minLength: 1, maxLength: 3 });
  const places = fc.constantFrom(16, 60, 2 ** 21);
  let [read, refused] = [0, 0];
  check(
    fc.property(chain, fc.nat(), changes, places, fc.nat(), (chain, which, changes, most, cut) => {
      const { frames } = chain;
      using both = new BothDecoders();
      const index = which % frames.length;
      for (const frame of frames.slice(0, index)) both.open(frame);
      let altered = frames[index]!.slice();
      const places = Math.min(altered.length - HEADER_BYTES, most);
      for (const [at, bits] of changes) altered[HEADER_BYTES + at % places]! ^= bits;
      // Of some the end is missing.
      if (cut % 4 === 0) altered = altered.slice(0, altered.length - 1 - cut / 4 % places);
      let before = index === 0 ? 0 : crcIn(frames[index - 1]!);
      let isRefused = both.open(reseal(altered, before)) === undefined;
      isRefused ? refused++ : read++;
      before = crcIn(altered);
      for (const frame of frames.slice(index + 1)) {
        const next = reseal(frame.slice(), before);
        before = crcIn(next);
        const log = both.open(next);
        if (isRefused) assert.equal(log, undefined, "it continues what was refused");
        isRefused = log === undefined;
      }
    }),
    5,
  );
  assert.ok(read > 0 && refused > 0, `${read} read, ${refused} refused: the property says nothing`);
});

Deno.test("both decoders agree on payloads of any bytes", () => {
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.nat(8),
    fc.constantFrom(0x40, 0x7f, 0x80, 0xa8, 0xa9, 0xbf, 0xc0, 0xc1, 0xfc, 0xff),
  );
  const payload = fc.tuple(
    fc.constantFrom(0x00, 0x10, 0x20, 0x30, 0x70, 0xf0),
    fc.array(byte, { maxLength: 24 }),
  )
    .map(([flags, rest]) => [flags, 0, ...rest]);
  let read = 0;
  check(
    fc.property(payload, levels, (payload, level) => {
      using both = new BothDecoders();
      const head = { kind: 1, chain: "alone", level } as const;
      if (both.open(sealReference(head, payload)) !== undefined) read++;
    }),
    20,
  );
  assert.ok(read > 0, "no payload was right: the property says nothing");
});

Deno.test("a frame whose bytes were altered on the way is refused, and so is what continues it", () => {
  check(
    fc.property(
      chain,
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (chain, which, at, bits) => {
        const { frames } = chain;
        using both = new BothDecoders();
        const index = which % frames.length;
        for (const frame of frames.slice(0, index)) assert.ok(both.open(frame));
        const altered = frames[index]!.slice();
        altered[at % altered.length]! ^= bits;
        for (const frame of [altered, ...frames.slice(index + 1)]) {
          assert.equal(both.open(frame), undefined);
        }
      },
    ),
  );
});

Deno.test("when a frame of a chain is left out, or comes twice, what follows it is refused", () => {
  check(fc.property(chain, fc.nat(), fc.boolean(), ({ frames }, which, isTwice) => {
    using both = new BothDecoders();
    const index = which % frames.length;
    for (const frame of frames.slice(0, isTwice ? index + 1 : index)) assert.ok(both.open(frame));
    // One that depends on nothing may come again.
    const after = isTwice && index > 0 ? frames.slice(index) : frames.slice(index + 1);
    for (const frame of isTwice && index === 0 ? [] : after) {
      assert.equal(both.open(frame), undefined);
    }
  }));
});

Deno.test("of a stream that is cut at any byte, every whole frame before the cut is read", async () => {
  const cuts = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(stream, cuts, async ({ frames, contents }, cuts) => {
      const file = new Uint8Array(
        await new Blob([encodeLogFileHeader(4096), ...frames]).arrayBuffer(),
      );
      const headBytes = encodeLogFileHeader(4096).length;
      for (const cut of cuts) {
        using both = new BothDecoders();
        const length = headBytes + cut % (file.length - headBytes + 1);
        let end = headBytes;
        let index = 0;
        for (const frame of framesOf(file.subarray(0, length), "a file")) {
          assert.deepEqual(both.open(frame), logOf(contents[index++]!), both.why);
          end += frame.length;
        }
        assert.ok(index === frames.length || end + frames[index]!.length > length);
      }
    }),
    { seed, numRuns: Math.ceil(runs / 2) },
  );
});

Deno.test("any bytes at all are refused with a PeerError, by every reader", () => {
  check(
    fc.property(bytes(300), (frame) => {
      for (const reader of [decodeLog, openMessage, readHeader]) {
        assert.throws(() => reader(frame), PeerError);
      }
    }),
    3,
  );
});

Deno.test("a message has the bytes that the reference says, and comes back as it went", () => {
  const kind = fc.integer({ min: 2, max: 31 });
  const said = fc.record({
    generation: u32,
    sequence: fc.maxSafeNat(),
    through: fc.maxSafeNat(),
  });
  check(
    fc.property(kind, said, bytes(500), (kind, said, payload) => {
      const frame = sealMessage(kind, said, payload);
      assert.deepEqual(frame, sealReferenceMessage(kind, said, payload));
      const expected = { header: { kind, ...said }, payload };
      assert.deepEqual(openMessage(frame), expected);
      assert.deepEqual(referenceMessage(frame), expected);
    }),
    3,
  );
});
