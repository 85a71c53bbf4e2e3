/**
 * Deliberate bugs around divergences, their healing, and the outputs that a state brings. As in mutants.ts.
 */
import { edit, type Mutant } from "./mutant.ts";

const primary = "protocol/primary.ts";
const backup = "protocol/backup.ts";

/** See the top of the file. */
export const HEALING_MUTANTS: readonly Mutant[] = [
  {
    name: "the outputs that come with a state are not kept",
    edits: [
      edit(
        backup,
        "    this.kept.restart();\n    if (!this.#isHealing) return;",
        "    (this as any).forgets = true;\n    this.kept.restart();\n    if (!this.#isHealing) return;",
      ),
      edit(
        backup,
        '#output(output: Output): void {\n    if (this.#phase === "diverged") return;',
        '#output(output: Output): void {\n    if (this.#phase === "diverged" || (this as any).forgets) return;',
      ),
      edit(
        backup,
        "    this.progress.noteReplayed(sequence, point);",
        "    (this as any).forgets = false;\n    this.progress.noteReplayed(sequence, point);",
      ),
    ],
  },
  {
    name: "a state does not replace what was kept before",
    edits: [edit(backup, "this.kept.restart();", "")],
  },
  {
    name: "outputs are performed between a divergence and its healing",
    edits: [edit(
      primary,
      'this.#mode = "healing";\n    this.gate.releaseThrough(-1);',
      'this.#mode = "healing";\n    this.gate.releaseThrough(Infinity);',
    )],
  },
  {
    name: "what was released before a divergence is performed after it",
    edits: [edit(
      primary,
      'this.#mode = "healing";\n    this.gate.releaseThrough(-1);',
      'this.#mode = "healing";',
    )],
  },
  {
    name: "a backup that has diverged claims",
    edits: [
      edit(
        backup,
        "this.#isProtected = this.#isHealing = this.#handover = false;",
        "this.#isHealing = this.#handover = false;",
      ),
    ],
  },
  {
    name: "a backup that has diverged believes what was said before its primary knew",
    edits: [
      edit(
        backup,
        'if (this.#phase === "diverged") return;\n        this.#require(\n          message.stateSequence > 0 && message.stateSequence <= this.progress.replayed,',
        "this.#require(\n          true,",
      ),
    ],
  },
  {
    name: "a healing is over before the state is replayed",
    edits: [edit(
      primary,
      "const session = this.#session;\n    if (session === undefined || frame.session !== session.number) return;",
      'const session = this.#session;\n    if (session === undefined || frame.session !== session.number) return;\n    if (this.#mode === "healing" && frame.completesState) this.#protect(session, frame.sequence);',
    )],
  },
  {
    name: "a primary goes on alone without a claim though its backup may be healed by now",
    edits: [edit(
      primary,
      'if (next.completesState && this.#mode === "healing") session.isProtected = true;',
      "",
    )],
  },
  {
    name: "acks of the old log count for the new one",
    edits: [edit(backup, "this.progress = new ReplayProgress();", "")],
  },
  {
    name: "after a divergence the log goes on as if nothing had been",
    edits: [edit(
      "protocol/healing.ts",
      '{ type: "startLog", session: number, generation },',
      "",
    )],
  },
];
