/**
 * What a demo has found: the verdict as a list of checks, the figures, and both for people.
 */
import type { GuestEnd } from "../sinks/console_client.ts";
import type { FaultKind, LedgerVerdict } from "./ledger_checker.ts";
import type { Arrival } from "./ledger_client.ts";
import type { Observation } from "./observer.ts";
import type { Exit, SideStatus } from "./side_process.ts";
import type { Show } from "./show.ts";

/** What a demo has gathered when its guest has ended. */
export interface Gathered {
  readonly host: {
    readonly good: number;
    readonly limited: number;
    readonly missing: number;
    /** Exits take long there: fewer requests, a slower clock. */
    readonly isSlow: boolean;
  };
  /** From the start to the guest's end. */
  readonly durationMs: number;
  /** Of the primary: when its backup followed, and right before it was killed. */
  readonly atProtection: SideStatus;
  readonly beforeKill: SideStatus;
  /** Of the new primary, once it had answered its share. */
  readonly afterTakeover: SideStatus;
  readonly exits: { readonly primary: Exit; readonly backup: Exit };
  readonly end: GuestEnd;
  /** What the client knows that typed the requests. */
  readonly client: {
    readonly sent: number;
    readonly resent: number;
    readonly connections: number;
    readonly duplicateBytes: number;
    readonly lostBytes: number;
  };
  /** From the last byte that the killed side showed to the first of the other. */
  readonly stallMs: number;
  readonly observation: Observation;
}

/** One thing that has to hold. */
export interface DemoCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly finding: string;
}

/** What the demo says with --json. */
export interface DemoReport extends Gathered {
  readonly ok: boolean;
  readonly checks: readonly DemoCheck[];
  readonly log: LogFigures;
}

/** What the logging channel carried while the pair was protected. */
export interface LogFigures {
  /** Frames of the log, without the state that the backup joined with. */
  readonly bytes: number;
  readonly events: number;
  readonly bytesPerEvent: number;
  /** The state. */
  readonly stateBytes: number;
}

/** The checks that rest on the console's bytes alone, with the faults that break each. */
const CONSOLE_CHECKS: readonly {
  readonly name: string;
  readonly broken: readonly FaultKind[];
  finding(verdict: LedgerVerdict): string;
}[] = [
  {
    name: "no answer missing",
    broken: ["unanswered", "refused"],
    finding: ({ requests, answered }) => `${answered} of ${requests} requests answered`,
  },
  {
    name: "no line skipped",
    broken: ["skipped", "malformed", "changed", "end"],
    finding: ({ lines }) => `${lines} lines, numbered from 1 without a gap, up to the last`,
  },
  {
    name: "nothing applied twice",
    broken: ["appliedTwice", "result"],
    finding: ({ balance, answeredAgain }) =>
      `results computed anew, to the balance ${balance}; ${answeredAgain} given again, unchanged`,
  },
  {
    name: "checksum chain unbroken",
    broken: ["checksum"],
    finding: ({ checksum }) => `over the takeover and to the end, ~${checksum}`,
  },
  {
    name: "no tick missing",
    broken: ["tick"],
    finding: ({ ticks }) => `${ticks} ticks of the guest's clock, which never went back`,
  },
];

/** Judges. */
export function judge(gathered: Gathered): DemoReport {
  const { observation: { verdict }, client, end, exits, atProtection, beforeKill } = gathered;
  const { faultCounts } = verdict;
  const checks: DemoCheck[] = CONSOLE_CHECKS.map(({ name, broken, finding }) => ({
    name,
    ok: broken.every((kind) => faultCounts[kind] === 0),
    finding: finding(verdict),
  }));
  checks.push({
    name: "the client agrees",
    ok: client.sent === verdict.requests && client.lostBytes === 0,
    finding: `it sent ${client.sent} requests; ${client.lostBytes} bytes of output were lost to it`,
  }, {
    name: "the ends are right",
    ok: end.exitCode === 0 && exits.backup.code === 0 && exits.primary.signal === "SIGKILL",
    finding: `guest ${end.exitCode}, new primary ${exits.backup.code}, old one ` +
      (exits.primary.signal ?? `${exits.primary.code}`),
  });
  const bytes = beforeKill.log.bytes - atProtection.log.bytes;
  const events = (beforeKill.log.events ?? 0) - (atProtection.log.events ?? 0);
  const bytesPerEvent = events === 0 ? 0 : bytes / events;
  const log = { bytes, events, bytesPerEvent, stateBytes: atProtection.log.bytes };
  const ok = verdict.ok && checks.every((check) => check.ok);
  return { ok, checks, log, ...gathered };
}

