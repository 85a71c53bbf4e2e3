/**
 * The first claim of a fresh primary: a machine is started only where no other one of its name reigns.
 *
 * Called by primary/start.ts.
 */
import { ExitCode, UnavailableError, UnderstudyError, UsageError } from "../base/errors.ts";
import { type Claimer, holderOf } from "./claimer.ts";

/** The machine reigns elsewhere, or its past was not ended. */
export class ReignsError extends UnderstudyError {
  readonly exitCode = ExitCode.reigns;
}

/** Waits before a claim is made again; told why. What it throws ends the attempt. */
export type BeforeRetry = (why: string) => Promise<void>;

/**
 * Wins the generation after the last one, if that has ended.
 *
 * A claim without an answer may have been carried out: who gives up then may leave a register behind, of a
 * machine that never ran. So it is made again, if it can be waited.
 * @param supersede the generation that is known to be dead though it never ended; see docs/CLI.md
 * @param beforeRetry default: there is no second attempt
 * @throws ReignsError if the machine reigns, in another generation than that; UnavailableError if the arbiter
 *   is out of reach; UsageError if there is no such generation to supersede
 */
export async function winFirst(
  claimer: Claimer,
  supersede: number | undefined,
  beforeRetry?: BeforeRetry,
): Promise<number> {
  const { machineId } = claimer.claimant;
  const latest = await claimer.arbiter.latest(machineId);
  const isLater = latest !== undefined && latest.generation > (supersede ?? 0);
  if (latest !== undefined && !latest.ended && isLater) {
    throw reigns(machineId, latest.generation, holderOf(latest), latest.address);
  }
  if (supersede !== undefined && latest?.generation !== supersede) {
    throw new UsageError(
      `--supersede ${supersede}: the latest generation of ${machineId} is ${
        latest?.generation ?? "none"
      }`,
    );
  }
  const generation = (latest?.generation ?? 0) + 1;
  for (;;) {
    const result = await claimer.claim(generation, false);
    if (result.kind === "won") return generation;
    if (result.kind === "lost") {
      throw reigns(machineId, generation, holderOf(result.holder), result.holder.address);
    }
    const why = `generation ${generation} of ${machineId} could not be claimed: ${result.why}`;
    if (beforeRetry === undefined) throw new UnavailableError(why);
    await beforeRetry(why);
  }
}

function reigns(
  machineId: string,
  generation: number,
  holder: string,
  address: string,
): ReignsError {
  return new ReignsError(
    `${machineId} already reigns: generation ${generation}, ${holder}; ` +
      `join it with: understudy backup --primary ${address} ... ` +
      `(if nobody lives there any more: --supersede ${generation})`,
  );
}
