/**
 * A fuzz of the wire, in this process: the production decoders and protocols take in what a seed makes up, valid,
 * nearly valid, and without any sense. A fault is repeated, made smaller and shown in hex.
 *
 * Called by the campaign and by its short run in the gate.
 */
import { Random } from "./random.ts";
import { PrimaryTarget } from "./wire_primary.ts";
import { BackupTarget } from "./wire_backup.ts";
import { ConsoleServerTarget } from "./wire_console_server.ts";
import { ConsoleClientTarget } from "./wire_console_client.ts";
import { LogFileTarget } from "./wire_log_file.ts";
import { turns } from "./wire_connection.ts";
import { type MakeTarget, type Step, Tally } from "./wire_target.ts";

/** Who takes messages in; the protocol's machines more often than the rest. */
const TARGETS: readonly (readonly [name: string, make: MakeTarget])[] = [
  ["primary", (random, tally) => new PrimaryTarget(random, tally)],
  // A backup's session ends at the first message that is out of place: so there are more of them.
  ...Array<readonly [string, MakeTarget]>(12).fill([
    "backup",
    (random, tally) => new BackupTarget(random, tally),
  ]),
  ["console server", (random, tally) => new ConsoleServerTarget(random, tally)],
  ["console client", (random, tally) => new ConsoleClientTarget(random, tally)],
  ["log file", (random, tally) => new LogFileTarget(random, tally)],
];

/** Steps of one episode: sessions that live long get as far as they can get. */
const STEPS = 300;

/** A fault, with what repeats it. */
export class WireFault extends Error {
  constructor(
    readonly seed: number,
    readonly episode: number,
    readonly target: string,
    readonly steps: readonly Step[],
    override readonly cause: Error,
  ) {
    super(
      `seed ${seed}, episode ${episode}, ${target}: ${cause.stack}\nafter ${steps.length} steps:\n` +
        steps.map(showStep).join("\n"),
    );
  }
}

/** What a run was. */
export interface WireReport {
  readonly episodes: number;
  readonly tally: Tally;
  /** Messages by who took them in. */
  readonly byTarget: ReadonlyMap<string, number>;
}

/** How to run. */
export interface WireOptions {
  readonly seed: number;
  /** At least so many messages. */
  readonly messages: number;
  /** The first episode. */
  readonly first?: number;
  /** Told after each episode. */
  progress?(episode: number, tally: Tally): void;
}

/** Runs episodes until enough messages have been taken in. @throws WireFault at the first fault */
export async function fuzzWire(options: WireOptions): Promise<WireReport> {
  const { seed, messages, first = 0, progress } = options;
  const tally = new Tally();
  const byTarget = new Map<string, number>();
  let unhandled: Error | undefined;
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled ??= event.reason as Error;
  };
  globalThis.addEventListener("unhandledrejection", onUnhandled);
  // Nobody looks at where a refusal comes from, and finding that out takes longer than all the rest.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let episode = first;
  try {
    for (; tally.messages < messages; episode++) {
      const before = tally.messages;
      const name = await runEpisode(seed, episode, tally);
      byTarget.set(name, (byTarget.get(name) ?? 0) + tally.messages - before);
      if (episode % 256 === 0) await new Promise((resolve) => setTimeout(resolve));
      if (unhandled !== undefined) {
        throw new WireFault(
          seed,
          episode,
          "one of the last 256 episodes, unhandled",
          [],
          unhandled,
        );
      }
      progress?.(episode, tally);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    globalThis.removeEventListener("unhandledrejection", onUnhandled);
  }
  return { episodes: episode - first, tally, byTarget };
}

/** One episode. @returns who took its messages in */
async function runEpisode(seed: number, episode: number, tally: Tally): Promise<string> {
  const random = randomOf(seed, episode);
  const [name, make] = random.pick(TARGETS);
  const steps: Step[] = [];
  try {
    const target = make(random, tally);
    const limit = 1 + random.below(STEPS);
    while (steps.length < limit && !target.isOver) {
      const step = target.draw();
      steps.push(step);
      if (step.bytes !== undefined) {
        tally.messages++;
        tally.bytes += step.bytes.length;
      }
      await target.take(step);
      target.check();
    }
    await target.finish();
  } catch (error) {
    throw await smaller(seed, episode, name, make, steps, error as Error);
  }
  return name;
}

function randomOf(seed: number, episode: number): Random {
  return new Random((Math.imul(seed, 0x9e3779b1) + Math.imul(episode, 0x85ebca6b)) | 0);
}

/** The same fault after as few steps as leaving out one after the other comes to. */
async function smaller(
  seed: number,
  episode: number,
  name: string,
  make: MakeTarget,
  steps: readonly Step[],
  fault: Error,
): Promise<WireFault> {
  Error.stackTraceLimit = 10;
  let least = steps;
  let cause = await repeat(seed, episode, make, steps) ?? fault;
  for (let at = steps.length - 1; at >= 0; at--) {
    const fewer = least.toSpliced(at, 1);
    const found = await repeat(seed, episode, make, fewer);
    if (found?.constructor !== fault.constructor) continue;
    least = fewer;
    cause = found;
  }
  return new WireFault(seed, episode, name, least, cause);
}

/** Takes the steps of an episode again. @returns what went wrong, if anything did */
async function repeat(
  seed: number,
  episode: number,
  make: MakeTarget,
  steps: readonly Step[],
): Promise<Error | undefined> {
  const random = randomOf(seed, episode);
  random.pick(TARGETS);
  try {
    const target = make(random, new Tally());
    for (const step of steps) {
      if (target.isOver) break;
      await target.take(step);
      target.check();
    }
    await target.finish();
    await turns();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function showStep({ what, amount, bytes, pieceBytes }: Step): string {
  return `  ${what} ${amount}${bytes === undefined ? "" : ` in ${pieceBytes}: ${bytes.toHex()}`}`;
}
