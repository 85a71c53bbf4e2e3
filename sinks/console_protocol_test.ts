import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import {
  consoleFraming,
  decodeMessage,
  encodeMessage,
  EndReason,
  maxStreamBytes,
  type Message,
} from "./console_protocol.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
const bytes = new Uint8Array([1, 2, 3]);
const most = Number.MAX_SAFE_INTEGER;
const clientMessages: Message[] = [
  { type: "clientHello", client: 2n ** 64n - 1n, have: undefined, wantsInput: true },
  { type: "clientHello", client: 0n, have: most, wantsInput: false },
  { type: "outputAck", offset: most },
  { type: "input", offset: 7, bytes },
];
const serverMessages: Message[] = [
  { type: "serverHello", inputNext: 1, outputNext: 2, generation: 3, machineId: "m-1" },
  { type: "output", offset: 0, bytes: new Uint8Array(maxStreamBytes).fill(9) },
  { type: "output", offset: most, bytes: new Uint8Array(0) },
  { type: "inputAck", offset: 5 },
  { type: "gap", from: 1, to: 2 },
  { type: "ping" },
  { type: "notLive" },
  { type: "end", reason: EndReason.guestEnded, exitCode: 0xffff_ffff, why: "zu Ende: ✓" },
];

Deno.test("every message is read as it was written, by the side that it is for only", () => {
  for (
    const [from, other, messages] of [
      ["client", "server", clientMessages],
      ["server", "client", serverMessages],
    ] as const
  ) {
    for (const message of messages) {
      const encoded = encodeMessage(message);
      const head = encoded.subarray(0, consoleFraming.headerBytes);
      assert.equal(consoleFraming.readHeader(head).payloadBytes, encoded.length - head.length);
      assert.deepEqual(decodeMessage(encoded, from), message);
      assert.throws(() => decodeMessage(encoded, other), PeerError);
    }
  }
});

Deno.test("a header is drawn where the format says", () => {
  const encoded = encodeMessage({ type: "outputAck", offset: 0x0102 });
  const text = new TextDecoder().decode(encoded.subarray(0, 4));
  assert.equal(text, "USCN");
  assert.deepEqual([...encoded.subarray(4, 12)], [1, 4, 0, 0, 8, 0, 0, 0]);
  assert.deepEqual([...encoded.subarray(16)], [2, 1, 0, 0, 0, 0, 0, 0]);
});

Deno.test("a damaged byte anywhere is a PeerError", () => {
  for (const message of [...clientMessages, ...serverMessages.slice(2)]) {
    const from = clientMessages.includes(message) ? "client" : "server";
    const encoded = encodeMessage(message);
    for (let at = 0; at < encoded.length; at++) {
      const damaged = encoded.slice();
      damaged[at]! ^= 1 << (at % 8);
      assert.throws(() => decodeMessage(damaged, from), PeerError);
    }
  }
});

/** Wraps a payload as a well-formed message of any type. */
function wrap(type: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const base: Message = { type: "output", offset: 0, bytes: new Uint8Array(payload) };
  const encoded = encodeMessage(base);
  const whole = new Uint8Array(16 + payload.length);
  whole.set(encoded.subarray(0, 16));
  whole.set(payload, 16);
  whole[5] = type;
  new DataView(whole.buffer).setUint32(8, payload.length, true);
  return seal(whole);
}

/** Puts in the right checksum: learnt from the message of what a wrong one is. */
function seal(whole: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  try {
    decodeMessage(whole, "client");
  } catch (error) {
    const [, crc] = (error as Error).message.match(/crc32c is \d+, expected (\d+)/) ?? [];
    if (crc !== undefined) new DataView(whole.buffer).setUint32(12, Number(crc), true);
  }
  return whole;
}

Deno.test("any payload with a right checksum is a message or a PeerError", () => {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(new Uint8Array(24).fill(255)),
    fc.constant(new Uint8Array(8)),
  );
  const property = fc.property(fc.nat(12), payload, fc.boolean(), (type, payload, server) => {
    try {
      const message = decodeMessage(wrap(type, payload), server ? "server" : "client");
      assert.equal(encodeMessage(message).length, 16 + payload.length);
    } catch (error) {
      assert.ok(error instanceof PeerError && !/crc32c/.test(error.message), `${error}`);
    }
  });
  fc.assert(property, { seed, numRuns: 2000 });
});

Deno.test("bytes of a stream that would end beyond the last offset are refused", () => {
  const last = Number.MAX_SAFE_INTEGER;
  for (const [type, from] of [["output", "server"], ["input", "client"]] as const) {
    const message = { type, offset: last - 2, bytes: new Uint8Array(2) };
    assert.deepEqual(decodeMessage(encodeMessage(message), from), message);
    const beyond = encodeMessage({ ...message, bytes: new Uint8Array(3) });
    assert.throws(() => decodeMessage(beyond, from), PeerError);
  }
});
