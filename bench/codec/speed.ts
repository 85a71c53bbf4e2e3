/**
 * How fast the stream is encoded and decoded, in one thread: a log's frames over and over, through the codec's
 * TypeScript face, and for comparison through this machine's own build of the same crate.
 *
 * Called by main.ts.
 */
import { fileURLToPath } from "node:url";
import { UnavailableError } from "../../base/errors.ts";
import { chainFrames } from "../../base/limits.ts";
import { summarize, type Summary } from "../compare.ts";
import type { BenchLog } from "./events.ts";
import { encodeFrames, type Level, logFile, StreamDecoder } from "./stream.ts";

/** For how long to measure. */
export interface Effort {
  /** Of each there is a rate, of which the median counts. */
  readonly rounds: number;
  /** All rounds together, in each direction. */
  readonly seconds: number;
}

/** How fast a log goes one way. Rates are medians of rounds, with their range. */
export interface Speed {
  readonly name: string;
  readonly level: Level;
  readonly direction: "encode" | "decode";
  readonly eventsPerSecond: Summary;
  /** Of the bytes that events carry; clocks are none. */
  readonly payloadBytesPerSecond: Summary;
  /** Nanoseconds for each of the guest's exits, of which most have no event. */
  readonly nsPerExit: Summary;
  /** The native build's events a second; null: not asked for. */
  readonly native: Summary | null;
  /** The medians: ours of the native build's. */
  readonly nativeShare: number | null;
}

/** For how many nanoseconds each direction takes a whole log, a round each. */
interface Rounds {
  readonly encode: readonly number[];
  readonly decode: readonly number[];
}

/** Measures both directions. @throws UnavailableError if the native build can't be had */
export async function measureSpeed(
  log: BenchLog,
  level: Level,
  effort: Effort,
  withNative: boolean,
): Promise<Speed[]> {
  const ours = ourRounds(log, level, effort);
  const native = withNative ? await nativeRounds(log, level, effort) : undefined;
  const all = log.frames.flatMap(({ events }) => events);
  const payloadBytes = all.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const exits = log.frames.at(-1)!.through - log.firstPoint;
  const rate = (amount: number, rounds: readonly number[]) =>
    summarize(rounds.map((ns) => amount / ns * 1e9));
  return (["encode", "decode"] as const).map((direction) => {
    const eventsPerSecond = rate(all.length, ours[direction]);
    const peer = native === undefined ? null : rate(all.length, native[direction]);
    return {
      name: log.name,
      level,
      direction,
      eventsPerSecond,
      payloadBytesPerSecond: rate(payloadBytes, ours[direction]),
      nsPerExit: summarize(ours[direction].map((ns) => ns / exits)),
      native: peer,
      nativeShare: peer === null ? null : eventsPerSecond.median / peer.median,
    };
  });
}

function ourRounds({ frames }: BenchLog, level: Level, { rounds, seconds }: Effort): Rounds {
  using decoder = new StreamDecoder();
  const encode = () => {
    encodeFrames(frames, level);
  };
  const encoded = encodeFrames(frames, level);
  const decode = () => {
    for (const frame of encoded) decoder.decode(frame);
  };
  const found = { encode: [] as number[], decode: [] as number[] };
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    const [encodeNs, decodeNs] = [encode, decode].map((work) =>
      nanoseconds(work, seconds * 1000 / rounds)
    );
    if (round === 0) continue;
    found.encode.push(encodeNs!);
    found.decode.push(decodeNs!);
  }
  return found;
}

/** What one of many calls takes, for at least so many milliseconds of them. */
function nanoseconds(work: () => void, ms: number): number {
  const startMs = performance.now();
  let passes = 0;
  let passedMs = 0;
  do {
    work();
    passes++;
    passedMs = performance.now() - startMs;
  } while (passedMs < ms);
  return passedMs * 1e6 / passes;
}

/** codec/examples/speed.rs, over the same frames. */
async function nativeRounds(log: BenchLog, level: Level, effort: Effort): Promise<Rounds> {
  const path = Deno.makeTempFileSync({ prefix: "understudy-bench-" });
  try {
    await Deno.writeFile(path, logFile(log.memoryBytes, encodeFrames(log.frames, level)).stream());
    const { rounds, seconds } = effort;
    const ms = Math.ceil(seconds * 1000 / rounds);
    const lines = await cargo([path, level, ...[chainFrames[level], rounds, ms].map(String)]);
    const pairs = lines.map((line) => line.split(" ").map(Number));
    return { encode: pairs.map(([ns]) => ns!), decode: pairs.map(([, ns]) => ns!) };
  } finally {
    Deno.removeSync(path);
  }
}

async function cargo(args: readonly string[]): Promise<string[]> {
  const command = new Deno.Command("cargo", {
    args: ["run", "--quiet", "--locked", "--release", "--example", "speed", "--", ...args],
    cwd: fileURLToPath(new URL("../../codec/", import.meta.url)),
  });
  const decoder = new TextDecoder();
  try {
    const { success, stdout, stderr } = await command.output();
    if (!success) throw new UnavailableError(`the native build: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout).trim().split("\n");
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UnavailableError("--native needs cargo, which is not here", { cause });
  }
}
