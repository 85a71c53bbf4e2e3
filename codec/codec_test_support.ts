/** Whole logs in and out of the codec, for its tests. */
import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { FrameDecoder, FrameEncoder, type LogEvent } from "./codec.ts";
import { ReferenceDecoder, type ReferenceLog } from "./reference_decoder_test_support.ts";
import { ReferenceRefusal } from "./reference_bytes_test_support.ts";
import type { FrameContent } from "./reference_encoder_test_support.ts";

/** The next frame of an encoder. */
export function closeWith(
  encoder: FrameEncoder,
  { closing, events }: FrameContent,
): Uint8Array<ArrayBuffer> {
  for (const event of events) encoder.event(event);
  return encoder.close(closing);
}

/** A log as a sealed frame that stands for itself. */
export function encodeLog(content: FrameContent): Uint8Array<ArrayBuffer> {
  using encoder = new FrameEncoder();
  return closeWith(encoder, content);
}

/** Header and events of the next frame. */
export function openWith(decoder: FrameDecoder, frame: Uint8Array): ReferenceLog {
  const header = decoder.open(frame);
  const events: LogEvent[] = [];
  for (let event = decoder.next(); event !== undefined; event = decoder.next()) events.push(event);
  return { header, events };
}

/** Header and events of a frame that stands for itself. */
export function decodeLog(frame: Uint8Array): ReferenceLog {
  using decoder = new FrameDecoder();
  return openWith(decoder, frame);
}

/** Asserts that `call` throws a {@link PeerError} with this in its message. */
export function refused(call: () => void, message: RegExp): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof PeerError, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}

/** The codec's decoder and the reference's, side by side: they read the same or refuse both. */
export class BothDecoders implements Disposable {
  readonly #decoder = new FrameDecoder();
  readonly #reference = new ReferenceDecoder();
  /** Why the reference refused the last frame. */
  why: string | undefined;

  /** Opens the next frame. @returns what it says; undefined if it is refused */
  open(frame: Uint8Array): ReferenceLog | undefined {
    this.why = undefined;
    let expected: ReferenceLog;
    try {
      expected = this.#reference.open(frame);
    } catch (error) {
      if (!(error instanceof ReferenceRefusal)) throw error;
      this.why = error.message;
      assert.throws(
        () => this.#decoder.open(frame),
        PeerError,
        `the reference refuses: ${error.message}; ${frameText(frame)}`,
      );
      return undefined;
    }
    let found: ReferenceLog;
    try {
      found = openWith(this.#decoder, frame);
    } catch (error) {
      assert.fail(`the reference reads it, the codec does not: ${error}; ${frameText(frame)}`);
    }
    assert.deepEqual(found, expected, frameText(frame));
    return expected;
  }

  /** Frees the WASM memory behind it. */
  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
  }
}

/** A frame for a failure's message. */
function frameText(frame: Uint8Array): string {
  return `frame ${new Uint8Array(frame).toHex()}`;
}
