import assert from "node:assert/strict";
import { untoldReplayBytes } from "../base/limits.ts";
import fc from "fast-check";
import { ExitCode } from "../base/errors.ts";
import { type Message, PROTOCOL_VERSION } from "./messages.ts";
import {
  backupDeeds as deeds,
  output,
  seed,
  TestBackup,
  welcome,
} from "./protocol_test_support.ts";
import type { ClaimOutcome } from "./types.ts";

const won: ClaimOutcome = { kind: "won" };
const lost: ClaimOutcome = { kind: "lost", holder: "p", ended: false };
const unreachable: ClaimOutcome = { kind: "unreachable", why: "no route" };
const divergence = { point: 11, place: "rax", recorded: "1", replayed: "2" };

function lose(backup: TestBackup): string[] {
  return deeds(backup.give({ type: "closed", why: "cut" }));
}

// --- join ---

Deno.test("it says hello, prepares a machine when welcomed, and acknowledges what it receives", () => {
  const backup = new TestBackup();
  assert.deepEqual(backup.give({ type: "connected" }), [
    `send hello protocol=${PROTOCOL_VERSION} who="b" machineId=""`,
  ]);
  assert.deepEqual(backup.hear(welcome), ["prepare"]);
  assert.deepEqual(backup.log(1, 10), [
    "send ack received=1 replayed=0 point=0 echoMs=0",
    "feed 1 through 10",
  ]);
  assert.deepEqual(backup.give({ type: "replayed", sequence: 1, point: 10 }), [
    "send ack received=1 replayed=1 point=10 echoMs=0",
  ]);
});

Deno.test("a refusal ends it, or sends it back to try again, as the primary says", () => {
  const refused = new TestBackup().hear({ type: "refuse", why: "no", retry: false });
  assert.deepEqual(deeds(refused), [
    `halt code=${ExitCode.unavailable} why="the primary refused: no"`,
  ]);
  const later = new TestBackup().hear({ type: "refuse", why: "no", retry: true });
  assert.deepEqual(deeds(later), ['rejoin why="refused: no" diverged=false']);
});

Deno.test("a welcome to another machine, or with numbers that make no sense, is a breach", () => {
  const wrong = [
    { machineId: "m2" },
    { generation: 0 },
    { generation: 2 ** 32 - 1 },
    { heartbeatMs: 0 },
    { heartbeatMs: 60 },
    { lagMaxMs: 1 },
    { sliceMs: 0 },
    { sliceMs: 1001 },
    { epochLengthMs: 0 },
    { mode: "sometimes" },
    { verify: "0" },
    { verify: "often" },
    { divergenceMax: "x" },
  ];
  for (const fields of wrong) {
    const backup = new TestBackup({ machineId: "m1" });
    const effects = deeds(backup.hear({ ...welcome, ...fields }));
    assert.match(effects.join(), /^rejoin/, JSON.stringify(fields));
  }
});

Deno.test("protected by a state that is not replayed here is a breach, and gives no claim", () => {
  for (const stateSequence of [0, 2]) {
    const backup = new TestBackup().follow();
    assert.match(deeds(backup.hear({ type: "protected", stateSequence })).join(), /^rejoin/);
    assert.ok(!backup.protocol.isProtected);
  }
});

// --- following ---

Deno.test("with commit received a frame is acknowledged on receipt, with commit replayed after it", () => {
  const early = new TestBackup().join();
  assert.match(early.log(2, 11).join(), /send ack received=2 replayed=1/);
  const late = new TestBackup().join({ commitReplayed: true });
  assert.deepEqual(late.log(2, 11), ["feed 2 through 11"]);
  assert.deepEqual(late.give({ type: "replayed", sequence: 2, point: 11 }), [
    "send ack received=2 replayed=2 point=11 echoMs=0",
  ]);
});

Deno.test("acks echo the latest heartbeat, and go out at each heartbeat's time", () => {
  const backup = new TestBackup().join();
  backup.hear({ type: "heartbeat", sentMs: 77 });
  assert.deepEqual(backup.wait(20), [
    "send ack received=1 replayed=1 point=10 echoMs=77",
    "send ack received=1 replayed=1 point=10 echoMs=77",
  ]);
});

