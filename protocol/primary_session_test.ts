import assert from "node:assert/strict";
import { BackupProtocol } from "./backup.ts";
import { reportPeriodMs } from "./join.ts";
import { PrimarySession } from "./primary_session.ts";
import { backupRules, frame, primaryRules, TestPrimary, welcome } from "./protocol_test_support.ts";

/** A session that was sent its state, and has replayed it. */
function followed(): PrimarySession {
  const session = new PrimarySession(1, "b", 1, primaryRules, 0);
  session.log(frame(1, 10, { completesState: true, ranUs: 5000 }), 10);
  session.send();
  session.ack({ type: "ack", received: 1, replayed: 1, point: 10, echoMs: 0 }, 20);
  return session;
}

Deno.test("the execution lag is the age of the oldest log that is not replayed", () => {
  const session = followed();
  assert.equal(session.replayLag(100)?.lagMs, 0);
  session.log(frame(2, 20, { ranUs: 6000 }), 100);
  session.log(frame(3, 30, { ranUs: 9000 }), 130);
  session.send();
  const before = { lagMs: 50, unreplayedRunMs: 4, replayedRunMs: 5 };
  assert.deepEqual(session.replayLag(150), before);
  session.ack({ type: "ack", received: 3, replayed: 1, point: 15, echoMs: 0 }, 150);
  assert.deepEqual(session.replayLag(150), before, "received is not replayed");
  session.ack({ type: "ack", received: 3, replayed: 2, point: 20, echoMs: 0 }, 160);
  const after = { lagMs: 30, unreplayedRunMs: 3, replayedRunMs: 6 };
  assert.deepEqual(session.replayLag(160), after);
});

Deno.test("before the state is replayed there is no lag, however long that takes", () => {
  const session = new PrimarySession(1, "b", 1, primaryRules, 0);
  session.log(frame(1, 10), 0);
  session.log(frame(2, 10, { completesState: true }), 0);
  session.send();
  assert.equal(session.replayLag(5000), undefined);
  session.ack({ type: "ack", received: 2, replayed: 1, point: 10, echoMs: 0 }, 5000);
  assert.equal(session.replayLag(5000), undefined);
});

Deno.test("log that the link does not carry waits, and counts as not replayed, until acks make room", () => {
  const primary = new TestPrimary({ burstBytes: 20, windowBytes: 45 }).join();
  const sent = (lines: string[]) => lines.filter((line) => line.startsWith("sendFrame")).length;
  const frames = [2, 3, 4].map((sequence) => sent(primary.put([], frame(sequence, 10 * sequence))));
  assert.deepEqual(frames, [1, 1, 0], "20 bytes are on their way");
  assert.equal(primary.protocol.session!.unreplayedBytes, 30);
  assert.ok(primary.protocol.accepting);
  primary.put([], frame(5, 50));
  primary.put([], frame(6, 60));
  assert.ok(!primary.protocol.accepting, "what waits for the link is bounded with the rest");
  const acked = primary.hear({ type: "ack", received: 2, replayed: 1, point: 10, echoMs: 0 });
  assert.ok(sent(acked) >= 1, acked.join());
});

Deno.test("log and acks go out four times in a limit of the lag, or at every heartbeat", () => {
  assert.equal(reportPeriodMs({ heartbeatMs: 500, lagMaxMs: 200 }), 50);
  assert.equal(reportPeriodMs({ heartbeatMs: 20, lagMaxMs: 200 }), 20);
  assert.equal(reportPeriodMs({ heartbeatMs: 500, lagMaxMs: 0 }), 500);
  const backup = new BackupProtocol(backupRules);
  backup.step({ type: "connected" }, 0);
  const rules = { ...welcome, heartbeatMs: 500, timeoutMs: 5000, lagMaxMs: 200 };
  backup.step({ type: "message", message: rules }, 0);
  const acks = Array.from({ length: 100 }, (_, index) => backup.step({ type: "tick" }, 10 * index))
    .flat().filter((effect) => effect.type === "send" && effect.message.type === "ack");
  assert.equal(acks.length, 20, "in a second");
});
