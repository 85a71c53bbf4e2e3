import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { PROTOCOL_VERSION } from "./messages.ts";
import {
  backupDeeds,
  diverged,
  frame,
  output,
  primaryDeeds,
  TestBackup,
  TestPrimary,
} from "./protocol_test_support.ts";

const divergence = { point: 11, place: "rax", recorded: "1", replayed: "2" };

// --- the primary ---

/** A primary whose backup has diverged, with an output that is held. */
function healing(rules = {}): TestPrimary {
  const primary = new TestPrimary(rules).join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  primary.hear(diverged);
  return primary;
}

Deno.test("from a divergence on outputs are held until the new state is acknowledged", () => {
  const primary = new TestPrimary().join();
  primary.put([output(0, "a", 12)], frame(2, 12));
  assert.deepEqual(primary.hear(diverged), ["recall rax at 11", "stopLog"]);
  assert.equal(primary.protocol.mode, "healing");
  // What of the old log is still on its way from the machine's thread is none of the new one.
  assert.deepEqual(primary.put([output(1, "b", 13)], frame(3, 13)), []);
  assert.deepEqual(primary.hear({ type: "renew", pages: 0 }), [
    "send renewing session=2 mayClaim=true",
    "startLog session=2 generation=1",
  ]);
  assert.deepEqual(primary.ack({}), []);
  const state = frame(1, 14, { session: 2, completesState: true });
  assert.deepEqual(primaryDeeds(primary.put([], state)), []);
  assert.deepEqual(primaryDeeds(primary.ack({ received: 1 })), []);
  assert.deepEqual(primaryDeeds(primary.ack({ received: 1, replayed: 1, point: 14 })), [
    'perform 0 "a"',
  ]);
  assert.equal(primary.protocol.mode, "protected");
});

Deno.test("a backup that is lost while it is healed has renounced: no arbitration, outputs go out", () => {
  const closed = { type: "closed" as const, connection: 1, why: "reset" };
  assert.deepEqual(primaryDeeds(healing().give(closed)), ['perform 0 "a"']);
  const capturing = healing();
  capturing.hear({ type: "renew", pages: 0 });
  assert.deepEqual(primaryDeeds(capturing.give(closed)), ['perform 0 "a"']);
  const silent = healing();
  assert.deepEqual(primaryDeeds(silent.wait(6000)), ['perform 0 "a"']);
  assert.equal(silent.protocol.mode, "alone");
});

Deno.test("from the state on the backup may claim again: if it is lost, the arbiter decides", () => {
  for (const acks of [0, 1]) {
    const primary = healing();
    primary.hear({ type: "renew", pages: 0 });
    primary.put([], frame(1, 14, { session: 2, completesState: true }));
    if (acks > 0) primary.ack({ received: 1, replayed: 1, point: 14 });
    const closed = { type: "closed" as const, connection: 1, why: "reset" };
    assert.deepEqual(primaryDeeds(primary.give(closed)), ["claim generation=2 ended=false"]);
  }
});

Deno.test("a backup that diverges before it may claim is none yet: outputs do not wait for it", () => {
  const primary = new TestPrimary();
  primary.hear({ type: "hello", protocol: PROTOCOL_VERSION, who: "b", machineId: "" });
  // The state is acknowledged, and what was performed since is not: outputs are held already.
  primary.put([output(0, "x", 11)], frame(1, 10, { completesState: true }));
  primary.ack({ received: 1, replayed: 1, point: 10 });
  primary.put([output(1, "y", 12)]);
  assert.equal(primary.protocol.mode, "securing");
  primary.give({ type: "performed", sink: 0 });
  assert.deepEqual(primaryDeeds(primary.hear(diverged)), ['perform 1 "y"']);
  assert.equal(primary.protocol.mode, "alone");
  const renewing = "send renewing session=2 mayClaim=false";
  assert.equal(primary.hear({ type: "renew", pages: 0 })[0], renewing);
  primary.put([], frame(1, 14, { session: 2, completesState: true }));
  assert.deepEqual(primaryDeeds(primary.ack({ received: 1, replayed: 1, point: 14 })), [
    "send protected stateSequence=1",
  ]);
});

