/**
 * The observer: a process of its own that sees nothing but a console's bytes, on its standard input, and
 * says in the end what they show, as one line of JSON on its standard output.
 *
 * It is run without any permission (no network, no files, no environment), and nobody tells it what was
 * asked of the guest or when the primary was killed. `observer_process.ts` starts it.
 */
import { LedgerChecker, type LedgerVerdict } from "./ledger_checker.ts";

/** What the observer says. */
export interface Observation {
  readonly verdict: LedgerVerdict;
  /** The longest time in which nothing came, and the line after which that was. */
  readonly longestGapMs: number;
  readonly longestGapAfterLine: number;
  /** The median time from one tick line to the next; the guest's clock makes it 100 ms. */
  readonly medianTickGapMs: number;
}

/** Reads a console's bytes to their end, and judges them. */
export async function observe(
  console: AsyncIterable<Uint8Array>,
  nowMs: () => number,
): Promise<Observation> {
  const checker = new LedgerChecker();
  const tickGapsMs: number[] = [];
  let longestGapMs = 0;
  let longestGapAfterLine = 0;
  let lastLine = 0;
  let lastMs: number | undefined;
  let lastTickMs: number | undefined;
  for await (const bytes of console) {
    const atMs = nowMs();
    if (lastMs !== undefined && atMs - lastMs > longestGapMs) {
      longestGapMs = atMs - lastMs;
      longestGapAfterLine = lastLine;
    }
    lastMs = atMs;
    for (const { number, kind } of checker.write(bytes)) {
      lastLine = number;
      if (kind !== "tick") continue;
      if (lastTickMs !== undefined) tickGapsMs.push(atMs - lastTickMs);
      lastTickMs = atMs;
    }
  }
  const medianTickGapMs = tickGapsMs.sort((a, b) => a - b)[tickGapsMs.length >> 1] ?? 0;
  return { verdict: checker.verdict(), longestGapMs, longestGapAfterLine, medianTickGapMs };
}

if (import.meta.main) {
  const observation = await observe(Deno.stdin.readable, () => performance.now());
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(observation)}\n`));
}
