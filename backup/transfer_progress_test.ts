import assert from "node:assert/strict";
import type { Reporter } from "../base/reporter.ts";
import type { Transfer } from "../protocol/primary_types.ts";
import { TransferProgress } from "./transfer_progress.ts";

const MIB = 2 ** 20;

/** A transfer in MiB and milliseconds. */
function transfer(round: number, sent: number, left: number, stopMs = 0, pauseShare = 0): Transfer {
  return { round, sentBytes: sent * MIB, leftBytes: left * MIB, pauseShare, stopUs: stopMs * 1000 };
}

/** What was shown, on a terminal or not. */
function shown(isTerminal: boolean): { say: Reporter; lines: string[]; live: string[] } {
  const lines: string[] = [];
  const live: string[] = [];
  const say = Object.assign((text: string) => void lines.push(text), {
    live: (text: string) => void live.push(text),
    isTerminal,
  });
  return { say, lines, live };
}

/** A join of two rounds and a stop. */
function join(progress: TransferProgress): void {
  progress.update(transfer(0, 0, 256), 1000);
  progress.update(transfer(0, 50, 200), 1100);
  progress.update(transfer(1, 100, 32), 1200);
  progress.update(transfer(1, 110, 22, 0, 500), 1300);
  progress.update(transfer(2, 164, 0, 12.34), 1500);
  progress.finish();
}

Deno.test("where there is no terminal each round is a line, and so is what it came to", () => {
  const { say, lines, live } = shown(false);
  join(new TransferProgress(say, "join"));
  assert.deepEqual(live, []);
  assert.deepEqual(lines, [
    "joins: 100.0 MiB at 500.0 MiB/s, round 1, 32.0 MiB left, about 0.1 s",
    "joins: 164.0 MiB at 328.0 MiB/s, round 2, 0.0 MiB left, about 0.0 s",
    "joined in 0.5 s: 164.0 MiB in 3 rounds, 328.0 MiB/s; the guest stood still for 12.3 ms",
  ]);
});

Deno.test("on a terminal a bar moves, and one line is left of it", () => {
  const { say, lines, live } = shown(true);
  join(new TransferProgress(say, "join"));
  assert.equal(live.length, 5);
  assert.match(live[0]!, /^░{24} joins: 0\.0 MiB/);
  assert.match(live[3]!, /^█{20}░{4} .*round 1, 22\.0 MiB left.*the guest pauses for 50 %$/);
  assert.equal(lines.length, 1);
});

Deno.test("before the primary has said anything there is nothing to tell", () => {
  const { say, lines } = shown(false);
  const progress = new TransferProgress(say, "join");
  progress.finish();
  assert.deepEqual([lines, progress.status()], [[], null]);
});

Deno.test("a healing is called one", () => {
  const { say, lines } = shown(false);
  join(new TransferProgress(say, "heal"));
  assert.match(lines[0]!, /^heals: /);
  assert.match(lines.at(-1)!, /^healed in 0\.5 s: 164\.0 MiB in 3 rounds/);
});
