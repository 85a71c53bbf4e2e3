/**
 * Deliberate bugs about states in the middle of a log: forced points and checkpoint mode.
 *
 * What production's recorder and replayer do with them, the simulation's do in their place (mutate.ts copies those,
 * too), with production's code for what both gather.
 */
import { edit, type Mutant } from "./mutant.ts";

const staged = "protocol/staged_state.ts";
const recorder = "tests/simulation/recorder.ts";
const replayer = "tests/simulation/replayer.ts";

/** All of them. */
export const STATE_MUTANTS: readonly Mutant[] = [
  {
    name: "a state in the log comes without its outputs",
    edits: [
      edit(
        recorder,
        "for (const output of outputs) {\n      this.#state",
        "for (const output of outputs.slice(1)) {\n      this.#state",
      ),
    ],
  },
  {
    name: "the outputs of a state are lost on the backup",
    edits: [edit(staged, "    return outputs;", "    return [];")],
  },
  {
    name: "a forced point takes no ordinal",
    edits: [
      edit(
        recorder,
        "machine.compute(random.below(2 ** 32));\n    machine.point++;",
        "machine.compute(random.below(2 ** 32));",
      ),
    ],
  },
  {
    name: "a page that was written is not in the state",
    edits: [
      edit(
        recorder,
        "machine.read(taken(log.written));",
        "machine.read(taken(log.written).slice(1));",
      ),
    ],
  },
  {
    name: "a part of a state says that the log is complete beyond it",
    edits: [edit(
      recorder,
      "some);\n      if (random.below(4) === 0) this.#frame(from);",
      "some);\n      if (random.below(4) === 0) this.#frame(this.#mark());",
    )],
  },
  {
    name: "a part of a state is applied before the rest has come",
    edits: [
      edit(replayer, "this.#staged.addPages(event.bytes);", "machine.loadPages(event.bytes);"),
    ],
  },
  {
    name:
      "a machine that stands still for its handover logs on, by rules that have changed, and is handed over",
    edits: [
      edit("protocol/handover.ts", "sequence > this.#lastSequence", "sequence < 0"),
      edit(
        recorder,
        "return this.#isPaused ? undefined : this.#keepLog();",
        "return this.#keepLog();",
      ),
    ],
  },
];
