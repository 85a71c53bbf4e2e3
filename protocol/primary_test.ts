import assert from "node:assert/strict";
import { ExitCode, PeerError } from "../base/errors.ts";
import { type Message, PROTOCOL_VERSION } from "./messages.ts";
import { frame, output, primaryDeeds as deeds, TestPrimary } from "./protocol_test_support.ts";
import type { PrimaryRules } from "./primary.ts";
import type { ClaimOutcome } from "./types.ts";

const won: ClaimOutcome = { kind: "won" };
const lost: ClaimOutcome = { kind: "lost", holder: "b", ended: false };
const unreachable: ClaimOutcome = { kind: "unreachable", why: "no route" };
const hello: Message = { type: "hello", protocol: PROTOCOL_VERSION, who: "b", machineId: "" };

// --- alone ---

Deno.test("alone, an output is performed at once, the next one when it is done", () => {
  const primary = new TestPrimary();
  assert.deepEqual(primary.put([output(0, "a", 1), output(1, "b", 2)]), ['perform 0 "a"']);
  assert.deepEqual(primary.give({ type: "performed", sink: 0 }), ['perform 1 "b"']);
});

Deno.test("after a takeover the kept outputs are performed first", () => {
  const primary = new TestPrimary({}, [output(5, "kept", 3)]);
  assert.deepEqual(primary.give({ type: "tick" }), ['perform 5 "kept"']);
  assert.deepEqual(primary.put([output(9, "new", 4)]), []);
  assert.deepEqual(primary.give({ type: "performed", sink: 0 }), ['perform 9 "new"']);
});

Deno.test("a state taken over that does not fit its kept outputs is the peer's fault", () => {
  const primary = new TestPrimary({}, [output(5, "kept", 3)]);
  assert.throws(() => primary.put([output(600, "new", 4)]), PeerError);
});

// --- join ---

Deno.test("a hello is welcomed and the log begins", () => {
  const primary = new TestPrimary();
  assert.deepEqual(primary.hear(hello), [
    'send welcome machineId="m1" generation=1 memoryBytes=4096 commitReplayed=false heartbeatMs=10 timeoutMs=100 lagMaxMs=200 sliceMs=20 mode="replay" checkpointing=false epochLengthMs=10 verify="16384" divergenceMax="3"',
    "startLog session=1 generation=1",
  ]);
});

