/**
 * vectors/*.json: frames made by hand and what they say, read by both decoders. UPDATE=1 writes the files anew; what
 * changed is for the eye to judge.
 */
import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { FrameDecoder, openMessage } from "./codec.ts";
import { openWith } from "./codec_test_support.ts";
import { ReferenceRefusal } from "./reference_bytes_test_support.ts";
import { ReferenceDecoder } from "./reference_decoder_test_support.ts";
import { referenceMessage } from "./reference_frame_test_support.ts";
import {
  type Definition,
  type Expectation,
  logExpectation,
  messageExpectation,
  type Vector,
} from "./vector_test_support.ts";
import { BYTES } from "./vectors/bytes_test_support.ts";
import { CHAINS } from "./vectors/chains_test_support.ts";
import { DENSE } from "./vectors/dense_test_support.ts";
import { FRAMES } from "./vectors/frames_test_support.ts";
import { MESSAGES } from "./vectors/messages_test_support.ts";
import { NETWORK } from "./vectors/network_test_support.ts";
import { TOKENS } from "./vectors/tokens_test_support.ts";

/** What each file holds. */
const FILES: Record<string, readonly Definition[]> = {
  messages: MESSAGES,
  frames: FRAMES,
  tokens: TOKENS,
  chains: CHAINS,
  bytes: BYTES,
  network: NETWORK,
  dense: DENSE,
};

/** What the reference makes of a file's frames. */
function byReference(name: string, frames: readonly Uint8Array[]): Expectation[] {
  const decoder = new ReferenceDecoder();
  return readAll(
    frames,
    ReferenceRefusal,
    (frame) =>
      name === "messages"
        ? messageExpectation(referenceMessage(frame))
        : logExpectation(decoder.open(frame)),
  );
}

/** What the codec makes of them. */
function byCodec(name: string, frames: readonly Uint8Array[]): Expectation[] {
  using decoder = new FrameDecoder();
  return readAll(
    frames,
    PeerError,
    (frame) =>
      name === "messages"
        ? messageExpectation(openMessage(frame))
        : logExpectation(openWith(decoder, frame)),
  );
}

/** @param Refusal what `read` throws at what it refuses */
function readAll(
  frames: readonly Uint8Array[],
  Refusal: new (message: string) => Error,
  read: (frame: Uint8Array) => Expectation,
): Expectation[] {
  return frames.map((frame) => {
    try {
      return read(frame);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { refused: error.message };
    }
  });
}

/** A definition with what the reference makes of it, which is to refuse what is defined to be. */
function vectorOf(name: string, { description, frames, refused = [] }: Definition): Vector {
  const expect = byReference(name, frames);
  const reasons = expect.flatMap((one) => "refused" in one ? [one.refused] : []);
  assert.deepEqual(reasons, refused, description);
  return { description, frames: frames.map((frame) => new Uint8Array(frame).toHex()), expect };
}

function pathOf(name: string): URL {
  return new URL(`./vectors/${name}.json`, import.meta.url);
}

/** Writes a file, an event a line where it is short enough. */
async function update(name: string, vectors: Vector[]): Promise<void> {
  const lines = (list: unknown[]) =>
    list.length === 0 ? "[]" : `[\n${list.map((one) => JSON.stringify(one)).join(",\n")}\n]`;
  const expectation = (one: Expectation) =>
    "events" in one
      ? `{\n"header": ${JSON.stringify(one.header)},\n"events": ${lines(one.events)}\n}`
      : JSON.stringify(one);
  const texts = vectors.map(({ description, frames, expect }) =>
    `{\n"description": ${JSON.stringify(description)},\n"frames": ${lines(frames)},\n` +
    `"expect": [\n${expect.map(expectation).join(",\n")}\n]\n}`
  );
  Deno.writeTextFileSync(pathOf(name), `[\n${texts.join(",\n")}\n]\n`);
  const path = pathOf(name).pathname;
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path] }).output();
}

for (const [name, definitions] of Object.entries(FILES)) {
  Deno.test(`vectors/${name}.json has what is defined, as the reference reads it`, async () => {
    const vectors = definitions.map((definition) => vectorOf(name, definition));
    if (Deno.env.get("UPDATE") === "1") await update(name, vectors);
    assert.deepEqual(JSON.parse(Deno.readTextFileSync(pathOf(name))), vectors);
  });

  Deno.test(`the codec reads and refuses vectors/${name}.json as it says`, () => {
    const vectors = JSON.parse(Deno.readTextFileSync(pathOf(name))) as Vector[];
    // Both have words of their own for why they refuse.
    const isRefused = (one: Expectation) => "refused" in one ? { refused: true } : one;
    for (const { description, frames, expect } of vectors) {
      const found = byCodec(name, frames.map((frame) => Uint8Array.fromHex(frame)));
      assert.deepEqual(found.map(isRefused), expect.map(isRefused), description);
    }
  });
}
