import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { messageTextBytes } from "../base/limits.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  messageKind,
  type MessageType,
} from "./messages.ts";
import { seed } from "./protocol_test_support.ts";

const u8 = fc.nat(0xff);
const u32 = fc.nat(0xffffffff);
const u53 = fc.maxSafeNat();
const flag = fc.boolean();
const text = fc.string({ unit: "binary", maxLength: messageTextBytes / 4 });
const bytes = fc.uint8Array({ maxLength: 300 });

const RULES = {
  commitReplayed: flag,
  heartbeatMs: u32,
  timeoutMs: u32,
  lagMaxMs: u32,
  sliceMs: u32,
  mode: text,
  checkpointing: fc.boolean(),
  epochLengthMs: u32,
  verify: text,
  divergenceMax: text,
};
/** What each message's fields can be. */
const FIELDS: { [M in MessageType]: Record<string, fc.Arbitrary<unknown>> } = {
  hello: { protocol: u32, who: text, machineId: text },
  welcome: { machineId: text, generation: u32, memoryBytes: u53, ...RULES },
  refuse: { why: text, retry: flag },
  heartbeat: { sentMs: u53 },
  ack: { received: u53, replayed: u53, point: u53, echoMs: u53 },
  done: { sink: u8, offset: u53 },
  protected: { stateSequence: u53 },
  diverged: {
    point: u53,
    place: text,
    recorded: text,
    replayed: text,
    after: u53,
    checksums: bytes,
  },
  leave: { why: text },
  handover: { sequence: u53 },
  won: { generation: u32 },
  ended: { why: text },
  transfer: { round: u32, sentBytes: u53, leftBytes: u53, pauseShare: u32, stopUs: u53 },
  recorded: { point: u53, exit: bytes },
  reported: { where: text },
  pages: { first: u53, hashes: bytes },
  renew: { pages: u53 },
  renewing: { session: u32, mayClaim: flag },
  rules: RULES,
};
const TYPES = Object.keys(FIELDS) as MessageType[];

const messages = fc.oneof(
  ...TYPES.map((type) => fc.record({ type: fc.constant(type), ...FIELDS[type] })),
) as unknown as fc.Arbitrary<Message>;

function decode(type: MessageType, payload: Uint8Array): Message {
  return decodeMessage(messageKind(type), payload);
}

/** Decodes; a PeerError is an answer, anything else that is thrown is not. */
function isTotal(kind: number, payload: Uint8Array): void {
  try {
    decodeMessage(kind, payload);
  } catch (error) {
    assert.ok(error instanceof PeerError, `${error}`);
  }
}

Deno.test("every message comes back from its payload as it went in", () => {
  fc.assert(
    fc.property(messages, (message) => {
      assert.deepEqual({ ...decode(message.type, encodeMessage(message)) }, { ...message });
    }),
    { seed, numRuns: 1000 },
  );
});

Deno.test("kinds are distinct, and none is the log's", () => {
  const kinds = TYPES.map(messageKind);
  assert.equal(new Set(kinds).size, TYPES.length);
  assert.ok(kinds.every((kind) => kind >= 2 && kind <= 255));
});

Deno.test("any bytes as any kind are a message or a PeerError", () => {
  fc.assert(
    fc.property(fc.nat(20), fc.uint8Array({ maxLength: 80 }), isTotal),
    { seed, numRuns: 5000 },
  );
});

Deno.test("a message with one byte changed is a message or a PeerError", () => {
  fc.assert(
    fc.property(messages, fc.nat(), fc.nat(255), (message, at, value) => {
      const payload = encodeMessage(message);
      payload[at % payload.length] = value;
      isTotal(messageKind(message.type), payload);
    }),
    { seed, numRuns: 2000 },
  );
});

Deno.test("a message that is cut short or too long is a PeerError", () => {
  fc.assert(
    fc.property(messages, fc.nat(), (message, at) => {
      const payload = encodeMessage(message);
      const short = payload.subarray(0, at % payload.length);
      assert.throws(() => decode(message.type, short), PeerError);
      const long = new Uint8Array([...payload, 0]);
      assert.throws(() => decode(message.type, long), PeerError);
    }),
    { seed },
  );
});

Deno.test("numbers beyond 2^53 - 1, flags beyond 1 and unknown kinds are PeerErrors", () => {
  const highest = new Uint8Array([255, 255, 255, 255, 255, 255, 31, 0]);
  assert.deepEqual(decode("heartbeat", highest), {
    type: "heartbeat",
    sentMs: Number.MAX_SAFE_INTEGER,
  });
  assert.throws(() => decode("heartbeat", new Uint8Array([0, 0, 0, 0, 0, 0, 32, 0])), PeerError);
  assert.throws(() => decode("refuse", new Uint8Array([0, 0, 2])), /retry: 2, expected 0 or 1/);
  assert.throws(() => decodeMessage(1, new Uint8Array(8)), /kind 1/);
});

Deno.test("a number out of its field's range is a defect of the sender", () => {
  const bad: Message[] = [
    { type: "heartbeat", sentMs: 0.5 },
    { type: "heartbeat", sentMs: -1 },
    { type: "heartbeat", sentMs: 2 ** 53 },
    { type: "won", generation: 2 ** 32 },
    { type: "done", sink: 256, offset: 0 },
  ];
  for (const message of bad) assert.throws(() => encodeMessage(message), DefectError);
});

Deno.test("a text that is too long is cut at a whole character, not refused", () => {
  const why = "ä".repeat(40_000);
  const cut = decode("leave", encodeMessage({ type: "leave", why }));
  assert.deepEqual(cut, { type: "leave", why: "ä".repeat(messageTextBytes / 2) });
});

Deno.test("a text longer than the limit, or that is no UTF-8, is a PeerError", () => {
  const long = new Uint8Array(2 + messageTextBytes + 1);
  new DataView(long.buffer).setUint16(0, messageTextBytes + 1, true);
  assert.throws(() => decode("leave", long), /at most 1024/);
  assert.throws(() => decode("leave", new Uint8Array([1, 0, 0xff])), /expected UTF-8/);
});
