/** Whole logs in and out of the codec, for its tests. */
import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { FrameDecoder, FrameEncoder, type FrameHeader, type LogEvent } from "./codec.ts";
import type { ReferenceLog } from "./reference_test_support.ts";

/** Appends one event. */
export function append(encoder: FrameEncoder, event: LogEvent): void {
  const { kind, point } = event;
  if (kind === "time") encoder.time(point, event.clockUs);
  if (kind === "data") encoder.data(point, event.device, event.bytes);
  if (kind === "state") encoder.state(point, event.section, event.bytes);
  if (kind === "control") encoder.control(point, event.code, event.bytes);
}

/** A log as a sealed frame. */
export function encodeLog({ closing, events }: ReferenceLog): Uint8Array<ArrayBuffer> {
  using encoder = new FrameEncoder();
  for (const event of events) append(encoder, event);
  return encoder.close(closing);
}

/** Header and events of a log frame. */
export function decodeLog(frame: Uint8Array): { header: FrameHeader; events: LogEvent[] } {
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
