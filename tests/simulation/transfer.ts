/**
 * Main's part of a state transfer in rounds: what primary/pre_copy.ts does, at the pace of the simulation. It reads
 * the machine's memory while that runs, gives the protocol frames with pages as it takes them, and stops the
 * machine for the last ones.
 */
import { FrameEncoder } from "../../codec/codec.ts";
import type { Random } from "../support/random.ts";
import { encodePages, MEMORY_PAGES, type Page, SimSection } from "./machine.ts";
import type { PrimaryRole } from "./primary_role.ts";

/** What the machine's thread answers. */
export type TransferAnswer =
  | { readonly type: "copying"; readonly session: number }
  | { readonly type: "dirty"; readonly session: number; readonly pages: readonly number[] }
  | { readonly type: "staged"; readonly session: number; readonly pages: readonly Page[] };

/** What it is for. */
interface SimTransferLog {
  readonly session: number;
  readonly generation: number;
  /** What the backup has of the memory: two words a page; undefined: zeros. */
  readonly known: Uint32Array | undefined;
}

/** One for all: a frame is encoded at one go. */
const encoder = new FrameEncoder();

/** See the top of the file. */
export class SimTransfer {
  readonly #pagesPerFrame: number;
  /** Rounds after the first one. */
  #rounds: number;
  #round = 0;
  #sequence = 0;
  #inputOffset = 0;
  /** Read when they are sent. */
  #pages: number[] = [];
  /** Read already. */
  #staged: Page[] | undefined;
  /** There is something to send, or to ask for. */
  #isSending = false;
  #isScheduled = false;
  #isOver = false;
  #isStanding = false;

  constructor(
    private readonly role: PrimaryRole,
    private readonly log: SimTransferLog,
    private readonly random: Random,
  ) {
    this.#pagesPerFrame = 1 + random.below(3);
    this.#rounds = random.below(4);
    role.recorder.command({ type: "copy", session: log.session });
  }

  /** The machine's thread has answered. */
  hear(answer: TransferAnswer): void {
    if (answer.session !== this.log.session || this.#isOver) return;
    const { memory } = this.role.machine;
    const { known } = this.log;
    if (answer.type === "staged") this.#staged = [...answer.pages];
    else if (answer.type === "dirty") this.#pages = [...answer.pages];
    else {
      this.#pages = [...memory.keys()].filter((page) => memory[page] !== (known?.[2 * page] ?? 0));
    }
    if (answer.type === "dirty" && --this.#rounds < 0) return this.#stopMachine();
    this.#report();
    this.#isSending = true;
    this.wake();
  }

  /** There may be room. A machine that is healed stands still once too much of its output is held. */
  wake(): void {
    const { mode, gate, rules } = this.role.protocol;
    const mustStand = mode === "healing" && gate.heldBytes >= rules.heldBytesMax;
    if (mustStand && !this.#isStanding && !this.#isOver) {
      this.#isStanding = true;
      this.role.recorder.command({ type: "pause" });
    }
    if (!this.#isSending || this.#isScheduled || this.#isOver) return;
    this.#isScheduled = true;
    const { process } = this.role;
    const delayMs = process.world.config.transferMs * (0.1 + this.random.below(100) / 50);
    process.world.scheduler.after(delayMs, () => process.onMain(() => this.#run()));
  }

  /** The session is over, or nothing of the state is left to be sent. */
  stop(): void {
    this.#isOver = true;
    if (this.#isStanding) this.role.recorder.command({ type: "resume" });
    this.#isStanding = false;
  }

  #run(): void {
    this.#isScheduled = false;
    if (this.#isOver || !this.role.protocol.session?.pageRoomBytes) return;
    if (this.#staged !== undefined) {
      const pages = this.#staged.splice(0, this.#pagesPerFrame);
      this.#isSending = this.#staged.length > 0;
      if (pages.length > 0) this.#send(pages);
      if (!this.#isSending) this.stop();
    } else if (this.#pages.length > 0) {
      const { machine } = this.role;
      this.#inputOffset = machine.received;
      this.#send(machine.read(this.#pages.splice(0, this.#pagesPerFrame)));
    } else {
      this.#isSending = false;
      this.#round++;
      return this.role.recorder.command({ type: "takeDirty", session: this.log.session });
    }
    this.wake();
  }

  #stopMachine(): void {
    const { session, generation } = this.log;
    const lastRound = { sequence: this.#sequence, pagesPerFrame: this.#pagesPerFrame };
    const { checkpointing } = this.role.protocol.rules;
    const start = { type: "startLog" as const, session, generation, checkpointing, lastRound };
    this.role.recorder.command(start);
  }

  #send(pages: readonly Page[]): void {
    const { session, generation } = this.log;
    const sequence = ++this.#sequence;
    encoder.state(0, SimSection.pages, encodePages(pages));
    const closing = { generation, sequence, through: 0, exitsChecksum: 0, outputsChecksum: 0 };
    const bytes = encoder.close(closing);
    const frame = { session, sequence, through: 0, inputOffset: this.#inputOffset, ranUs: 0 };
    this.role.step({ type: "pages", frame: { ...frame, completesState: false, bytes } });
  }

  #report(): void {
    const transfer = {
      round: this.#round,
      sentBytes: this.#sequence * this.#pagesPerFrame,
      leftBytes: Math.min(MEMORY_PAGES, this.#staged?.length ?? this.#pages.length),
      pauseShare: 0,
      stopUs: 0,
    };
    this.role.step({ type: "transfer", session: this.log.session, transfer });
  }
}
