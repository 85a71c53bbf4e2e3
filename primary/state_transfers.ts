/**
 * A primary's state transfers, one after the other: of the backup that joins, and of one that is healed.
 *
 * A session has one at most, and the next one waits until nothing of the one before is left (pre_copy.ts). What a
 * backup that is to be healed tells of its memory is gathered here until its transfer begins.
 *
 * Called by primary_side.ts.
 */
import { PageHashes } from "../machine/page_hashes.ts";
import { RecordKind } from "../machine/records.ts";
import type { VcpuThread } from "../machine/vcpu_thread.ts";
import type { PrimaryInput, PrimaryProtocol } from "../protocol/primary.ts";
import { PreCopy } from "./pre_copy.ts";
import type { TransferAnswer } from "./pre_copy_parts.ts";
import type { LogRules, RecorderCommand } from "./recorder_messages.ts";

/** What they need of the primary. */
export interface StateTransfersParts {
  readonly protocol: PrimaryProtocol;
  readonly thread: VcpuThread;
  /** How a log that begins now is kept. */
  readonly logRules: () => LogRules;
  step(input: PrimaryInput): void;
  tell(command: RecorderCommand): void;
  /** What no side can go on from. */
  fail(error: Error): void;
}

/** See the top of the file. */
export class StateTransfers {
  readonly #parts: StateTransfersParts;
  /** The present session's, or the last one. */
  #transfer: PreCopy | undefined;
  #session = 0;
  /** What the backup that gets the next state has of the machine's memory; undefined: it is all zero. */
  #known: PageHashes | undefined;

  constructor(parts: StateTransfersParts) {
    this.#parts = parts;
  }

  /** The share of time in which the guest is to pause for the present one. */
  get share(): number {
    return this.#transfer?.share ?? 0;
  }

  /** Figures of the present or the last one, for the status address. */
  status(): Record<string, unknown> | undefined {
    return this.#transfer?.status();
  }

  /** What the backup that gets the next state has of the next pages: two u32 of hash each. */
  know(hashes: Uint8Array): void {
    const { thread } = this.#parts;
    this.#known ??= new PageHashes(thread.memory!.pages);
    this.#known.add(hashes);
    // The thread has digested most of its pages already.
    void thread.write(RecordKind.hashes, hashes);
  }

  /** A session's log begins, with the machine's state. */
  start({ session, generation }: { session: number; generation: number }): void {
    const { protocol, logRules, ...parts } = this.#parts;
    const { gate, rules } = protocol;
    this.#session = session;
    this.#transfer = new PreCopy({
      ...parts,
      session,
      generation,
      rules: logRules,
      room: () => protocol.session?.pageRoomBytes ?? 0,
      unappliedBytes: () => protocol.session?.unappliedBytes ?? 0,
      // Unless it is healed, nothing is held until the state is whole.
      mustStand: () => protocol.mode === "healing" && gate.heldBytes >= rules.heldBytesMax,
      known: this.#known,
    }, this.#transfer);
    this.#known = undefined;
  }

  /** The session is over, and so is its log. */
  stop(): void {
    this.#transfer?.stop();
    this.#known = undefined;
    const heals = this.#parts.protocol.session?.awaitsRenewal === true;
    this.#parts.tell({ type: "stopLog", session: this.#session, heals });
  }

  /** The vCPU's thread has answered. */
  hear(answer: TransferAnswer): void {
    this.#transfer?.hear(answer);
  }

  /** The vCPU's thread uses nothing of this session any more. */
  noteLogStopped(session: number): void {
    this.#transfer?.noteLogStopped(session);
  }

  /** Time goes by. */
  tick(): void {
    this.#transfer?.tick();
  }

  /** Something has changed: there may be room. */
  wake(): void {
    this.#transfer?.wake();
  }

  /** The side is over: the vCPU's thread is about to be told. */
  breakOff(): void {
    this.#transfer?.stop();
  }

  /** The vCPU's thread has gone. Resolves when nothing of any transfer is left. */
  async end(): Promise<void> {
    this.#transfer?.noteGone();
    await this.#transfer?.done;
  }
}
