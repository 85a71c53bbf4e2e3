/**
 * The named steps of the commit protocol, at each of which the primary can be killed: a row each.
 *
 * Called by crash_points.ts, which kills there, and by the tests that judge what was seen.
 */

/** Where in a step of the primary (primary/primary_side.ts, Interposer) a hook is called. */
export type Moment = "input" | "decided" | "before" | "after";

/** What a step is about. */
export type Subject = "append" | "send" | "ack" | "perform" | "performed" | "notice";

/** One named step. */
export interface CrashPoint {
  readonly moment: Moment;
  readonly subject: Subject;
  /** Killed in the next turn of the event loop: by then the system has what was sent. */
  readonly nextTurn?: boolean;
  /** The output was performed and its notice not sent: it is seen twice. */
  readonly repeats?: boolean;
}

/** All steps, in the order in which one output goes through them. */
export const CRASH_POINTS = {
  /** The log is closed up to the output, and main does not know it yet. */
  "before log append": { moment: "input", subject: "append" },
  "after log append": { moment: "decided", subject: "append" },
  "before send": { moment: "before", subject: "send" },
  "after send": { moment: "after", subject: "send", nextTurn: true },
  "before ack": { moment: "input", subject: "ack" },
  "after ack": { moment: "decided", subject: "ack" },
  "before perform": { moment: "before", subject: "perform" },
  "while performing": { moment: "after", subject: "perform" },
  "after perform": { moment: "input", subject: "performed", repeats: true },
  "before notice": { moment: "before", subject: "notice", repeats: true },
  "after notice": { moment: "after", subject: "notice", nextTurn: true },
} as const satisfies Record<string, CrashPoint>;

/** The name of a step. */
export type CrashPointName = keyof typeof CRASH_POINTS;

/** All names. */
export const CRASH_POINT_NAMES = Object.keys(CRASH_POINTS) as CrashPointName[];

/** What occurrences are counted from. */
export type CrashFrom = "protection" | "signal";

/** How crash_points.ts is told, through the environment. */
export const CrashVariable = {
  /** A {@link CrashPointName}. */
  point: "CRASH_POINT",
  /** Which occurrence of it, from 1. */
  count: "CRASH_COUNT",
  /** Counted since: the begin of protection, or SIGUSR1 after that. */
  from: "CRASH_FROM",
  /** Occurrences within so many milliseconds of a notice do not count: that notice has arrived. */
  settledMs: "CRASH_SETTLED_MS",
} as const;
