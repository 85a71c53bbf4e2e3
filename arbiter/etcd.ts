/**
 * The arbiter in an etcd: `etcd:https://HOST:PORT,...`, one key a generation.
 *
 *     PREFIX/MACHINE/GENERATION     the register, as `file.ts` stores it; there, or not there
 *
 * The generation has 16 digits, so that the order of keys is the order of generations. A claim is one
 * transaction: put the key if it was never created (`create_revision` is 0) and the generation before was;
 * otherwise tell what both hold. etcd puts it through its consensus, so it is decided once, for all members,
 * and survives the loss of a minority of them.
 *
 * An answer that is lost (a timeout, a connection that ended, an error of a server that was stopped on its
 * way) proves nothing: the transaction may have been carried out, or may yet be. So the key is read, and
 * own nonce means won. All readings are linearizable: a member without quorum can't answer them. For the same
 * reason it does no harm if one claim reaches two members: the second transaction finds the first one's key,
 * with its own nonce.
 *
 * That the generation before must be there is to tell an etcd that has lost its data, or is another one, from
 * the arbiter.
 */
import { assert } from "../base/assert.ts";
import { PeerError, UnavailableError, UsageError } from "../base/errors.ts";
import {
  type Arbiter,
  checkMachineId,
  type ClaimResult,
  formatRegister,
  isGeneration,
  parseRegister,
  type Register,
  registerFault,
} from "./arbiter.ts";
import { EtcdMembers, isOfEtcd } from "./etcd_members.ts";
import {
  createRequest,
  type Entry,
  lastRequest,
  parseRange,
  parseTxn,
  readRequest,
  type TxnAnswer,
} from "./etcd_messages.ts";
import type { EtcdSpec } from "./etcd_spec.ts";

const digits = String(Number.MAX_SAFE_INTEGER).length;

/** Who is asked. */
export type Members = Pick<EtcdMembers, "ask" | "close">;

/** See the top of the file. Made by `openArbiter`. */
export class EtcdArbiter implements Arbiter {
  readonly #members: Members;
  readonly #prefix: string;
  readonly #name: string;

  /** Reads the files of TLS; touches nothing else yet. @param members the simulation has its own
   * @throws what {@link EtcdMembers} throws */
  constructor(spec: EtcdSpec, members?: Members) {
    this.#name = `arbiter ${spec.text}`;
    this.#prefix = spec.prefix;
    this.#members = members ?? new EtcdMembers(spec, this.#name);
  }

  /** The interface's `claim`. */
  async claim(register: Register): Promise<ClaimResult> {
    checkMachineId(register.machineId);
    const fault = registerFault(register);
    if (fault !== undefined) throw new UsageError(`a register to claim: ${fault}`);
    let trouble: Error;
    try {
      return this.#judge(register, await this.#create(register));
    } catch (error) {
      if (!isOfEtcd(error)) throw error;
      trouble = error;
    }
    try {
      const holder = await this.read(register.machineId, register.generation);
      if (holder !== undefined) return outcome(register, holder);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return { kind: "unreachable", why: trouble.message };
    }
    if (trouble instanceof PeerError) throw trouble;
    return { kind: "unreachable", why: trouble.message };
  }

  /** The interface's `read`. */
  async read(machineId: string, generation: number): Promise<Register | undefined> {
    const key = this.#key(machineId, generation);
    const found = await this.#members.ask("kv/range", readRequest(key), parseRange);
    return this.#register(found, machineId, generation);
  }

  /** The interface's `latest`. */
  async latest(machineId: string): Promise<Register | undefined> {
    const request = lastRequest(this.#key(machineId, 1), `${this.#directory(machineId)}:`);
    const found = await this.#members.ask("kv/range", request, parseRange);
    if (found === undefined) return undefined;
    const generation = Number(found.key.slice(-digits));
    if (!isGeneration(generation)) {
      throw new PeerError(`${this.#name}: key ${JSON.stringify(found.key)} is not a register's`);
    }
    return this.#register(found, machineId, generation);
  }

  /** The interface's `probe`: claims anew what was claimed, which changes nothing and needs all that a claim
   * needs: a quorum, room to write, permission. */
  async probe(machineId: string): Promise<void> {
    const latest = await this.latest(machineId);
    if (latest === undefined) {
      throw new UnavailableError(`${this.#name}: knows no machine ${machineId}`);
    }
    await this.#create(latest);
  }

  /** Ends what waits for an answer; nothing else is held. */
  close(): void {
    this.#members.close();
  }

  /** As {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The transaction of a claim; tells of its key and, after the first generation, of the one before. */
  async #create(register: Register): Promise<TxnAnswer> {
    const { machineId, generation } = register;
    const entry = { key: this.#key(machineId, generation), value: formatRegister(register) };
    const needed = generation === 1 ? [] : [this.#key(machineId, generation - 1)];
    const request = createRequest(entry, needed);
    const parse = (answer: string) => parseTxn(answer, 1 + needed.length);
    return await this.#members.ask("kv/txn", request, parse);
  }

  /** What the transaction's answer means. */
  #judge(register: Register, answer: TxnAnswer): ClaimResult {
    if (answer.succeeded) return { kind: "won", register };
    const { machineId, generation } = register;
    const holder = this.#register(answer.found[0], machineId, generation);
    if (holder !== undefined) return outcome(register, holder);
    if (generation === 1 || answer.found[1] !== undefined) {
      throw new PeerError(`${this.#name}: says that a register exists, and that it does not`);
    }
    const before = this.#key(machineId, generation - 1);
    const why =
      `${before} is not there, so this is not the etcd (or the prefix) that the machine ` +
      "was started with, or it has lost its data";
    return { kind: "unreachable", why: `${this.#name}: ${why}` };
  }

  /** The register in what is stored for it. @throws PeerError if it is none, or another one's */
  #register(
    found: Entry | undefined,
    machineId: string,
    generation: number,
  ): Register | undefined {
    if (found === undefined) return undefined;
    const key = this.#key(machineId, generation);
    if (found.key !== key) {
      throw new PeerError(`${this.#name}: tells of ${JSON.stringify(found.key)}, asked for ${key}`);
    }
    return parseRegister(found.value, `${key} of ${this.#name}`, machineId, generation);
  }

  #key(machineId: string, generation: number): string {
    assert(isGeneration(generation), `generation is ${generation}, expected 1 or more`);
    return this.#directory(machineId) + String(generation).padStart(digits, "0");
  }

  #directory(machineId: string): string {
    checkMachineId(machineId);
    return `${this.#prefix}/${machineId}/`;
  }
}

function outcome(register: Register, holder: Register): ClaimResult {
  return holder.nonce === register.nonce
    ? { kind: "won", register: holder }
    : { kind: "lost", holder };
}
