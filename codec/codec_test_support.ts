/** Whole logs in and out of the codec, for its tests. */
import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { FrameDecoder, FrameEncoder, type LogEvent, type LogHeader } from "./codec.ts";
import type { ReferenceLog } from "./reference_test_support.ts";

/** A log as a sealed frame. */
export function encodeLog({ closing, events }: ReferenceLog): Uint8Array<ArrayBuffer> {
  using encoder = new FrameEncoder();
  for (const event of events) encoder.event(event);
  return encoder.close(closing);
}

/** Header and events of a log frame. */
export function decodeLog(frame: Uint8Array): { header: LogHeader; events: LogEvent[] } {
  using decoder = new FrameDecoder();
  const header = decoder.open(frame);
  const events: LogEvent[] = [];
  for (let event = decoder.next(); event !== undefined; event = decoder.next()) events.push(event);
  return { header, events };
}

/** Asserts that `call` throws a {@link PeerError} with this in its message. */
export function refused(call: () => void, message: RegExp): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof PeerError, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}
