/**
 * Recorded guests, as the primary writes their logs and packed dense: both implementations of the format read the same
 * from each frame, and from both levels the same log.
 */
import assert from "node:assert/strict";
import { chainFrames } from "../base/limits.ts";
import { FrameEncoder, readHeader } from "../codec/codec.ts";
import { BothDecoders } from "../codec/codec_test_support.ts";
import type { ReferenceLog } from "../codec/reference_decoder_test_support.ts";
import { typeAtLedger } from "./support/exactness.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { recordGuest, type RecordOptions } from "./support/record.ts";

const seed = chooseSeed("recorded_format_test");

/** What is recorded. */
const RECORDED: Record<string, () => RecordOptions> = {
  "a ledger with input": () => ({
    guest: "ledger",
    verify: 500,
    input: typeAtLedger(new Random(seed), 40),
  }),
  "stress": () => ({ guest: "stress", commandLine: `${seed} 4` }),
  "stress in checkpoint mode": () => ({
    guest: "stress",
    commandLine: `${seed} 2`,
    epochLengthMs: 2,
  }),
};

/** What frames say, of which there are two at least in a chain, to both decoders. */
function readByBoth(frames: readonly Uint8Array[], level: "fast" | "dense"): ReferenceLog[] {
  using both = new BothDecoders();
  assert.ok(frames.some((frame) => readHeader(frame).chain === "continues"));
  return frames.map((frame, index) => {
    assert.equal(readHeader(frame).level, level);
    return both.open(frame) ?? assert.fail(`frame ${index} is refused: ${both.why}`);
  });
}

for (const [name, options] of Object.entries(RECORDED)) {
  Deno.test(`both decoders read each frame of ${name}, fast and dense`, async () => {
    const { logs, end } = await recordGuest({
      ...options(),
      memoryBytes: 8 << 20,
      patienceMs: 20_000,
    });
    assert.equal(end.code, 0, end.why);
    for (const frames of logs) {
      using encoder = new FrameEncoder({ chain: chainFrames.dense, level: "dense" });
      const said = readByBoth(frames, "fast");
      const dense = said.map(({ header, events }) => {
        for (const event of events) encoder.event(event);
        return encoder.close(header);
      });
      assert.deepEqual(readByBoth(dense, "dense"), said);
    }
  });
}
