/**
 * Records a guest and replays each session of it, and checks that the replay was the recorded run: the same
 * digests at every checked point and at the end, the same output, the same end.
 *
 * Called by replay_test.ts and by the campaign campaigns/replay.ts.
 */
import assert from "node:assert/strict";
import { Random } from "./random.ts";
import { recordGuest, type Recording, type RecordOptions } from "./record.ts";
import { digestPoints, replayFrames, type ReplayOptions } from "./replay.ts";

/** How much was checked. */
export interface Checked {
  /** Guest-caused exits and forced points that were recorded. */
  readonly points: number;
  /** Of which so many were replayed: less where a session begins anew. */
  readonly replayed: number;
  /** Of those recorded, forced ones. */
  readonly forcedPoints: number;
  readonly digests: number;
  readonly sessions: number;
  readonly logBytes: number;
}

/**
 * Records and replays.
 * @throws DivergenceError or AssertionError where the replay is not exact
 */
export async function checkExact(options: RecordOptions): Promise<Checked> {
  const recording = await recordGuest(options);
  assert.equal(recording.end.code, 0, recording.end.why);
  return await checkReplay(recording);
}

/**
 * Replays each session of a recording.
 * @throws DivergenceError or AssertionError where the replay is not exact
 */
export async function checkReplay(
  recording: Recording,
  options: Partial<ReplayOptions> = {},
): Promise<Checked> {
  let replayed = 0;
  let digests = 0;
  let logBytes = 0;
  for (const log of recording.logs) {
    const replay = await replaySession(log, recording, options);
    replayed += replay.points;
    digests += replay.digests;
    logBytes += log.reduce((sum, { length }) => sum + length, 0);
  }
  const { points, forcedPoints, logs } = recording;
  return { points, forcedPoints, replayed, digests, sessions: logs.length, logBytes };
}

async function replaySession(
  log: readonly Uint8Array[],
  recording: Recording,
  options: Partial<ReplayOptions>,
) {
  const isLast = log === recording.logs.at(-1);
  let first: number | undefined;
  const replay = await replayFrames(log, {
    ...options,
    memoryBytes: recording.memoryBytes,
    onReplayed: ({ through }) => first ??= through,
  });
  assert.equal(replay.digests, digestPoints(log).length);
  const from = replay.outputOffset ?? recording.output.length;
  const to = isLast ? recording.output.length : from + replay.output.length;
  assert.deepEqual(replay.output, recording.output.slice(from, to));
  assert.deepEqual(replay.end, isLast ? recording.end : undefined);
  if (isLast) assert.equal(replay.points, recording.points);
  return { digests: replay.digests, points: replay.points - first! };
}

/** What someone types at a ledger: `requests` of all kinds, in pieces of any size, then `quit`. */
export function typeAtLedger(
  random: Random,
  requests: number,
): (output: string) => string | undefined {
  let left = "";
  for (let number = 1; number <= requests; number++) left += `${request(random, number)}\n`;
  left += "quit\n";
  return (output) => {
    if (left === "" || !output.includes(" boot ledger")) return undefined;
    const length = 1 + random.below(random.pick([4, 40, 400]));
    const piece = left.slice(0, length);
    left = left.slice(length);
    return piece;
  };
}

/** One line of what {@link typeAtLedger} types, without its end. */
export function request(random: Random, number: number): string {
  const amount = random.below(2 ** 32) - 2 ** 31;
  const command = random.pick([
    `add ${amount}`,
    `sub ${amount}`,
    "get",
    "sum",
    "time",
    "add 9223372036854775807",
    "x".repeat(random.below(300)),
    `ad\u00e9 ${amount}`,
  ]);
  return random.pick(["", `#${number} `, `#${1 + random.below(number)} `]) + command;
}
