/**
 * Logs states in the middle of a session: what has changed since the last one, instead of the events that led there.
 *
 * A state event stands at the execution point at which the backup has to be to take it, and its last section says
 * at which point the machine then is. The backup does not run what is in between:
 *
 * ```
 *   a forced point   ── events ── P ┃ state: PAGES ... MACHINE, at P ┃ P+1 ── events ──
 *   checkpoint mode  N ┃ state: PAGES ... OUTPUTS ... MACHINE, at N ┃ N' ┃ state, at N' ┃ N" ...
 * ```
 *
 * A frame ends before a state (┃): what was replayed up to there is compared with what was recorded, which the
 * state would hide. A large state takes several frames. Until the last one the log is complete up to where the backup stands, and
 * the frames' headers say so: an ack of a part of a state releases nothing that comes after it, and a backup
 * that has only a part goes on from there as if there were none.
 *
 * Used by session_log.ts, one for each session.
 */
import type { DirtyListener } from "../machine/dirty_set.ts";
import { forEachPage } from "../machine/guest_memory.ts";
import type { Machine } from "../machine/machine.ts";
import { capturePages, captureRest, type Section, StateSection } from "../machine/state.ts";
import { encodeStateOutput, type StateOutput } from "../codec/state_output.ts";
import { stateFrameBytes } from "../base/limits.ts";
import type { LogMark, LogWriter } from "./log_writer.ts";

/** See the top of the file. */
export class StateLogger implements Disposable {
  readonly #bitmap: Uint8Array<ArrayBuffer>;
  /** Where the last state led to. */
  #through: number;

  /**
   * To be made where a session's first state has just been captured.
   * @param dirty what has been written since; disposed of with this
   */
  constructor(
    machine: Machine,
    private readonly log: LogWriter,
    private readonly dirty: DirtyListener,
  ) {
    this.#bitmap = new Uint8Array(machine.memory.pages / 8);
    this.#through = machine.point;
  }

  /**
   * Logs the machine's state as it is now; its last section is in the open frame. No instruction may be pending.
   * @param from where the backup stands when it takes it
   * @param outputs what was put out since `from`
   * @param ranUs how long the guest has run, in microseconds
   */
  write(machine: Machine, from: LogMark, outputs: readonly StateOutput[], ranUs: number): void {
    if (this.log.openEvents > 0 || from.through > this.#through) this.log.close(from, ranUs);
    this.#through = machine.point;
    this.dirty.take(this.#bitmap);
    const pages: number[] = [];
    forEachPage(this.#bitmap, (page) => pages.push(page));
    for (const section of capturePages(machine.memory, pages)) this.#add(section, from, ranUs);
    for (const output of outputs) {
      this.#add({ section: StateSection.outputs, bytes: encodeStateOutput(output) }, from, ranUs);
    }
    this.#add(captureRest(machine), from, ranUs);
  }

  #add({ section, bytes }: Section, from: LogMark, ranUs: number): void {
    const { openBytes } = this.log;
    if (openBytes > 0 && openBytes + bytes.length > stateFrameBytes) this.log.close(from, ranUs);
    this.log.state(from.through, section, bytes);
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    this.dirty[Symbol.dispose]();
  }
}
