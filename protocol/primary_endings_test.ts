/** The primary at a handover, at the guest's end, and with peers that misbehave. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { ExitCode } from "../base/errors.ts";
import { type Message, PROTOCOL_VERSION } from "./messages.ts";
import {
  diverged,
  frame,
  output,
  primaryDeeds as deeds,
  seed,
  TestPrimary,
} from "./protocol_test_support.ts";
import type { ClaimOutcome } from "./types.ts";

const won: ClaimOutcome = { kind: "won" };
const lost: ClaimOutcome = { kind: "lost", holder: "b", ended: false };
const unreachable: ClaimOutcome = { kind: "unreachable", why: "no route" };
const hello: Message = { type: "hello", protocol: PROTOCOL_VERSION, who: "b", machineId: "" };

// --- handover ---

function handingOver(): TestPrimary {
  const primary = new TestPrimary().join();
  primary.give({ type: "handover" });
  primary.give({ type: "probed", reachable: true, why: "" });
  primary.put([output(0, "a", 12)], frame(2, 12));
  primary.give({ type: "paused", sequence: 2 });
  return primary;
}

Deno.test("a handover is offered when the machine stands still and all its outputs are done", () => {
  const primary = new TestPrimary().join();
  assert.deepEqual(primary.give({ type: "handover" }), ["probeArbiter"]);
  assert.deepEqual(primary.give({ type: "probed", reachable: true, why: "" }), ["pause"]);
  primary.put([output(0, "a", 12)], frame(2, 12));
  assert.deepEqual(primary.give({ type: "paused", sequence: 2 }), []);
  assert.deepEqual(deeds(primary.ack({ received: 2 })), ['perform 0 "a"']);
  assert.deepEqual(primary.give({ type: "performed", sink: 0 }), [
    "send done sink=0 offset=1",
    "send handover sequence=2",
  ]);
  assert.deepEqual(primary.hear({ type: "won", generation: 2 }), [
    `halt code=${ExitCode.ok} why="handed over to b"`,
  ]);
});

Deno.test("arbiter out of reach: no handover, the primary stays and the machine runs on", () => {
  const primary = new TestPrimary().join();
  primary.give({ type: "handover" });
  assert.deepEqual(primary.give({ type: "probed", reachable: false, why: "no route" }), []);
  assert.equal(primary.protocol.mode, "protected");
  assert.deepEqual(primary.give({ type: "handover" }), ["probeArbiter"]);
});

Deno.test("a handover whose backup renounces, or is lost and loses, goes on here", () => {
  const primary = handingOver();
  assert.deepEqual(deeds(primary.hear({ type: "leave", why: "bye" })), ["resume", 'perform 0 "a"']);

  const other = handingOver();
  other.give({ type: "closed", connection: 1, why: "cut" });
  assert.deepEqual(deeds(other.give({ type: "claimed", generation: 2, outcome: won })), [
    "resume",
    'perform 0 "a"',
  ]);
});

Deno.test("a handover whose won message got lost ends well all the same", () => {
  const primary = handingOver();
  primary.ack({ received: 2 });
  primary.give({ type: "performed", sink: 0 });
  primary.give({ type: "closed", connection: 1, why: "cut" });
  assert.deepEqual(primary.give({ type: "claimed", generation: 2, outcome: lost }), [
    `halt code=${ExitCode.ok} why="handed over to b"`,
  ]);
});

Deno.test("won without an offer, or of another generation, is a breach", () => {
  const primary = new TestPrimary().join();
  assert.deepEqual(deeds(primary.hear({ type: "won", generation: 2 })), [
    "claim generation=2 ended=false",
  ]);
  const other = handingOver();
  other.ack({ received: 2 });
  other.give({ type: "performed", sink: 0 });
  assert.deepEqual(deeds(other.hear({ type: "won", generation: 3 })), [
    "claim generation=2 ended=false",
  ]);
});

Deno.test("a probe that answers after the backup was lost pauses nothing", () => {
  const primary = new TestPrimary().join();
  primary.give({ type: "handover" });
  primary.give({ type: "closed", connection: 1, why: "cut" });
  assert.ok(!primary.give({ type: "probed", reachable: true, why: "" }).includes("pause"));
});

Deno.test("a guest that ends while a handover is prepared is not handed over", () => {
  const primary = handingOver();
  primary.give({ type: "guestEnded", end: { why: "done", code: 0 }, sequence: 3 });
  primary.put([], frame(3, 13));
  primary.ack({ received: 3 });
  assert.deepEqual(primary.give({ type: "performed", sink: 0 }), [
    "send done sink=0 offset=1",
    "claim generation=2 ended=true",
  ]);
});

Deno.test("a guest whose last frame comes while its handover waits for outputs is not handed over", () => {
  const primary = handingOver();
  // The notice of its end waits behind it until there is room for more.
  primary.put([], frame(3, 13));
  primary.ack({ received: 3 });
  assert.deepEqual(primary.give({ type: "performed", sink: 0 }), ["send done sink=0 offset=1"]);
  assert.deepEqual(deeds(primary.give({ ...ended(0), sequence: 3 })), [
    "claim generation=2 ended=true",
  ]);
});

// --- the guest's end ---

const ended = (code: number) =>
  ({ type: "guestEnded", end: { why: "done", code }, sequence: 2 }) as const;

Deno.test("the guest's end is recorded when all is performed and acknowledged, then both stop", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  assert.deepEqual(primary.give(ended(0)), []);
  assert.deepEqual(deeds(primary.ack({ received: 2 })), ['perform 0 "a"']);
  assert.deepEqual(deeds(primary.give({ type: "performed", sink: 0 })), [
    "claim generation=2 ended=true",
  ]);
  assert.deepEqual(primary.give({ type: "claimed", generation: 2, outcome: won }), [
    'send ended why="done"',
    'close why="done"',
    `halt code=${ExitCode.ok} why="done"`,
  ]);
});

Deno.test("an end that the backup does not hold yet is not recorded, though nothing is to be performed", () => {
  const primary = new TestPrimary().join();
  primary.put([], frame(2, 12));
  assert.deepEqual(primary.give(ended(0)), []);
  assert.deepEqual(deeds(primary.ack({ received: 2 })), ["claim generation=2 ended=true"]);
});

Deno.test("a guest that ends badly says so in the exit code", () => {
  const primary = new TestPrimary();
  assert.deepEqual(primary.give(ended(3)), ["claim generation=2 ended=true"]);
  assert.deepEqual(primary.give({ type: "claimed", generation: 2, outcome: won }), [
    `halt code=${ExitCode.guest} why="done"`,
  ]);
});

Deno.test("an end that can't be recorded is tried again; who lost the backup meanwhile claims once", () => {
  const primary = new TestPrimary().join();
  primary.put([], frame(2, 12));
  primary.ack({ received: 2 });
  assert.deepEqual(deeds(primary.give(ended(0))), ["claim generation=2 ended=true"]);
  assert.deepEqual(deeds(primary.give({ type: "closed", connection: 1, why: "cut" })), []);
  primary.give({ type: "claimed", generation: 2, outcome: unreachable });
  assert.deepEqual(deeds(primary.wait(50)), ["claim generation=2 ended=true"]);
  assert.deepEqual(primary.give({ type: "claimed", generation: 2, outcome: lost }), [
    `halt code=${ExitCode.lost} why="lost generation 2 of m1 to b"`,
  ]);
});

Deno.test("a guest that ends while its backup is lost ends once the arbitration is won", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  primary.give({ type: "closed", connection: 1, why: "cut" });
  assert.deepEqual(primary.give(ended(0)), []);
  primary.give({ type: "claimed", generation: 2, outcome: won });
  assert.deepEqual(primary.give({ type: "performed", sink: 0 }), ["claim generation=3 ended=true"]);
});

// --- peers that misbehave ---

Deno.test("a second hello on the session's own connection is a breach", () => {
  const primary = new TestPrimary().join();
  assert.deepEqual(deeds(primary.hear(hello)), ["claim generation=2 ended=false"]);
});

Deno.test("names of any length lead to no defect", () => {
  const primary = new TestPrimary();
  const long = "x".repeat(65_535);
  assert.match(primary.hear({ ...hello, machineId: long })[0]!, /^send refuse/);
  primary.hear({ ...hello, who: long });
  assert.match(primary.hear(hello, 2)[0]!, /^send on 2 refuse/);
});

Deno.test("whatever a backup says, in whatever order, it trips no assertion", () => {
  const number = fc.oneof(fc.nat(4), fc.constant(Number.MAX_SAFE_INTEGER));
  const message: fc.Arbitrary<Message> = fc.oneof(
    fc.constant(hello),
    fc.record({
      type: fc.constant("ack" as const),
      received: number,
      replayed: number,
      point: fc.nat(13),
      echoMs: fc.nat(1020),
    }),
    fc.constant<Message>({ type: "leave", why: "" }),
    fc.constant<Message>(diverged),
    fc.constant<Message>({ type: "renew", pages: 0 }),
    fc.record({
      type: fc.constant("pages" as const),
      first: number,
      hashes: fc.uint8Array({ maxLength: 10 }),
    }),
    fc.constant<Message>({ type: "reported", where: "" }),
    fc.record({ type: fc.constant("won" as const), generation: fc.nat(3) }),
    fc.constant<Message>({ type: "handover", sequence: 1 }),
    fc.constant<Message>({ type: "protected", stateSequence: 1 }),
  );
  const step = fc.tuple(message, fc.integer({ min: 1, max: 2 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.boolean(), (script, joined) => {
      const primary = joined ? handingOver() : new TestPrimary();
      for (const [one, connection, isLater] of script) {
        const effects = primary.hear(one, connection);
        if (effects.some((text) => text.startsWith("claim"))) {
          const { generation } = primary.protocol;
          primary.give({ type: "claimed", generation: generation + 1, outcome: won });
        }
        if (isLater) primary.wait(10);
      }
    }),
    { seed, numRuns: 500 },
  );
});

Deno.test("a log with a frame missing is a defect", () => {
  const primary = new TestPrimary().join();
  assert.throws(() => primary.put([], frame(3, 12)), DefectError);
});