/** From the last byte of the first generation to the first of a later one; 0 if there was none. */
export function stallOf(arrivals: readonly Arrival[]): number {
  const at = arrivals.findIndex(({ generation }) => generation > arrivals[0]!.generation);
  return at < 1 ? 0 : arrivals[at]!.atMs - arrivals[at - 1]!.atMs;
}

/** The verdict and the figures, for people. */
export function showReport(report: DemoReport, show: Show): void {
  const { ok, checks, log, stallMs, client, observation, afterTakeover, durationMs } = report;
  const { verdict, medianTickGapMs, longestGapMs, longestGapAfterLine } = observation;
  show.line();
  show.line(
    show.paint("bold", "The verdict of an observer that saw nothing but the console's bytes"),
  );
  for (const { name, ok, finding } of checks) show.mark(ok, name, finding);
  for (const { kind, what } of verdict.faults) show.note("", show.paint("red", `${kind}: ${what}`));
  show.line();
  const twice = verdict.linesSeenTwice;
  const kept = afterTakeover.outputs.performedAtTakeover ?? 0;
  show.note("lines seen twice", `${twice}`);
  show.note(
    "outputs at the takeover",
    `${kept} performed that had no notice; ${client.duplicateBytes} bytes came twice, left out`,
  );
  show.note(
    "stall",
    `${Math.round(stallMs)} ms from the old primary's last byte to the new one's first`,
  );
  show.note(
    "as the observer saw it",
    `longest silence ${Math.round(longestGapMs)} ms, after line ${longestGapAfterLine}; ` +
      `a tick every ${Math.round(medianTickGapMs)} ms`,
  );
  const each = `${log.bytesPerEvent.toFixed(1)} bytes an event`;
  show.note("log", `${kilobytes(log.bytes)} in ${log.events} events: ${each}`);
  show.note("state transfer", `${kilobytes(log.stateBytes)}, when the backup joined`);
  show.note("log after the takeover", newLog(afterTakeover));
  show.line();
  const verdictText = ok
    ? show.paint("green", `It holds: nothing lost, ${twice === 0 ? "nothing" : twice} seen twice.`)
    : show.paint("red", "It does not hold: see above.");
  show.line(`${show.paint("bold", verdictText)} ${(durationMs / 1000).toFixed(1)} s.`);
}

function newLog({ log, protected: isProtected }: SideStatus): string {
  const size = `${kilobytes(log.bytes)} in ${log.events ?? 0} events`;
  return isProtected ? size : `${size}: no new backup, so nobody to send it to`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

/** Lines shown on each side of the takeover. */
const EXCERPT_LINES = 3;

/** What the console showed around the takeover, the old primary's part and the new one's. */
export function excerpt(arrivals: readonly Arrival[]): { old: string[]; new: string[] } {
  const decoder = new TextDecoder("latin1");
  const first = arrivals[0]?.generation ?? 0;
  const text = (isOld: boolean) =>
    arrivals.filter(({ generation }) => (generation === first) === isOld)
      .map(({ bytes }) => decoder.decode(bytes)).join("");
  return {
    old: text(true).replace(/\n$/, "").split("\n").slice(-EXCERPT_LINES),
    new: text(false).replace(/\n$/, "").split("\n").slice(0, EXCERPT_LINES),
  };
}
