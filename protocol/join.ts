/**
 * The words at the door: whom a primary takes in, what it then says, and what a backup may believe of it.
 *
 * Both protocol machines use this, so that what one side says and what the other one accepts stand
 * together.
 */
import { PeerError } from "../base/errors.ts";
import { type Message, type MessageOf, PROTOCOL_VERSION } from "./messages.ts";
import type { BackupRules } from "./backup_types.ts";
import type { PrimaryMode, PrimaryRules } from "./primary_types.ts";
import { heardRules, tellRules } from "./rules.ts";

/** A generation is a u32, and so is the next one. */
const GENERATION_MAX = 2 ** 32 - 2;

/** A backup may not join. */
export interface Refusal {
  /** In words. */
  readonly why: string;
  /** Whether it may be worth asking again. */
  readonly retry: boolean;
}

/** What stands against this backup, whatever the primary is doing; undefined if nothing does. */
export function refusalOf(hello: MessageOf<"hello">, machineId: string): Refusal | undefined {
  if (hello.protocol !== PROTOCOL_VERSION) {
    const why = `protocol version ${hello.protocol}, expected ${PROTOCOL_VERSION}`;
    return { why: `${why}: run the same release on both sides`, retry: false };
  }
  if (hello.machineId !== "" && hello.machineId !== machineId) {
    return { why: `this is machine ${machineId}, not ${hello.machineId}`, retry: false };
  }
  return undefined;
}

/** The hello of a backup with these rules. */
export function helloOf({ who, machineId }: BackupRules): MessageOf<"hello"> {
  return { type: "hello", protocol: PROTOCOL_VERSION, who, machineId };
}

/**
 * What stands against any backup now; undefined if nothing does.
 * @param who the backup that is joined or joining, if one is
 */
export function obstacleOf(
  who: string | undefined,
  mode: PrimaryMode,
  hasEnded: boolean,
): Refusal | undefined {
  // Retry: it may be the same backup, come back before we know that it has gone.
  if (who !== undefined) return { why: `${who} is the backup already`, retry: true };
  if (mode === "alone" && !hasEnded) return undefined;
  return { why: `the primary can't take a backup while ${mode}`, retry: true };
}

/** The welcome of a primary with these rules. */
export function welcomeOf(rules: PrimaryRules, generation: number): MessageOf<"welcome"> {
  const { machineId, memoryBytes } = rules;
  const { type: _, ...told } = tellRules(rules);
  return { type: "welcome", machineId, generation, memoryBytes, ...told };
}

/**
 * The welcome that a backup was sent: all that it will count on is checked.
 * @param machineId the machine that the backup wants; empty: any
 * @throws PeerError
 */
export function welcomeIn(welcome: Message, machineId: string): MessageOf<"welcome"> {
  if (welcome.type !== "welcome") {
    throw new PeerError(`a ${welcome.type} message, expected a welcome`);
  }
  const { generation } = welcome;
  if (machineId !== "" && welcome.machineId !== machineId) {
    throw new PeerError(`welcome to machine ${welcome.machineId}, expected ${machineId}`);
  }
  if (generation < 1 || generation > GENERATION_MAX) {
    throw new PeerError(`generation ${generation}, expected 1 to ${GENERATION_MAX}`);
  }
  heardRules(welcome);
  return welcome;
}

/**
 * How often log goes out, if there is any, and acks come back at least, in milliseconds: at every heartbeat,
 * and so often that the execution lag of a backup that keeps up is well below its limit. What the primary
 * knows of the lag is up to two of these old.
 */
export function reportPeriodMs(
  { heartbeatMs, lagMaxMs }: Pick<PrimaryRules, "heartbeatMs" | "lagMaxMs">,
): number {
  return lagMaxMs === 0 ? heartbeatMs : Math.min(heartbeatMs, Math.ceil(lagMaxMs / 4));
}