Deno.test("another protocol version and another machine's backup are refused for good", () => {
  const primary = new TestPrimary();
  const version = primary.hear({ ...hello, protocol: 9 });
  assert.match(version[0]!, /refuse why="protocol version 9, expected \d+:.*retry=false/);
  assert.match(primary.hear({ ...hello, machineId: "m2" })[0]!, /refuse .*m2.*retry=false/);
});

Deno.test("a second backup is refused for now, and the first one goes on undisturbed", () => {
  const primary = new TestPrimary().join();
  assert.deepEqual(primary.hear(hello, 2), [
    'send on 2 refuse why="b is the backup already" retry=true',
    'close on 2 why="b is the backup already"',
  ]);
  assert.equal(primary.protocol.mode, "protected");
});

Deno.test("while a join is under way outputs are performed, and notices sent", () => {
  const primary = new TestPrimary();
  primary.hear(hello);
  assert.deepEqual(primary.put([output(0, "a", 1)]), ['perform 0 "a"']);
  assert.deepEqual(primary.give({ type: "performed", sink: 0 }), ["send done sink=0 offset=1"]);
});

Deno.test("received is not enough for a state: protected follows its replay", () => {
  const primary = new TestPrimary();
  primary.hear(hello);
  primary.put([], frame(1, 10, { completesState: true }));
  assert.deepEqual(primary.ack({ received: 1 }), ["inputCommitted offset=0"]);
  assert.deepEqual(primary.ack({ received: 1, replayed: 1 }), ["send protected stateSequence=1"]);
  assert.equal(primary.protocol.mode, "protected");
});

Deno.test("what was acknowledged before protection began is released when it begins", () => {
  const primary = new TestPrimary();
  primary.hear(hello);
  primary.put([output(0, "a", 9), output(1, "b", 9)], frame(1, 10, { completesState: true }));
  primary.ack({ received: 1 });
  primary.ack({ replayed: 1 });
  // No further frame may ever come: an idle guest closes none.
  assert.deepEqual(deeds(primary.give({ type: "performed", sink: 0 })), ['perform 1 "b"']);
});

Deno.test("protected is not sent before the backup has the log of all that was performed", () => {
  const primary = new TestPrimary();
  primary.hear(hello);
  primary.put([], frame(1, 10, { completesState: true }));
  // The output is performed, the frame that covers it is not closed yet when the state's ack comes.
  primary.put([output(0, "a", 12)]);
  assert.deepEqual(primary.ack({ received: 1, replayed: 1 }), ["inputCommitted offset=0"]);
  assert.equal(primary.protocol.mode, "securing");
  primary.give({ type: "performed", sink: 0 });
  assert.deepEqual(primary.put([output(1, "b", 13)], frame(2, 13)), ["sendFrame 2 through 13"]);
  assert.deepEqual(primary.ack({ received: 2 }), [
    "inputCommitted offset=0",
    "send protected stateSequence=1",
    'perform 1 "b"',
  ]);
});

Deno.test("a join that fails before protected costs no arbitration, and what was held goes out", () => {
  const primary = new TestPrimary();
  primary.hear(hello);
  primary.put([output(0, "a", 12)], frame(1, 10, { completesState: true }));
  primary.give({ type: "performed", sink: 0 });
  primary.ack({ received: 1, replayed: 1 });
  primary.put([output(1, "b", 13)], frame(2, 13));
  const effects = primary.give({ type: "closed", connection: 1, why: "cut" });
  assert.deepEqual(deeds(effects), ['perform 1 "b"']);
  assert.equal(primary.protocol.mode, "alone");
});

// --- a state in rounds ---

const transfer = { round: 1, sentBytes: 8192, leftBytes: 4096, pauseShare: 500, stopUs: 0 };

/** A primary whose backup has said hello. */
function joining(rules: Partial<PrimaryRules> = {}): TestPrimary {
  const primary = new TestPrimary(rules);
  primary.hear(hello);
  return primary;
}

Deno.test("pages have a window of their own, in which neither log nor outputs wait for them", () => {
  const primary = joining({ pageWindowBytes: 20, windowBytes: 15 });
  assert.ok(primary.protocol.session!.pageRoomBytes > 0);
  primary.give({ type: "pages", frame: frame(1, 0) });
  assert.ok(primary.protocol.session!.pageRoomBytes > 0);
  primary.give({ type: "pages", frame: frame(2, 0) });
  assert.equal(primary.protocol.session!.pageRoomBytes, 0);
  assert.ok(primary.protocol.accepting);
  assert.deepEqual(primary.put([output(0, "a", 1)]), ['perform 0 "a"']);
  primary.ack({ received: 2, replayed: 1 });
  assert.ok(primary.protocol.session!.pageRoomBytes > 0);
});

Deno.test("without a session there is no room for pages", () => {
  assert.equal(new TestPrimary().protocol.session, undefined);
});

Deno.test("log that is ahead of the last pages counts as log that is not replayed, and is sent after them", () => {
  const primary = joining({ windowBytes: 15 });
  assert.deepEqual(primary.put([], frame(3, 10, { completesState: true }), frame(4, 11)), []);
  assert.equal(primary.protocol.session!.unreplayedBytes, 20);
  assert.ok(!primary.protocol.accepting);
  const pages = (sequence: number) => primary.give({ type: "pages", frame: frame(sequence, 0) });
  assert.deepEqual(pages(1), ["sendFrame 1 through 0"]);
  assert.deepEqual(pages(2), [
    "sendFrame 2 through 0",
    "sendFrame 3 through 10",
    "sendFrame 4 through 11",
  ]);
});

Deno.test("applied pages alone protect nobody", () => {
  const primary = joining();
  primary.give({ type: "pages", frame: frame(1, 0) });
  assert.deepEqual(primary.ack({ received: 1, replayed: 1 }), ["inputCommitted offset=0"]);
  assert.equal(primary.protocol.mode, "alone");
});

Deno.test("a backup that joins is told how far the transfer has come; one that is protected, or has gone, is not", () => {
  const primary = joining();
  const give = (session: number) => primary.give({ type: "transfer", session, transfer });
  assert.deepEqual(give(2), []);
  assert.match(give(1)[0]!, /^send transfer round=1 sentBytes=8192 leftBytes=4096/);
  primary.put([], frame(1, 10, { completesState: true }));
  primary.ack({ received: 1, replayed: 1, point: 10 });
  assert.equal(primary.protocol.mode, "protected");
  assert.deepEqual(give(1), []);
});

Deno.test("pages for a session that is over go nowhere", () => {
  const primary = joining();
  primary.give({ type: "closed", connection: 1, why: "cut" });
  primary.hear(hello, 2);
  assert.deepEqual(primary.give({ type: "pages", frame: frame(1, 0) }), []);
  assert.equal(primary.protocol.session!.unappliedBytes, 0);
});

// --- output commit ---

Deno.test("an ack whose through does not cover the output does not release it", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 11), frame(3, 12));
  assert.deepEqual(deeds(primary.ack({ received: 2 })), []);
  assert.deepEqual(deeds(primary.ack({ received: 3 })), ['perform 0 "a"']);
});

