import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { backupDeeds as deeds, output, TestBackup } from "./protocol_test_support.ts";
import type { ClaimOutcome } from "./types.ts";

const won: ClaimOutcome = { kind: "won" };
const divergence = { point: 11, place: "rax", recorded: "1", replayed: "2" };

// --- the guest's end ---

Deno.test("when the guest has ended and that is recorded, the backup replays the rest and is done", () => {
  const backup = new TestBackup().join();
  backup.log(2, 12);
  backup.hear({ type: "done", sink: 0, offset: 2 });
  assert.deepEqual(deeds(backup.hear({ type: "ended", why: "done" })), ["drain"]);
  // The connection closes, and its silence is no loss.
  backup.give({ type: "closed", why: "by the primary" });
  assert.deepEqual(backup.wait(1000), []);
  assert.deepEqual(backup.give({ type: "output", output: output(0, "ab", 12) }), ['done 0 "ab"']);
  assert.deepEqual(deeds(backup.give({ type: "drained" })), [
    `halt code=${ExitCode.ok} why="the guest has ended: done"`,
  ]);
});

Deno.test("a backup that has no whole state yet is done at once when the guest has ended", () => {
  const effects = new TestBackup().follow().hear({ type: "ended", why: "done" });
  assert.deepEqual(deeds(effects), [`halt code=${ExitCode.ok} why="the guest has ended: done"`]);
});

Deno.test("a divergence in the last of the log is not hidden by the guest's end, whatever may be overridden", () => {
  for (const takeoverDiverged of [false, true]) {
    const backup = new TestBackup({ takeoverDiverged }).join();
    backup.hear({ type: "ended", why: "done" });
    const effects = deeds(backup.give({ type: "diverged", divergence }));
    assert.equal(effects.length, 1);
    assert.match(effects[0]!, new RegExp(`^halt code=${ExitCode.diverged} .*the guest has ended`));
  }
});

Deno.test("a backup that replays the rest after the guest's end can be stopped", () => {
  const backup = new TestBackup().join();
  backup.hear({ type: "ended", why: "done" });
  assert.match(
    deeds(backup.give({ type: "leave", why: "bye" })).join(),
    /halt code=0 why="left: bye"/,
  );
});

// --- handover ---

function handedOver(rules = {}): TestBackup {
  const backup = new TestBackup(rules).join();
  assert.deepEqual(backup.hear({ type: "handover", sequence: 1 }), ["drain"]);
  return backup;
}

Deno.test("handover: it drains, wins, says so, and goes live with nothing to repeat", () => {
  const backup = handedOver();
  assert.deepEqual(backup.give({ type: "drained" }), ["claim generation=2"]);
  assert.deepEqual(backup.give({ type: "claimed", generation: 2, outcome: won }), [
    "send won generation=2",
    "goLive generation=2 kept []",
  ]);
});

Deno.test("while it drains for a handover it lets the primary hear of it; once it claims no more", () => {
  const backup = handedOver();
  backup.hear({ type: "heartbeat", sentMs: 77 });
  assert.deepEqual(backup.wait(10), ["send ack received=1 replayed=1 point=10 echoMs=77"]);
  backup.give({ type: "drained" });
  assert.deepEqual(backup.wait(100), []);
});

Deno.test("a divergence found at a handover is for the primary to know: it is well, and stays", () => {
  const backup = handedOver({ takeoverDiverged: true });
  const effects = backup.give({ type: "diverged", divergence });
  assert.match(effects[1]!, /^send diverged/);
  assert.equal(effects[2], "renew");
  assert.ok(!backup.protocol.isProtected);
});

Deno.test("a primary lost while it hands over is lost: then the rules of a takeover hold", () => {
  const losses = [
    (backup: TestBackup) => backup.give({ type: "closed", why: "cut" }),
    (backup: TestBackup) => backup.wait(120),
  ];
  for (const loss of losses) {
    const backup = handedOver({ takeoverDiverged: true });
    loss(backup);
    assert.deepEqual(deeds(backup.give({ type: "diverged", divergence })), ["claim generation=2"]);
    assert.deepEqual(backup.give({ type: "claimed", generation: 2, outcome: won }), [
      "goLive generation=2 kept []",
    ]);
  }
});

Deno.test("a handover in front of frames that are not here is a breach", () => {
  const backup = new TestBackup().join();
  assert.deepEqual(deeds(backup.hear({ type: "handover", sequence: 2 })), ["drain"]);
  backup.give({ type: "drained" });
  assert.deepEqual(backup.give({ type: "claimed", generation: 2, outcome: won }), [
    "goLive generation=2 kept []",
  ]);
});

Deno.test("asked to leave while it drains after the guest's end, it says nothing to who is gone", () => {
  const backup = new TestBackup().join();
  backup.hear({ type: "ended", why: "done" });
  const effects = backup.give({ type: "leave", why: "stopped" });
  assert.deepEqual(effects.filter((text) => text.startsWith("send")), []);
  assert.equal(backup.protocol.phase, "over");
});
