/**
 * Deliberate bugs in a state transfer in rounds: in what it asks of the protocol, and in what the machine's thread has
 * to do for it (the simulation's, as in mutants_states.ts). A part of mutants.ts.
 */
import { edit, type Mutant } from "./mutant.ts";

const primary = "protocol/primary.ts";
const session = "protocol/primary_session.ts";
const recorder = "tests/simulation/recorder.ts";

/** All of them. */
export const TRANSFER_MUTANTS: readonly Mutant[] = [
  {
    name: "the window of a state's pages is not kept to",
    edits: [
      edit(session, "this.#unappliedBytes < this.rules.pageWindowBytes ?", "true ?"),
    ],
  },
  {
    name: "log that is ahead of a state's last pages does not wait for them",
    edits: [
      edit(
        "protocol/frame_order.ts",
        "if (frame.sequence !== this.#last + 1) {",
        "if (frame.sequence !== this.#last + 1 && false) {",
      ),
    ],
  },
  {
    name: "pages of a session that is over go to the next one",
    edits: [
      edit(
        primary,
        "if (session === undefined || frame.session !== session.number) return;",
        "if (session === undefined) return;",
      ),
    ],
  },
  {
    name: "what main was told last, and has not sent, is not copied out in the end",
    edits: [
      edit(recorder, "new Set([...transfer.toSend, ...taken(", "new Set([...taken("),
    ],
  },
  {
    name: "what was written since main was told last is not copied out in the end",
    edits: [
      edit(
        recorder,
        "new Set([...transfer.toSend, ...taken(transfer.written)])",
        "new Set(transfer.toSend)",
      ),
    ],
  },
  {
    name: "who listened for the transfer listens no more when the log goes on",
    edits: [
      edit(
        recorder,
        "written: transfer.written,\n    };",
        "written: transfer.written,\n    };\n    machine.forget(transfer.written);",
      ),
    ],
  },
  {
    name: "what was written between the transfer and the log's first state is in neither",
    edits: [
      edit(recorder, "written: transfer.written,", "written: new Set<number>(),"),
      edit(
        recorder,
        "log.base = this.#mark();",
        "log.base = this.#mark();\n    Object.assign(log, { written: machine.listen() });",
      ),
    ],
  },
];
