/**
 * What an arbiter is: the holder of one test-and-set register for each generation of each machine.
 *
 * Whoever wants to go on alone must first win the register of the next generation; this is what
 * keeps two sides from serving at once when all they know of each other is silence (Scales, Nelson,
 * Venkitachalam 2010, section 2.3). A register is created once, whole, and is never changed.
 *
 * primary/ and backup/ claim here, main.ts reads. Implementations stand beside: `file.ts`, `etcd.ts`.
 */
import { PeerError, UsageError } from "../base/errors.ts";
import { machineIdLength, registerFieldLength, registerFileBytes } from "../base/arbiter_limits.ts";

/** One generation of one machine: who reigns in it. */
export interface Register {
  /** The machine: 1 to 64 of `A-Z a-z 0-9 . _ -`. */
  readonly machineId: string;
  /** The number of the reign, from 1. */
  readonly generation: number;
  /** Drawn by the claimer, anew for each claim: tells its own register from another's. */
  readonly nonce: string;
  /** The host, for people. */
  readonly who: string;
  /** Where a backup can join, `HOST:PORT`. */
  readonly address: string;
  /** When it was claimed by the claimer's clock, ISO 8601. For people: nothing is decided by it. */
  readonly when: string;
  /** The guest ended in good order: this generation is nobody's, and there is no takeover. */
  readonly ended: boolean;
}

/** What a claim came to. */
export type ClaimResult =
  | { readonly kind: "won"; readonly register: Register }
  | { readonly kind: "lost"; readonly holder: Register }
  /** Nothing is decided. The same register (with its nonce) may be claimed again. */
  | { readonly kind: "unreachable"; readonly why: string };

/** Holds, for each machine, the test-and-set register of each generation. */
export interface Arbiter extends Disposable {
  /**
   * The test-and-set: creates the register of this generation, if nobody has.
   *
   * Claiming again with the same nonce is harmless and says the same. May take as long as the
   * storage does; until it answers, nothing is won.
   * @throws PeerError if the register that is there is malformed: then nobody may go on; UsageError if
   *   this one is
   */
  claim(register: Register): Promise<ClaimResult>;
  /**
   * The register of a generation, undefined if nobody has claimed it.
   * @throws UnavailableError if the arbiter is out of reach, PeerError if the register is malformed
   */
  read(machineId: string, generation: number): Promise<Register | undefined>;
  /** The register of the highest generation; undefined and errors as for {@link read}. */
  latest(machineId: string): Promise<Register | undefined>;
  /**
   * Whether a claim would get an answer now: does, for a machine that reigns, all that a claim does but for
   * claiming.
   * @throws UnavailableError if not, PeerError if the register is malformed
   */
  probe(machineId: string): Promise<void>;
  /** Gives back what is held open. */
  close(): void;
}

const machineIdPattern = new RegExp(`^[A-Za-z0-9._-]{1,${machineIdLength}}$`);

/** Checks a machine's id. @throws UsageError that says what an id may be */
export function checkMachineId(machineId: string): void {
  if (!machineIdPattern.test(machineId)) {
    throw new UsageError(
      `machine id ${
        JSON.stringify(machineId)
      }: expected 1 to ${machineIdLength} of A-Z a-z 0-9 . _ -`,
    );
  }
}

/** Checks how a side is called, before a register is to hold it. @throws UsageError */
export function checkWho(who: string): void {
  if (who.length <= registerFieldLength) return;
  throw new UsageError(
    `a side's name of ${who.length} characters (--who), expected at most ${registerFieldLength}`,
  );
}

const format = "understudy register";
const version = 1;

/** A register as text, as every arbiter stores it: one JSON object, so that people can read it too. */
export function formatRegister(register: Register): string {
  const { machineId, generation, nonce, who, address, when, ended } = register;
  const fields = { format, version, machineId, generation, nonce, who, address, when, ended };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/**
 * Reads what {@link formatRegister} wrote.
 * @param text at most a little longer than {@link registerFileBytes}
 * @param where the name of the file or key, for the message
 * @param machineId,generation what a register at that place has to say
 * @throws PeerError that names `where` and what is wrong
 */
export function parseRegister(
  text: string,
  where: string,
  machineId: string,
  generation: number,
): Register {
  const fields = text.length > registerFileBytes ? undefined : parseObject(text);
  const fault = fields === undefined
    ? unreadable(text)
    : formatFault(fields) ?? registerFault(fields) ?? placeFault(fields, machineId, generation);
  if (fields === undefined || fault !== undefined) {
    const advice = "it was damaged or is not ours: nobody may go on until a person has looked";
    throw new PeerError(`register ${where}: ${fault}; ${advice}`);
  }
  const { nonce, who, address, when, ended } = fields as unknown as Register;
  return { machineId, generation, nonce, who, address, when, ended };
}

function unreadable(text: string): string {
  return text.length > registerFileBytes
    ? `longer than ${registerFileBytes} bytes`
    : "not a JSON object";
}

/** Whether a register is one of another place. */
function placeFault(
  fields: Readonly<Record<string, unknown>>,
  machineId: string,
  generation: number,
): string | undefined {
  if (fields.machineId === machineId && fields.generation === generation) return undefined;
  return `says machine ${fields.machineId}, generation ${fields.generation}; was it renamed or copied?`;
}

function formatFault(fields: Readonly<Record<string, unknown>>): string | undefined {
  if (fields.format !== format) return `format is ${show(fields.format)}, expected "${format}"`;
  if (fields.version !== version) return `version is ${show(fields.version)}, expected ${version}`;
  return undefined;
}

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length <= registerFieldLength;

/** What each field of a register must be. */
const rules: Readonly<Record<keyof Register, (value: unknown) => boolean>> = {
  machineId: (value) => isText(value) && machineIdPattern.test(value),
  generation: isGeneration,
  nonce: (value) => isText(value) && value !== "",
  who: isText,
  address: isText,
  when: (value) => isText(value) && /^\d{4}-\d\d-\d\dT/.test(value),
  ended: (value) => typeof value === "boolean",
};

/** The first field that is not what a register holds, for people; undefined if all are well. */
export function registerFault(fields: object): string | undefined {
  for (const [name, rule] of Object.entries(rules)) {
    const value = (fields as Readonly<Record<string, unknown>>)[name];
    if (!rule(value)) return `${name} is ${show(value)}`;
  }
  return undefined;
}

/** Whether this is the number of a generation: 1 and up. */
export function isGeneration(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}

/** A damaged value in a message: not longer than a line. */
function show(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 60);
}
