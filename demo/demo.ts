/**
 * The demo: a pair on this host, a guest at work, `kill -9` of its primary, and whether anybody outside
 * could tell.
 *
 * ```
 *   client ── requests ──▶ primary ══ log ══▶ backup
 *     │  ◀── console ──      ✗ kill -9          │
 *     │  ◀── console ───────────────────────────┘
 *     └── the console's bytes ──▶ observer ──▶ verdict
 * ```
 *
 * Primary, backup and observer are processes of their own. All of them end when this does, whatever
 * happens. `command.ts` calls it.
 */
import { UnavailableError } from "../base/errors.ts";
import { type Check, examineHost, type HostReport } from "../machine/doctor.ts";
import { LedgerClient } from "./ledger_client.ts";
import { ObserverProcess } from "./observer_process.ts";
import { Pair } from "./pair_processes.ts";
import { type DemoReport, excerpt, judge, stallOf } from "./report.ts";
import type { Show } from "./show.ts";

/** Requests that are answered before the kill, and after it. */
const REQUESTS = 300;
/**
 * On a host whose exits are slow (the doctor says so) the guest's clock ticks slower, fewer requests suffice, and
 * silence and lag mean less. Fewer suffice on a busy host too, once the step has taken so long.
 */
const SLOW = {
  requests: 20,
  afterMs: 8000,
  unansweredMax: 4,
  commandLine: "hz=20",
  patience: ["--timeout", "20000ms", "--lag-max", "20000ms"],
} as const;
/** A demo that takes longer is stuck. It takes ten seconds on a busy machine, a minute on an emulated one. */
const LIMIT_MS = 600_000;
/** Attempts to find a live console before the client gives up: a minute of waits. */
const CONSOLE_ATTEMPTS = 120;
/** Faster than the guest answers, so that it is never idle when it is hit. */
const REQUEST_INTERVAL_MS = 4;
const PROGRESS_MS = 80;

/** How a demo is run. */
export interface DemoOptions {
  readonly guest: string;
  readonly show: Show;
  /** Ends it early; its reason is thrown. */
  readonly signal: AbortSignal;
  /** The KVM device that the doctor looks at. */
  readonly device?: string;
}

/**
 * Runs it. Nothing that it started is left when this has settled.
 * @throws UnavailableError if this host can't run guests, or a step takes too long; the signal's reason
 */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { show, signal } = options;
  await using stack = new AsyncDisposableStack();
  stack.defer(() => show.close());
  const limit = new AbortController();
  const overdue = new UnavailableError(
    `the demo was not done after ${LIMIT_MS / 1000} s; is this machine very busy?`,
  );
  const timer = setTimeout(() => limit.abort(overdue), LIMIT_MS);
  stack.defer(() => clearTimeout(timer));
  const stopping = AbortSignal.any([signal, limit.signal]);
  const stopped = Promise.withResolvers<never>();
  stopping.addEventListener("abort", () => stopped.reject(stopping.reason));
  // What is acquired after the abort would outlive the stack: so nothing is.
  const acquire = <T extends AsyncDisposable>(make: () => T): T => {
    stopping.throwIfAborted();
    return stack.use(make());
  };
  return await Promise.race([perform(options, acquire), stopped.promise]);
}

/**
 * The kill closes the connection, which the backup sees at once: silence is not what this is about, and a host
 * that is busy or slow must not be taken for a dead one.
 */
const PATIENCE = "5000ms";

type Acquire = <T extends AsyncDisposable>(make: () => T) => T;

