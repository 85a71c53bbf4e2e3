/**
 * Assertions that stay on in production: they state what this code promises itself.
 *
 * Never for what a peer sends or a guest does (those get a typed error of `errors.ts`). A failed
 * assertion is a defect of Understudy.
 */
import { ExitCode, UnderstudyError } from "./errors.ts";

/** An assertion failed: a defect of Understudy, worth a report. */
export class DefectError extends UnderstudyError {
  readonly exitCode = ExitCode.defect;
}

/** Throws {@link DefectError} unless `condition` holds; the message carries the numbers. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new DefectError(message);
}

/** Marks what the types say can't be reached. */
export function unreachable(value: never): never {
  throw new DefectError(`unreachable: ${JSON.stringify(value)}`);
}

/** A `bigint` from a layout as a `number`; it must be safe. */
export function safeNumber(value: bigint, what: string): number {
  assert(
    value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER),
    `${what} is ${value}, expected at most ${Number.MAX_SAFE_INTEGER}`,
  );
  return Number(value);
}
