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

/**
 * Wins the generation after the last one, if that has ended.
 * @param supersede the generation that is known to be dead though it never ended; see docs/CLI.md
 * @throws ReignsError if the machine reigns, UnavailableError if the arbiter is out of reach, UsageError if
 *   there is no such generation to supersede
 */
export async function winFirst(claimer: Claimer, supersede: number | undefined): Promise<number> {
  const { machineId } = claimer.claimant;
  const latest = await claimer.arbiter.latest(machineId);
  if (supersede !== undefined && latest?.generation !== supersede) {
    throw new UsageError(
      `--supersede ${supersede}: the latest generation of ${machineId} is ${
        latest?.generation ?? "none"
      }`,
    );
  }
  if (latest !== undefined && !latest.ended && supersede === undefined) {
    throw reigns(machineId, latest.generation, holderOf(latest), latest.address);
  }
  const generation = (latest?.generation ?? 0) + 1;
  const result = await claimer.claim(generation, false);
  if (result.kind === "won") return generation;
  if (result.kind === "unreachable") {
    throw new UnavailableError(`no generation of ${machineId} could be claimed: ${result.why}`);
  }
  throw reigns(machineId, generation, holderOf(result.holder), result.holder.address);
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