Deno.test("with commit replayed, an ack of mere receipt releases nothing", () => {
  const primary = new TestPrimary({ commitReplayed: true }).join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  assert.deepEqual(deeds(primary.ack({ received: 2 })), []);
  assert.deepEqual(deeds(primary.ack({ received: 2, replayed: 2 })), ['perform 0 "a"']);
});

Deno.test("a performed output is followed by its notice", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  primary.ack({ received: 2 });
  assert.deepEqual(primary.give({ type: "performed", sink: 0 }), ["send done sink=0 offset=1"]);
});

Deno.test("a frame of a session that is over is not sent", () => {
  const primary = new TestPrimary().join();
  primary.hear({ type: "leave", why: "bye" });
  primary.hear(hello, 2);
  assert.deepEqual(primary.put([], frame(2, 12)), []);
});

Deno.test("the thread has to wait while the window or the held outputs are full, and only then", () => {
  const primary = new TestPrimary({ windowBytes: 25, heldBytesMax: 2 }).join();
  primary.put([], frame(2, 11), frame(3, 12));
  assert.ok(primary.protocol.accepting);
  primary.put([], frame(4, 13));
  assert.ok(!primary.protocol.accepting);
  primary.ack({ received: 4, replayed: 3 });
  assert.ok(primary.protocol.accepting);
  primary.put([output(0, "ab", 14)]);
  assert.ok(!primary.protocol.accepting);
});

// --- suspicion and arbitration ---

Deno.test("from suspicion on it performs nothing until it has won", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  assert.deepEqual(deeds(primary.wait(101)), ["claim generation=2 ended=false"]);
  assert.equal(primary.protocol.mode, "claiming");
  assert.deepEqual(deeds(primary.ack({ received: 2 })), []);
  const effects = primary.give({ type: "claimed", generation: 2, outcome: won });
  assert.deepEqual(deeds(effects), ['perform 0 "a"']);
  assert.equal(primary.protocol.generation, 2);
});

