/**
 * A backup's vCPU thread: replays frames into its own machine, and checks at the end of each that the
 * machine is the recorded one. What backup/replayer.ts does, at the pace of the simulation.
 */
import { FrameDecoder, type LogEvent } from "../../codec/codec.ts";
import type { Divergence } from "../../protocol/backup.ts";
import type { Output } from "../../protocol/output_gate.ts";
import type { Random } from "../support/random.ts";
import type { StagedState } from "../../protocol/staged_state.ts";
import { MEMORY_PAGES, PAGE_SECTION_BYTES, SimMachine, SimSection } from "./machine.ts";
import type { SimProcess } from "./process.ts";

/** What it tells main. */
export type ReplayNotice =
  | { readonly type: "output"; readonly output: Output }
  | { readonly type: "replayed"; readonly sequence: number; readonly point: number }
  | { readonly type: "state" }
  | { readonly type: "drained" }
  | { readonly type: "renewed"; readonly hashes?: Uint8Array }
  | { readonly type: "diverged"; readonly divergence: Divergence };

/** One for all: a frame is read at one go. */
const decoder = new FrameDecoder();

/** See the top of the file. */
export class SimReplayer {
  machine = new SimMachine();
  /** The machine has the state that the log begins with: before that it is none. */
  isWhole = false;
  #frames: Uint8Array[] = [];
  /** What of a state has come, in the middle of a log. */
  #staged: StagedState;
  #event: LogEvent | undefined;
  #isDraining = false;
  #isRenewing = false;
  #hasStopped = false;
  #isScheduled = false;

  /** @param tell main takes these one after the other */
  constructor(
    private readonly process: SimProcess,
    private readonly random: Random,
    private readonly tell: (notices: readonly ReplayNotice[]) => void,
  ) {
    this.#staged = this.#emptyState();
  }

  #emptyState(): StagedState {
    return new this.process.world.code.StagedState(MEMORY_PAGES * PAGE_SECTION_BYTES);
  }

  /** A frame to replay. */
  feed(bytes: Uint8Array): void {
    this.#frames.push(bytes);
    this.#schedule();
  }

  /** Nothing follows on what it has. */
  drain(): void {
    this.#isDraining = true;
    this.#schedule();
  }

  /** Nothing of what it has is of use: a state follows. */
  renew(): void {
    this.#isRenewing = true;
    this.#hasStopped = this.#isDraining = false;
    this.#schedule();
  }

  /** Its session is over. */
  stop(): void {
    this.#hasStopped = true;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#hasStopped) return;
    this.#isScheduled = true;
    const { world } = this.process;
    const delayMs = world.config.replayMs * (0.1 + this.random.below(100) / 50);
    world.scheduler.after(delayMs, () => this.process.onThread(() => this.#run()));
  }

  #run(): void {
    this.#isScheduled = false;
    if (this.#hasStopped) return;
    if (this.#isRenewing) {
      this.#isRenewing = this.isWhole = false;
      this.#frames = [];
      this.#staged = this.#emptyState();
      return this.tell([{ type: "renewed", ...this.#renewed() }]);
    }
    const frame = this.#frames.shift();
    if (frame !== undefined) this.tell(this.#replay(frame));
    else if (this.#isDraining) {
      this.#hasStopped = true;
      return this.tell([{ type: "drained" }]);
    }
    if (this.#frames.length > 0 || this.#isDraining) this.#schedule();
  }

  /** Another machine, with the memory of this one, whose pages are their own hashes; or with nothing. */
  #renewed(): { readonly hashes?: Uint8Array } {
    const { memory } = this.machine;
    this.machine = new SimMachine();
    if (this.random.below(4) === 0) return {};
    this.machine.memory.set(memory);
    const hashes = new Uint32Array(2 * memory.length);
    for (const [page, value] of memory.entries()) hashes[2 * page] = value;
    return { hashes: new Uint8Array(hashes.buffer) };
  }

  #replay(bytes: Uint8Array): ReplayNotice[] {
    const { machine } = this;
    const notices: ReplayNotice[] = [];
    const { sequence, through, exitsChecksum, outputsChecksum } = decoder.open(bytes);
    this.#event = decoder.next();
    while (!this.isWhole && this.#event?.kind === "state") {
      machine.enter(this.#event);
      if (this.#event.section === SimSection.rest) {
        this.isWhole = true;
        notices.push({ type: "state" });
        for (const output of machine.undone) notices.push({ type: "output", output });
      }
      this.#event = decoder.next();
    }
    this.#takeStates(notices);
    while (this.isWhole && machine.point < through) {
      machine.run();
      this.#letEnter();
      const output = machine.serve();
      if (output !== undefined) notices.push({ type: "output", output });
      this.#takeStates(notices);
    }
    this.#letEnter();
    const { point, digest, outputsHash } = machine;
    const isEqual = exitsChecksum === digest && outputsChecksum === outputsHash;
    if (!this.isWhole || isEqual && this.#event === undefined) {
      notices.push({ type: "replayed", sequence, point });
      return notices;
    }
    this.#hasStopped = true;
    const recorded = `${exitsChecksum}`;
    const divergence = { point, place: "digest", recorded, replayed: `${digest}` };
    notices.push({ type: "diverged", divergence });
    return notices;
  }

  /** Gathers the state that applies where the machine stands, and applies it once it is whole. */
  #takeStates(notices: ReplayNotice[]): void {
    const { machine } = this;
    for (;;) {
      const event = this.#event;
      if (event?.kind !== "state" || event.point !== machine.point) return;
      if (event.section === SimSection.pages) this.#staged.addPages(event.bytes);
      else if (event.section === SimSection.output) this.#staged.addOutput(event.bytes);
      else {
        const before = [...machine.offsets];
        for (const pages of this.#staged.takePages()) machine.loadPages(pages);
        machine.load(event.bytes);
        const { point } = machine;
        for (const output of this.#staged.takeOutputs(before, machine.offsets)) {
          machine.undone.push({ ...output, point });
          notices.push({ type: "output", output: { ...output, point } });
        }
      }
      this.#event = decoder.next();
    }
  }

  /** Lets in what enters where the machine stands. */
  #letEnter(): void {
    for (;;) {
      const event = this.#event;
      if (event === undefined || event.kind === "state" || event.point !== this.machine.point) {
        return;
      }
      this.machine.enter(event);
      this.#event = decoder.next();
    }
  }
}