async function perform(options: DemoOptions, acquire: Acquire): Promise<DemoReport> {
  const { guest, show, device } = options;
  const startMs = performance.now();
  show.line(show.paint("bold", "A machine loses its host in mid-sentence"));
  const host = examine(show, device);

  show.progress("primary and backup start");
  const pair = acquire(() =>
    Pair.start({
      guest,
      ...(host.isSlow ? { commandLine: SLOW.commandLine } : {}),
      primary: { args: host.isSlow ? SLOW.patience : ["--timeout", PATIENCE] },
    })
  );
  const observer = acquire(() => new ObserverProcess());
  const atProtection = await pair.primary.protected();
  const pids = `primary ${pair.primary.pid}, backup ${pair.backup.pid}`;
  show.mark(true, "a pair, protected", `two processes on loopback: ${pids}; guest ${guest}`);

  const client = acquire(() =>
    new LedgerClient(pair.consoles, {
      attempts: CONSOLE_ATTEMPTS,
      intervalMs: REQUEST_INTERVAL_MS,
      ...(host.isSlow ? { unansweredMax: SLOW.unansweredMax } : {}),
      onOutput: ({ bytes }) => observer.show(bytes),
    })
  );
  await answer(client, "requests", host.isSlow, show);
  const beforeKill = await pair.primary.status();
  const primaryExit = await pair.primary.kill();
  const open = client.sent - client.answered;
  show.mark(true, "requests", `${client.answered} answered, ${open} more on their way`);
  show.mark(true, "kill -9", `primary ${pair.primary.pid} is gone`);

  show.progress("takeover");
  const { generation } = await pair.backup.live((beforeKill.generation ?? 0) + 1);
  show.mark(true, "takeover", `the backup won generation ${generation} and goes on`);
  await answer(client, "further requests", host.isSlow, show);
  const afterTakeover = await pair.backup.status();
  show.mark(true, "further requests", `${client.answered} answered, ${client.resent} sent again`);

  show.progress("quit");
  const end = await client.finish();
  const exits = { primary: primaryExit, backup: await pair.backup.exited };
  const observation = await observer.conclude();
  show.mark(end.exitCode === 0, "quit", end.why);
  showExcerpt(client, show);
  const { sent, resent, console: { connections, duplicateBytes, lostBytes } } = client;
  return judge({
    host,
    durationMs: performance.now() - startMs,
    atProtection,
    beforeKill,
    afterTakeover,
    exits,
    end,
    client: { sent, resent, connections, duplicateBytes, lostBytes },
    stallMs: stallOf(client.arrivals),
    observation,
  });
}

/** The doctor's findings in a line; see `understudy doctor` for all of them. */
function examine(show: Show, device?: string): DemoReport["host"] {
  show.progress("the doctor looks at this host");
  const report = examineHost(device);
  const count = (wanted: Check["status"]) =>
    report.checks.filter(({ status }) => status === wanted).length;
  const host = {
    good: count("good"),
    limited: count("limited"),
    missing: count("missing"),
    isSlow: report.checks.some(({ name, status }) => name === "exits" && status === "limited"),
  };
  if (!report.canRun) throw cantRun(report, show);
  const rest = `${host.limited} limited, ${host.missing} missing but not needed`;
  show.mark(true, "the doctor", `guests can run here: ${host.good} checks good, ${rest}`);
  return host;
}

function cantRun({ checks }: HostReport, show: Show): UnavailableError {
  const lacking = checks.filter(({ required, status }) => required && status === "missing");
  for (const { name, finding, meaning } of lacking) {
    show.mark(false, name, finding);
    show.note("", meaning);
  }
  const [first] = lacking;
  return new UnavailableError(
    `guests can't run on this host: ${first?.name}: ${first?.finding}; ${first?.meaning}; ` +
      "all findings: understudy doctor",
  );
}

/** Waits until enough further requests are answered, and shows how that goes. */
async function answer(
  client: LedgerClient,
  label: string,
  hostIsSlow: boolean,
  show: Show,
): Promise<void> {
  const from = client.answered;
  const startMs = performance.now();
  const isSlow = () => hostIsSlow || performance.now() - startMs > SLOW.afterMs;
  const wanted = () => isSlow() ? SLOW.requests : REQUESTS;
  const display = () => show.progress(label, Math.min(1, (client.answered - from) / wanted()));
  const ticker = setInterval(display, PROGRESS_MS);
  try {
    while (client.answered - from < wanted()) await client.answers(client.answered + 1);
  } finally {
    clearInterval(ticker);
  }
}

function showExcerpt(client: LedgerClient, show: Show): void {
  const { old, new: next } = excerpt(client.arrivals);
  show.line();
  show.line(show.paint("bold", "The console, around the takeover"));
  for (const line of old) show.line(`    ${line}`);
  show.line(show.paint("faint", "    ---- the primary is dead; its backup goes on ----"));
  for (const line of next) show.line(`    ${line}`);
}
