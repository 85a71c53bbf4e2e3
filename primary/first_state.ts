/**
 * The state that a session's log begins with, as the machine's thread logs it: all of it, or what is left of it after
 * a transfer in rounds (transfer_capture.ts).
 *
 * A log of states goes on with what has been written since. So whoever listens to the dirty set for it has to do so
 * from a moment on that is not after the one at which the first state's pages were taken: a page that was written
 * in between would be in no state, and nobody would miss it. Hence the listener is a part of the first state.
 *
 * Made by the recorder, used up by session_log.ts.
 */
import type { DirtyListener } from "../machine/dirty_set.ts";
import type { Machine } from "../machine/machine.ts";
import { captureState, type Section } from "../machine/state.ts";

/** See the top of the file. */
export interface FirstState {
  /** The number of the last frame with pages that were sent before: the log's frames come after it. */
  readonly sequence: number;
  /** To be logged before the guest goes on. */
  readonly sections: Iterable<Section>;
  /** Its next `take` has every page that was written since the sections were taken. Whoever gets it disposes of it. */
  readonly dirty: DirtyListener;
}

/** All of the machine's state. No instruction may be pending. */
export function wholeState(machine: Machine): FirstState {
  const dirty = machine.dirty.listen("states in a session", "nothing");
  return { sequence: 0, sections: captureState(machine), dirty };
}
