/**
 * Deliberate bugs in what a state transfer in rounds asks of the protocol: a part of mutants.ts.
 */
import { edit, type Mutant } from "./mutant.ts";

const primary = "protocol/primary.ts";
const session = "protocol/primary_session.ts";

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
];
