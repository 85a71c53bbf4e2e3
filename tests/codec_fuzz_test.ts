/** The codec's campaign in small: tests/campaigns/codec.ts runs the same for longer. */
import assert from "node:assert/strict";
import { fuzzCodec } from "./support/codec_fuzz.ts";
import { chooseSeed } from "./support/random.ts";

const seed = chooseSeed("codec_fuzz_test");

Deno.test("altered streams are read or refused, within the bounds of the format", () => {
  const { streams, read, refused } = fuzzCodec({ seed, streams: 20_000, first: 0 });
  assert.ok(streams >= 20_000 && read > 0 && refused.size > 10, [...refused.keys()].join(", "));
});