Deno.test("frames out of order, of another generation, that go back or beyond the window are breaches", () => {
  const bytes = new Uint8Array(10);
  const wrong = [
    { generation: 1, sequence: 3, through: 11, bytes },
    { generation: 2, sequence: 2, through: 11, bytes },
    { generation: 1, sequence: 2, through: 9, bytes },
  ];
  for (const frame of wrong) {
    const backup = new TestBackup().join();
    assert.deepEqual(deeds(backup.give({ type: "frame", frame })), ["drain"]);
    assert.equal(backup.protocol.progress.received, 1);
  }
});

Deno.test("one frame may overshoot the window, as the primary sends it; a further one may not", () => {
  const backup = new TestBackup({ windowBytes: 20 }).join();
  backup.log(2, 11, new Uint8Array(19));
  assert.match(backup.log(3, 12, new Uint8Array(500)).join(), /,feed 3/);
  assert.deepEqual(deeds(backup.log(4, 13)), ["drain"]);
});

Deno.test("outputs are kept until their notices; a copy of what is done may be written", () => {
  const backup = new TestBackup().join();
  backup.give({ type: "output", output: output(0, "abc", 11) });
  assert.equal(backup.protocol.kept.bytes, 3);
  assert.deepEqual(backup.hear({ type: "done", sink: 0, offset: 2 }), ['done 0 "ab"']);
  assert.equal(backup.protocol.kept.bytes, 1);
});

Deno.test("a backup that leaves renounces its claim before it closes", () => {
  const backup = new TestBackup().join();
  assert.deepEqual(backup.give({ type: "leave", why: "bye" }), [
    'send leave why="bye"',
    'close why="left: bye"',
    `halt code=${ExitCode.ok} why="left: bye"`,
  ]);
});

Deno.test("outputs of its replay that it can't keep make it unfit: it diverges, nothing is dropped", () => {
  const gap = new TestBackup().follow();
  gap.give({ type: "state" });
  gap.give({ type: "output", output: output(0, "state", 10) });
  gap.hear({ type: "protected", stateSequence: 1 });
  assert.match(gap.give({ type: "output", output: output(9, "x", 11) })[1]!, /^send diverged/);

  const flood = new TestBackup({ keptBytesMax: 4 }).join();
  assert.match(
    flood.give({ type: "output", output: output(0, "abcde", 11) })[1]!,
    /^send diverged/,
  );
});

// --- loss and takeover ---

Deno.test("a backup that never got protected does not claim", () => {
  const backup = new TestBackup().follow();
  assert.deepEqual(lose(backup), ['rejoin why="cut" diverged=false']);
  assert.deepEqual(backup.wait(1000), []);
});

Deno.test("a loss is followed by draining, then the claim, then going live with what was kept", () => {
  const backup = new TestBackup().join();
  backup.log(2, 12);
  backup.give({ type: "output", output: output(0, "ab", 11) });
  backup.hear({ type: "done", sink: 0, offset: 1 });
  assert.deepEqual(lose(backup), ["drain"]);
  backup.give({ type: "output", output: output(2, "cd", 12) });
  assert.deepEqual(backup.give({ type: "drained" }), ["claim generation=2"]);
  assert.deepEqual(backup.give({ type: "claimed", generation: 2, outcome: won }), [
    'goLive generation=2 kept [1 "b", 2 "cd"]',
  ]);
  assert.deepEqual(backup.hear({ type: "heartbeat", sentMs: 1 }), []);
});

Deno.test("outputs from before the state that the primary had not performed are kept, too", () => {
  const backup = new TestBackup();
  backup.give({ type: "connected" });
  backup.hear(welcome);
  backup.log(1, 10);
  backup.give({ type: "state" });
  backup.give({ type: "output", output: output(5, "old", 10) });
  backup.give({ type: "replayed", sequence: 1, point: 10 });
  backup.hear({ type: "protected", stateSequence: 1 });
  backup.give({ type: "output", output: output(8, "new", 11) });
  lose(backup);
  backup.give({ type: "drained" });
  assert.deepEqual(backup.give({ type: "claimed", generation: 2, outcome: won }), [
    'goLive generation=2 kept [5 "old", 8 "new"]',
  ]);
});

