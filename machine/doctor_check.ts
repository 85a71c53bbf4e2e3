/**
 * What `understudy doctor` reports, and how a probe that fails becomes part of the report: never an
 * exception.
 *
 * Called by doctor.ts and the tables of probes (doctor_kvm.ts, doctor_basics.ts, doctor_abilities.ts,
 * doctor_system.ts).
 */

/** `limited`: there, but some guests or modes are worse off. `missing`: not there, or not usable. */
export type CheckStatus = "good" | "limited" | "missing";

/** What a probe has found out. */
export interface Finding {
  /** What was measured, in a few words. */
  readonly finding: string;
  /** How good that is. */
  readonly status: CheckStatus;
  /** What it means here: which guests, what to do. */
  readonly meaning: string;
}

/** One line of the report. */
export interface Check extends Finding {
  /** What was looked at. */
  readonly name: string;
  /** Whether guests can't run where this is missing. */
  readonly required: boolean;
}

/** What this host offers. JSON-serialisable. */
export interface HostReport {
  /** Whether guests can run: nothing that is required is missing. */
  readonly canRun: boolean;
  /** In the order in which they were made. */
  readonly checks: readonly Check[];
}

/** Something that a host is expected to have. */
export interface Expectation {
  /** What is looked at. */
  readonly name: string;
  /** Whether guests can't run without it. */
  readonly required: boolean;
  /** What it means if it is missing. */
  readonly without: string;
}

/** One thing to find out, given `T` to find it out with. */
export interface Probe<T> extends Expectation {
  /** Finds out. Whatever it throws makes it missing, and is the finding. */
  examine(on: T): Finding;
}

/** Runs one probe. Throws nothing. */
export function examine<T>(probe: Probe<T>, on: T): Check {
  try {
    return { name: probe.name, required: probe.required, ...probe.examine(on) };
  } catch (error) {
    return failed(probe, error);
  }
}

/** The check of a probe that is not run, and why not. */
export function unexamined({ name, required }: Expectation, why: string): Check {
  const meaning = "not known as long as that is so";
  return { name, required, finding: `not examined: ${why}`, status: "missing", meaning };
}

/**
 * The check of a probe that failed. By this project's custom an error's text is what happened, a
 * semicolon, and what to do.
 */
export function failed({ name, required, without }: Expectation, error: unknown): Check {
  const text = error instanceof Error ? error.message : String(error);
  const [finding, ...advice] = text.split("; ");
  const meaning = [without, ...advice].join("; ");
  return { name, required, finding: finding!, status: "missing", meaning };
}
