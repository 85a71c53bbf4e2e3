/**
 * The recordings of the measuring corpus: bundled guests with real input, in real time or (where there is little but
 * time) in leaping time.
 *
 * Called by main.ts.
 */
import { UnavailableError } from "../../base/errors.ts";
import { frameAgeMaxMs } from "../../base/limits.ts";
import { Random } from "../../tests/support/random.ts";
import { logFileOf, recordGuest } from "../../tests/support/record.ts";
import { REQUESTS, typeAll } from "./requests.ts";
import { runRecorded } from "./run_recorded.ts";

/** How a recording is made. */
export interface RecordingOptions {
  /** Where the log goes. */
  readonly path: string;
  /** Decides what is typed. */
  readonly seed: number;
  /** Told how much is done, of 1. */
  readonly progress: (share: number) => void;
  /** Ends what runs. */
  readonly signal: AbortSignal;
}

/** A recording of the corpus. */
export interface CorpusRecording {
  readonly file: string;
  /** For people. */
  readonly what: string;
  readonly make: (options: RecordingOptions) => Promise<void>;
}

const STRESS_SEED = 7;
const STRESS_ROUNDS = 100;
const IDLE_MINUTES = 30;
const IDLE_MEMORY_BYTES = 64 << 20;

/** All of them, in the order in which they are made. */
export const RECORDINGS: readonly CorpusRecording[] = [
  { file: "ledger.log", what: `a ledger with ${REQUESTS} requests`, make: recordLedger },
  { file: "stress.log", what: `${STRESS_ROUNDS} rounds of stress`, make: recordStress },
  { file: "idle.log", what: `${IDLE_MINUTES} minutes of an idle ledger`, make: recordIdle },
];

async function recordLedger({ path, seed, progress, signal }: RecordingOptions): Promise<void> {
  let replies = 0;
  await runRecorded({
    guest: "ledger",
    path,
    signal,
    onLine(line) {
      if (!/^\d+ (answer|again|error) /.test(line)) return;
      progress(++replies / REQUESTS);
    },
    async type(write) {
      let dueMs = performance.now();
      for (const { afterMs, text } of typeAll(new Random(seed))) {
        dueMs += afterMs;
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        await write(text);
      }
      await write("quit\n");
    },
  });
  if (replies !== REQUESTS) {
    throw new UnavailableError(
      `${replies} replies to ${REQUESTS} requests: the recording is no good`,
    );
  }
}

async function recordStress({ path, progress, signal }: RecordingOptions): Promise<void> {
  let rounds = 0;
  await runRecorded({
    guest: "stress",
    path,
    options: ["--cmdline", `${STRESS_SEED} ${STRESS_ROUNDS}`],
    signal,
    onLine(line) {
      if (line.startsWith("round ")) progress(++rounds / STRESS_ROUNDS);
    },
  });
}

async function recordIdle({ path, progress }: RecordingOptions): Promise<void> {
  const endMs = IDLE_MINUTES * 60_000;
  let isOver = false;
  const recording = await recordGuest({
    guest: "ledger",
    memoryBytes: IDLE_MEMORY_BYTES,
    frameAgeMs: frameAgeMaxMs,
    worker: new URL("./idle_worker.ts", import.meta.url),
    input(output) {
      const tick = output.slice(-100).match(/ tick \d+ (\d+)ms ~\w+\n$/)?.[1];
      if (tick === undefined || isOver) return undefined;
      progress(Number(tick) / endMs);
      isOver = Number(tick) >= endMs;
      return isOver ? "quit\n" : undefined;
    },
  });
  await Deno.writeFile(path, logFileOf(recording).stream());
}