Deno.test("silence for longer than the timeout is a loss, a heartbeat in time is not", () => {
  const backup = new TestBackup().join();
  backup.wait(90);
  backup.hear({ type: "heartbeat", sentMs: 1 });
  assert.deepEqual(deeds(backup.wait(100)), []);
  assert.deepEqual(deeds(backup.wait(10)), ["drain"]);
});

Deno.test("a backup that was stopped itself listens once more before it suspects", () => {
  const backup = new TestBackup().join();
  assert.deepEqual(deeds(backup.wait(10_000, 10_000)), []);
  assert.deepEqual(deeds(backup.wait(100)), []);
  assert.deepEqual(deeds(backup.wait(10)), ["drain"]);
});

Deno.test("slow ticks delay suspicion and do not prevent it", () => {
  const backup = new TestBackup().join();
  assert.deepEqual(deeds(backup.wait(360, 60)), ["drain"]);
});

Deno.test("from the loss on nothing that still arrives on the session counts", () => {
  const backup = new TestBackup().join();
  lose(backup);
  assert.deepEqual(backup.log(2, 11), []);
  assert.deepEqual(backup.hear({ type: "ended", why: "done" }), []);
  assert.deepEqual(backup.hear({ type: "done", sink: 0, offset: 100 }), []);
  assert.deepEqual(backup.give({ type: "leave", why: "bye" }), []);
  assert.deepEqual(backup.give({ type: "drained" }), ["claim generation=2"]);
});

Deno.test("lost arbitration halts with its own exit code; a guest that has ended is no loss", () => {
  const loser = new TestBackup().join();
  lose(loser);
  loser.give({ type: "drained" });
  assert.deepEqual(deeds(loser.give({ type: "claimed", generation: 2, outcome: lost })), [
    `halt code=${ExitCode.lost} why="lost generation 2 of m1 to p"`,
  ]);
  const survivor = new TestBackup().join();
  lose(survivor);
  survivor.give({ type: "drained" });
  const outcome: ClaimOutcome = { kind: "lost", holder: "p", ended: true };
  assert.deepEqual(deeds(survivor.give({ type: "claimed", generation: 2, outcome })), [
    `halt code=${ExitCode.ok} why="the guest has ended"`,
  ]);
});

Deno.test("unreachable arbiter: it does not go live, and claims again", () => {
  const backup = new TestBackup().join();
  lose(backup);
  backup.give({ type: "drained" });
  for (let attempt = 0; attempt < 5; attempt++) {
    assert.deepEqual(backup.give({ type: "claimed", generation: 2, outcome: unreachable }), []);
    assert.deepEqual(backup.wait(40), []);
    assert.deepEqual(backup.wait(10), ["claim generation=2"]);
    assert.deepEqual(backup.wait(500), []);
  }
});

Deno.test("a diverged backup does not claim while draining unless overridden", () => {
  const backup = new TestBackup().join();
  lose(backup);
  const effects = deeds(backup.give({ type: "diverged", divergence }));
  assert.match(effects.join(), new RegExp(`^halt code=${ExitCode.diverged} `));

  const bold = new TestBackup({ takeoverDiverged: true }).join();
  lose(bold);
  assert.deepEqual(deeds(bold.give({ type: "diverged", divergence })), ["claim generation=2"]);
  assert.deepEqual(bold.give({ type: "diverged", divergence }), []);
});