Deno.test("a stale ack read after a pause does not release outputs", () => {
  const primary = new TestPrimary().join();
  primary.wait(10);
  primary.put([output(0, "a", 12)], frame(2, 12));
  const echoMs = primary.nowMs;
  primary.nowMs += 10_000;
  assert.deepEqual(deeds(primary.ack({ received: 2, echoMs })), ["claim generation=2 ended=false"]);
});

Deno.test("acks with fresh echoes keep suspicion away, acks without do not", () => {
  const primary = new TestPrimary().join();
  for (let beat = 0; beat < 30; beat++) {
    primary.wait(10);
    primary.ack({ echoMs: primary.nowMs });
  }
  assert.equal(primary.protocol.mode, "protected");
  const echoMs = primary.nowMs;
  for (let beat = 0; beat < 11; beat++) {
    primary.wait(10);
    primary.ack({ echoMs });
  }
  assert.equal(primary.protocol.mode, "claiming");
});

Deno.test("an echo of a heartbeat that was never sent is a breach", () => {
  const primary = new TestPrimary().join();
  primary.wait(10);
  assert.deepEqual(deeds(primary.ack({ echoMs: primary.nowMs + 1 })), [
    "claim generation=2 ended=false",
  ]);
});

Deno.test("acks of frames, replays and points that do not exist, or that go back, are breaches", () => {
  const wrong = [{ received: 3 }, { replayed: 3 }, { point: 99 }, { received: 1 }, { replayed: 0 }];
  for (const ack of wrong) {
    const primary = new TestPrimary().join();
    primary.put([], frame(2, 12));
    primary.ack({ received: 2 });
    primary.ack(ack);
    assert.equal(primary.protocol.mode, "claiming", JSON.stringify(ack));
  }
});

Deno.test("heartbeats carry whole milliseconds, and echoing them is no breach", () => {
  const primary = new TestPrimary().join();
  primary.nowMs += 0.75;
  assert.deepEqual(primary.wait(10), ["send heartbeat sentMs=1010"]);
  primary.ack({ echoMs: 1010 });
  assert.equal(primary.protocol.mode, "protected");
});

Deno.test("lost arbitration halts with its own exit code", () => {
  const primary = new TestPrimary().join();
  primary.give({ type: "closed", connection: 1, why: "cut" });
  const effects = primary.give({ type: "claimed", generation: 2, outcome: lost });
  assert.deepEqual(effects, [`halt code=${ExitCode.lost} why="lost generation 2 of m1 to b"`]);
  assert.deepEqual(primary.wait(1000), []);
});

Deno.test("unreachable arbiter: outputs stay held, claims are retried", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  primary.give({ type: "closed", connection: 1, why: "cut" });
  for (let attempt = 0; attempt < 5; attempt++) {
    assert.deepEqual(primary.give({ type: "claimed", generation: 2, outcome: unreachable }), []);
    assert.deepEqual(primary.wait(49), []);
    assert.deepEqual(primary.wait(1), ["claim generation=2 ended=false"]);
    assert.deepEqual(primary.wait(500), []);
  }
  const effects = primary.give({ type: "claimed", generation: 2, outcome: won });
  assert.deepEqual(effects, ['perform 0 "a"']);
});

Deno.test("a backup that leaves has renounced: no arbitration, outputs go out", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  assert.deepEqual(deeds(primary.hear({ type: "leave", why: "bye" })), ['perform 0 "a"']);
  assert.equal(primary.protocol.mode, "alone");
});

Deno.test("once a claim is submitted, what still arrives from the session changes nothing", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  primary.give({ type: "closed", connection: 1, why: "cut" });
  assert.deepEqual(deeds(primary.hear({ type: "leave", why: "bye" })), []);
  assert.deepEqual(deeds(primary.hear({ type: "won", generation: 2 })), []);
  assert.deepEqual(deeds(primary.ack({ received: 2 })), []);
  assert.deepEqual(deeds(primary.hear(hello, 2)), []);
  assert.equal(primary.protocol.mode, "claiming");
});
