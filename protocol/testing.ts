/**
 * What this room's tests share: seeds, bytes, and the smallest rules.
 *
 * Only tests import this.
 */
import type { BackupRules } from "./backup.ts";
import type { MessageOf } from "./messages.ts";
import type { Output } from "./output_gate.ts";
import type { LoggedFrame, PrimaryRules } from "./primary.ts";

/** The seed of random tests: from env SEED, or drawn; fast-check and the simulator print it. */
export const seed: number = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));

/** Rules of a primary with round numbers. */
export const primaryRules: PrimaryRules = {
  machineId: "m1",
  memoryBytes: 4096,
  commitReplayed: false,
  heartbeatMs: 10,
  timeoutMs: 100,
  claimRetryMs: 50,
  windowBytes: 1000,
  heldBytesMax: 1000,
};

/** Rules of the backup that goes with it. */
export const backupRules: BackupRules = {
  who: "b",
  machineId: "",
  claimRetryMs: 50,
  windowBytes: 1000,
  keptBytesMax: 4000,
  takeoverDiverged: false,
};

/** What such a primary says to such a backup. */
export const welcome: MessageOf<"welcome"> = {
  type: "welcome",
  machineId: "m1",
  generation: 1,
  memoryBytes: 4096,
  commitReplayed: false,
  heartbeatMs: 10,
  timeoutMs: 100,
};

/** An output to the console with these characters. */
export function output(offset: number, text: string, point: number, sink = 0): Output {
  return { sink, offset, point, bytes: new TextEncoder().encode(text) };
}

/** A frame of a session's log. */
export function frame(
  sequence: number,
  through: number,
  rest: Partial<LoggedFrame> = {},
): LoggedFrame {
  const bytes = new Uint8Array(10);
  return { session: 1, sequence, through, inputOffset: 0, completesState: false, bytes, ...rest };
}

/** The characters of bytes. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