Deno.test("outputs performed beyond what the drained log puts out are a divergence", () => {
  const backup = new TestBackup().join();
  backup.give({ type: "output", output: output(0, "ab", 11) });
  backup.hear({ type: "done", sink: 0, offset: 5 });
  lose(backup);
  const effects = deeds(backup.give({ type: "drained" }));
  assert.match(effects.join(), /^halt code=82 why="diverged .*performed up to 5.*put out up to 2/);
});

// --- peers that misbehave ---

Deno.test("once protected, neither a refusal nor a log that begins anew makes it give up its claim", () => {
  const wrong: Message[] = [
    { type: "refuse", why: "no", retry: false },
    { type: "renewing", session: 2, mayClaim: true },
    welcome,
    { type: "ack", received: 0, replayed: 0, point: 0, echoMs: 0 },
  ];
  for (const message of wrong) {
    assert.deepEqual(deeds(new TestBackup().join().hear(message)), ["drain"], message.type);
  }
});

Deno.test("whatever a primary says, in whatever order, it trips no assertion", () => {
  const number = fc.oneof(fc.nat(4), fc.constant(Number.MAX_SAFE_INTEGER));
  const message: fc.Arbitrary<Message> = fc.oneof(
    fc.constant<Message>(welcome),
    fc.constant<Message>({ ...welcome, generation: 2 ** 32 - 2 }),
    fc.record({ type: fc.constant("done" as const), sink: fc.nat(2), offset: number }),
    fc.constant<Message>({ type: "renewing", session: 2, mayClaim: true }),
    fc.record({
      type: fc.constant("recorded" as const),
      point: number,
      exit: fc.uint8Array({ maxLength: 3 }),
    }),
    fc.record({ type: fc.constant("protected" as const), stateSequence: number }),
    fc.record({ type: fc.constant("handover" as const), sequence: number }),
    fc.record({ type: fc.constant("heartbeat" as const), sentMs: number }),
    fc.constant<Message>({ type: "refuse", why: "", retry: true }),
  );
  const frame = fc.record({
    generation: fc.constantFrom(1, 2 ** 32 - 2),
    sequence: fc.nat(3),
    through: fc.nat(20),
    bytes: fc.uint8Array({ maxLength: 600 }),
  });
  const input = fc.oneof(
    fc.record({ type: fc.constant("message" as const), message }),
    fc.record({ type: fc.constant("frame" as const), frame }),
    fc.record({
      type: fc.constant("output" as const),
      output: fc.nat(5).map((offset) => output(offset, "x", 11)),
    }),
    fc.constant({ type: "drained" as const }),
    fc.constant({ type: "diverged" as const, divergence }),
    fc.constant({ type: "renewed" as const }),
    fc.constant({ type: "state" as const }),
    fc.constant({ type: "claimed" as const, generation: 2, outcome: won }),
  );
  const scripts = fc.array(input, { maxLength: 30 });
  fc.assert(
    fc.property(scripts, fc.nat(2), (script, stage) => {
      const backup = new TestBackup();
      if (stage === 0) backup.give({ type: "connected" });
      else if (stage === 1) backup.follow();
      else backup.join();
      for (const one of script) {
        // A claim is answered only if there was one.
        if (one.type === "claimed" && backup.protocol.phase !== "claiming") continue;
        backup.give(one);
      }
    }),
    { seed, numRuns: 1000 },
  );
});

Deno.test("what the primary says of the state transfer is known until it says protected, and a breach from then on", () => {
  const message = {
    type: "transfer",
    round: 2,
    sentBytes: 4096,
    leftBytes: 0,
    pauseShare: 0,
    stopUs: 900,
  } as const;
  const backup = new TestBackup().follow();
  assert.deepEqual([backup.protocol.transfer], [undefined]);
  assert.deepEqual(backup.hear(message), []);
  assert.equal(backup.protocol.transfer?.stopUs, 900);
  backup.hear({ type: "protected", stateSequence: 1 });
  backup.hear(message);
  assert.equal(backup.protocol.phase, "draining");
});

Deno.test("a backup with a part of the state alone joins anew when its primary is lost", () => {
  const backup = new TestBackup();
  backup.give({ type: "connected" });
  backup.hear(welcome);
  backup.log(1, 0);
  backup.give({ type: "replayed", sequence: 1, point: 0 });
  const effects = backup.give({ type: "closed", why: "cut" });
  assert.match(effects.join(), /rejoin/);
  assert.doesNotMatch(effects.join(), /claim|drain/);
});

Deno.test("a primary whose window is full hears of the replay as it goes, and not only at the next heartbeat", () => {
  const backup = new TestBackup({ windowBytes: 4 * untoldReplayBytes }).join();
  backup.log(2, 11, new Uint8Array(untoldReplayBytes));
  backup.log(3, 12);
  backup.log(4, 13);
  const told = [[2, 11], [3, 12], [4, 13]].map(([sequence, point]) =>
    backup.give({ type: "replayed", sequence: sequence!, point: point! })
  );
  assert.deepEqual(told, [["send ack received=4 replayed=2 point=11 echoMs=0"], [], []]);
});
