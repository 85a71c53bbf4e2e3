import assert from "node:assert/strict";
import { PeerError } from "../../base/errors.ts";
import { encodeMessage, jsonOf, MessageReader, payloadBytes } from "./agent_messages.ts";

const all = (pieces: readonly Uint8Array[]) => {
  const reader = new MessageReader();
  return pieces.flatMap((piece) => [...reader.push(piece)]);
};

Deno.test("messages come out as they went in, however the stream is cut", () => {
  const bytes = new Uint8Array([
    ...encodeMessage("start", 7, { command: ["echo", "ü"] }),
    ...encodeMessage("input", 7),
    ...encodeMessage("output", 8, new Uint8Array([0, 255, 10])),
  ]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const [start, input, output, ...more] = all([bytes.subarray(0, cut), bytes.subarray(cut)]);
    assert.deepEqual([start!.kind, start!.id], ["start", 7]);
    assert.deepEqual(jsonOf(start!), { command: ["echo", "ü"] });
    assert.deepEqual([input!.kind, input!.payload.length], ["input", 0]);
    assert.deepEqual([output!.kind, output!.id, [...output!.payload]], ["output", 8, [0, 255, 10]]);
    assert.equal(more.length, 0);
  }
});

Deno.test("bytes that are no message are refused before anything is allocated", () => {
  const wrongKind = encodeMessage("ready", 0);
  wrongKind[4] = 99;
  const tooLong = encodeMessage("ready", 0);
  new DataView(tooLong.buffer).setUint32(0, payloadBytes + 6);
  const tooShort = encodeMessage("ready", 0);
  new DataView(tooShort.buffer).setUint32(0, 4);
  for (const bytes of [wrongKind, tooLong, tooShort]) assert.throws(() => all([bytes]), PeerError);
});