Deno.test("while a divergence is healed, what holds the outputs up does not hold the state up", () => {
  const primary = healing({ heldBytesMax: 3 });
  primary.put([output(1, "bcd", 13)]);
  assert.equal(primary.protocol.accepting, false, "no state was asked for yet");
  primary.hear({ type: "renew", pages: 0 });
  assert.equal(primary.protocol.accepting, true);
  primary.put([output(4, "more", 13)], frame(1, 14, { session: 2, completesState: true }));
  assert.equal(primary.protocol.accepting, false);
});

Deno.test("after too many divergences the backup is unfit, and the primary goes on alone", () => {
  const primary = healing({ divergenceMax: { count: 1, withinMs: 1000 } });
  primary.hear({ type: "renew", pages: 0 });
  primary.put([], frame(1, 14, { session: 2, completesState: true }));
  primary.ack({ received: 1, replayed: 1, point: 14 });
  primary.give({ type: "performed", sink: 0 });
  primary.put([output(1, "b", 15)], frame(2, 15, { session: 2 }));
  const effects = primary.hear(diverged);
  assert.match(effects.join(), /send refuse why="unfit after more than 1 in 1 s .*retry=false/);
  assert.ok(effects.includes('perform 1 "b"'));
  assert.equal(primary.protocol.mode, "alone");
  assert.equal(primary.protocol.divergences, 2);
});

Deno.test("the pages that a diverged backup has are told to the machine, if they can be its", () => {
  const hashes = new Uint8Array(8);
  const primary = healing();
  assert.match(primary.hear({ type: "pages", first: 0, hashes }).join(), /^pages first=0/);
  assert.match(primary.hear({ type: "renew", pages: 1 }).join(), /startLog session=2/);
  for (const [first, length] of [[1, 8], [0, 7], [0, 16]] as const) {
    const message = { type: "pages" as const, first, hashes: new Uint8Array(length) };
    const effects = healing().hear(message).join();
    assert.match(effects, /send refuse why="hashes of pages/, `${first}, ${length}`);
  }
  assert.match(
    healing().hear({ type: "renew", pages: 1 }).join(),
    /send refuse why="hashes of 1 p/,
  );
});

Deno.test("who asks for a state without a divergence breaks the protocol", () => {
  for (const type of ["renew", "pages"] as const) {
    const message = type === "renew"
      ? { type, pages: 0 }
      : { type, first: 0, hashes: new Uint8Array(8) };
    assert.match(new TestPrimary().join().hear(message).join(), /claim generation=2/);
  }
});

Deno.test("a guest that ends while its backup is healed is not kept waiting", () => {
  const primary = healing();
  const effects = primary.give({
    type: "guestEnded",
    end: { why: "done", code: 0 },
    sequence: 0,
  });
  assert.ok(effects.includes('perform 0 "a"'));
  assert.ok(primary.give({ type: "performed", sink: 0 }).includes("claim generation=2 ended=true"));
});

// --- the backup ---

/** A backup that has diverged. */
function divergent(): TestBackup {
  const backup = new TestBackup().join();
  backup.log(2, 12);
  backup.give({ type: "diverged", divergence });
  return backup;
}

Deno.test("a backup that diverges says so, and asks for a state once its replay stands still", () => {
  const backup = new TestBackup().join();
  const checksums = Uint8Array.of(1, 2, 3, 4);
  assert.deepEqual(backup.give({ type: "diverged", divergence: { ...divergence, checksums } }), [
    "diverged rax at 11",
    'send diverged point=11 place="rax" recorded="1" replayed="2" after=10 checksums=1,2,3,4',
    "renew",
  ]);
  const hashes = new Uint8Array(40_000);
  assert.deepEqual(
    backup.give({ type: "renewed", hashes }).map((text) => text.replace(/hashes=.*/, "")),
    ["send pages first=0 ", "send pages first=4096 ", "send renew pages=5000"],
  );
});

Deno.test("a diverged backup that loses its primary does not claim, whatever it was told before", () => {
  const losses = [
    (backup: TestBackup) => backup.give({ type: "closed", why: "reset" }),
    (backup: TestBackup) => backup.wait(6000),
  ];
  for (const lose of losses) {
    const backup = divergent();
    // Both were sent before the primary heard of the divergence.
    backup.hear({ type: "protected", stateSequence: 1 });
    backup.hear({ type: "handover", sequence: 2 });
    assert.match(backupDeeds(lose(backup)).join(), /^rejoin .*diverged=true$/);
  }
});

Deno.test("what still comes of the old log is neither replayed nor acknowledged", () => {
  const backup = divergent();
  assert.deepEqual(backup.log(3, 13), []);
  assert.deepEqual(backup.give({ type: "output", output: output(0, "x", 11) }), []);
  assert.deepEqual(backup.give({ type: "replayed", sequence: 2, point: 12 }), []);
  assert.deepEqual(backup.wait(10), ["send ack received=0 replayed=0 point=0 echoMs=0"]);
});

Deno.test("healed, it follows again, with the outputs that came with the state, and may claim", () => {
  const backup = new TestBackup().join();
  backup.give({ type: "output", output: output(0, "lie", 11) });
  backup.give({ type: "diverged", divergence });
  backup.give({ type: "renewed" });
  backup.hear({ type: "renewing", session: 2, mayClaim: true });
  backup.log(1, 20);
  backup.give({ type: "state" });
  backup.give({ type: "output", output: output(0, "truth", 20) });
  backup.give({ type: "replayed", sequence: 1, point: 20 });
  assert.ok(backup.protocol.isProtected);
  backup.give({ type: "closed", why: "reset" });
  backup.give({ type: "drained" });
  assert.deepEqual(
    backup.give({ type: "claimed", generation: 2, outcome: { kind: "won" } }),
    ['goLive generation=2 kept [0 "truth"]'],
  );
});

Deno.test("a primary that dies while its state is replayed is taken over if that is whole, else not", () => {
  for (const isWhole of [true, false]) {
    const backup = divergent();
    backup.give({ type: "renewed" });
    backup.hear({ type: "renewing", session: 2, mayClaim: true });
    backup.log(1, 20);
    assert.deepEqual(backupDeeds(backup.give({ type: "closed", why: "reset" })), ["drain"]);
    if (isWhole) backup.give({ type: "state" });
    const then = backupDeeds(backup.give({ type: "drained" })).join();
    assert.match(then, isWhole ? /^claim generation=2$/ : /^rejoin .*diverged=true$/);
  }
});

Deno.test("whatever is overridden, a backup that is not healed yet does not take over with what differs", () => {
  const backup = new TestBackup({ takeoverDiverged: true }).join();
  backup.give({ type: "diverged", divergence });
  backup.give({ type: "renewed" });
  backup.hear({ type: "renewing", session: 2, mayClaim: true });
  assert.deepEqual(backupDeeds(backup.give({ type: "closed", why: "reset" })), ["drain"]);
  const then = backupDeeds(backup.give({ type: "diverged", divergence })).join();
  assert.match(then, /^rejoin .*not whole" diverged=true$/);
});

Deno.test("healed without having had a claim, it waits for the primary to say protected", () => {
  const backup = divergent();
  backup.give({ type: "renewed" });
  backup.hear({ type: "renewing", session: 2, mayClaim: false });
  backup.log(1, 20);
  backup.give({ type: "state" });
  backup.give({ type: "replayed", sequence: 1, point: 20 });
  assert.ok(!backup.protocol.isProtected);
  backup.hear({ type: "protected", stateSequence: 1 });
  assert.ok(backup.protocol.isProtected);
});

Deno.test("of the outputs that diverged none is shown as done; of those that were verified all are", () => {
  const backup = new TestBackup().join();
  backup.give({ type: "output", output: output(0, "ok", 10) });
  backup.give({ type: "output", output: output(2, "lie", 11) });
  backup.give({ type: "diverged", divergence });
  assert.deepEqual(backup.hear({ type: "done", sink: 0, offset: 5 }), ['done 0 "ok"']);
});

Deno.test("a diverged backup that is refused is unfit", () => {
  const refused = divergent().hear({ type: "refuse", why: "unfit", retry: false });
  assert.match(backupDeeds(refused).join(), new RegExp(`^halt code=${ExitCode.diverged} `));
});

Deno.test("where its divergence is described, it tells its primary; what that had recorded is asked for", () => {
  const backup = divergent();
  assert.deepEqual(backup.give({ type: "reported", where: "/reports/1.txt" }), [
    'send reported where="/reports/1.txt"',
  ]);
  const exit = new Uint8Array(1);
  assert.deepEqual(backup.hear({ type: "recorded", point: 11, exit }), [
    "recorded point=11 exit=0",
  ]);
});

Deno.test("a log that begins anew without a divergence is a breach", () => {
  assert.deepEqual(
    backupDeeds(new TestBackup().join().hear({ type: "renewing", session: 2, mayClaim: true })),
    [
      "drain",
    ],
  );
});
