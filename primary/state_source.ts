/**
 * The machine's thread's part of state transfers, one after the other: what has to be counted and copied while main
 * sends pages (transfer_capture.ts), the state that is left for the session's log, and how long the machine stood.
 *
 * Used by the recorder.
 */
import { HostClock } from "../ffi/host_clock.ts";
import { inHaste } from "../ffi/priority.ts";
import { stopHaste } from "../base/limits.ts";
import type { Machine } from "../machine/machine.ts";
import { encodeMessageRecord, RecordKind, writeDirty } from "../machine/records.ts";
import type { Ring } from "../machine/ring.ts";
import { type FirstState, wholeState } from "./first_state.ts";
import { PageKnowledge } from "./page_knowledge.ts";
import type { RecorderCommand, RecorderNotice, StartLog } from "./recorder_messages.ts";
import { TransferCapture } from "./transfer_capture.ts";

/** See the top of the file. */
export class StateSource {
  readonly pages: PageKnowledge;
  /** A state is being transferred while the guest runs. */
  #transfer: TransferCapture | undefined;
  /** Since main wanted the machine to stop for the rest of it. */
  #stopClock = new HostClock();

  /** @param notices where main hears of it */
  constructor(private readonly machine: Machine, private readonly notices: Ring) {
    this.pages = new PageKnowledge(machine);
  }

  /** From now on main copies pages; the next state is this session's. */
  copy({ session, isKnown }: RecorderCommand & { type: "copy" }): void {
    this.drop();
    inHaste(stopHaste, () => {
      this.#transfer = new TransferCapture(this.machine, session);
      this.#notice({ type: "copying", session });
      if (isKnown) writeDirty(this.notices, session, this.pages.takeDiffering());
    });
  }

  /** Tells main which pages were written since it was told last. */
  takeDirty(): void {
    inHaste(stopHaste, () => this.#transfer?.takeDirty(this.notices));
  }

  /** The machine is to stop for what is left. */
  stopNow(): void {
    this.#stopClock = new HostClock();
  }

  /** What is left of the state where the machine stands, or all of it. No instruction may be pending. */
  first({ lastRound }: StartLog): FirstState {
    return lastRound === undefined
      ? wholeState(this.machine)
      : this.#transfer!.finish(lastRound, this.notices);
  }

  /** The state is in the log, but for the frame that completes it: from there on the machine goes on. */
  finish({ session }: StartLog): void {
    this.drop();
    const stopUs = Math.round(this.#stopClock.elapsedNs() / 1000);
    this.#notice({ type: "captured", session, stopUs });
  }

  /** The transfer, if there is one, is over. */
  drop(): void {
    this.#transfer?.[Symbol.dispose]();
    this.#transfer = undefined;
  }

  #notice(notice: RecorderNotice): void {
    this.notices.writeBlocking(RecordKind.message, encodeMessageRecord(notice));
  }
}
