/**
 * What a side says, and exits with, at the end of its reign or of its hopes.
 *
 * Called by both sides' protocols.
 */
import { ExitCode } from "../base/errors.ts";
import type { Message } from "./messages.ts";
import type { PrimaryEffect, PrimaryMode } from "./primary_types.ts";
import type { Connection, Halt, MachineEnd } from "./types.ts";

/** A primary whose arbiter does not answer. */
export function unreachableText(mode: PrimaryMode, why: string): string {
  const what = mode === "ending" ? "the guest's end is not recorded" : "outputs stay held";
  return `${what}: the arbiter is out of reach: ${why}`;
}

/** Another one has won the generation. */
export function lostHalt(generation: number, machineId: string, holder: string): Halt {
  return { code: ExitCode.lost, why: `lost generation ${generation} of ${machineId} to ${holder}` };
}

/** The backup that a primary wanted to hand over to has won. */
export function handedOverHalt(to: string): Halt {
  return { code: ExitCode.ok, why: `handed over to ${to}` };
}

/** The guest's end is recorded: the backup is told, if there is one. */
export function endEffects(
  { why }: MachineEnd,
  connection: Connection | undefined,
): PrimaryEffect[] {
  if (connection === undefined) return [];
  const message: Message = { type: "ended", why };
  return [{ type: "send", connection, message }, { type: "close", connection, why }];
}

/** A primary after its guest's end. */
export function endedHalt({ why, code }: MachineEnd): Halt {
  return { code: code === 0 ? ExitCode.ok : ExitCode.guest, why };
}

/** A backup whose replay differs while it drains the log. @param ended why the guest has ended, if it has */
export function divergedHalt(what: string, ended: string | undefined): Halt {
  const then = ended === undefined
    ? "not fit to go on (--takeover-diverged overrides)"
    : `the guest has ended: ${ended}`;
  return { code: ExitCode.diverged, why: `${what}, while draining the log; ${then}` };
}

/** A backup that has lost its primary in the middle of its healing. */
export const UNHEALED = "the state that was to heal it is not whole";
