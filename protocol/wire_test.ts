import assert from "node:assert/strict";
import { FrameDecoder, FrameEncoder } from "../codec/codec.ts";
import { PeerError } from "../base/errors.ts";
import type { Message } from "./messages.ts";
import { welcome } from "./protocol_test_support.ts";
import { frameOf, fromBackup, fromPrimary } from "./wire.ts";

const ack: Message = { type: "ack", received: 3, replayed: 2, point: 7, echoMs: 1 };

function logFrame(): Uint8Array<ArrayBuffer> {
  using encoder = new FrameEncoder();
  encoder.data(4, 0, new Uint8Array([1, 2, 3]));
  const checksums = { exitsChecksum: 1, outputsChecksum: 2 };
  return encoder.close({ generation: 1, sequence: 5, through: 9, ...checksums });
}

Deno.test("a message comes out as it went in, on either side", () => {
  using decoder = new FrameDecoder();
  assert.deepEqual(fromBackup(frameOf(ack, 1, 1), "b"), ack);
  assert.deepEqual(fromPrimary(frameOf(welcome, 1, 1), decoder), {
    type: "message",
    message: welcome,
  });
});

Deno.test("a frame of the log reaches the backup whole, with what its header says", () => {
  using decoder = new FrameDecoder();
  const bytes = logFrame();
  assert.deepEqual(fromPrimary(bytes, decoder), {
    type: "frame",
    frame: { generation: 1, sequence: 5, through: 9, bytes },
  });
});

Deno.test("one bit altered anywhere in a frame, and neither side hears of it", () => {
  using decoder = new FrameDecoder();
  const readers: [Uint8Array, (frame: Uint8Array) => unknown][] = [
    [logFrame(), (frame) => fromPrimary(frame, decoder)],
    [frameOf(welcome, 1, 1), (frame) => fromPrimary(frame, decoder)],
    [frameOf(ack, 1, 1), (frame) => fromBackup(frame, "b")],
  ];
  for (const [frame, read] of readers) {
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const altered = frame.slice();
      altered[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => read(altered), PeerError, `bit ${bit}`);
    }
  }
});

Deno.test("a backup that sends a log is named", () => {
  assert.throws(
    () => fromBackup(logFrame(), "192.0.2.7:4"),
    (error) => error instanceof PeerError && /192.0.2.7:4 sends a log/.test(error.message),
  );
});
