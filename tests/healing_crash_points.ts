/**
 * `deno run -A tests/healing_crash_points.ts primary GUEST ...`: a primary that kills itself (SIGKILL) at a named
 * moment of a healing. Otherwise it is `understudy primary`, with the same arguments.
 *
 * The environment variable HEALING_CRASH names the moment. Started by healing_crash_test.ts.
 */
import { runMain } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../base/errors.ts";
import { primaryCommand } from "../primary/command.ts";
import type { Interposer } from "../primary/primary_side.ts";
import type { PrimaryEffect, PrimaryInput } from "../protocol/primary.ts";

/** Says how far the healing of the first divergence is, and does not survive the chosen moment. */
class Crash implements Interposer {
  readonly #moment = Deno.env.get("HEALING_CRASH");
  /** A divergence has been heard of. */
  #hasDiverged = false;
  /** The state that heals it has been replayed. */
  #isAcknowledged = false;
  /** The frame that makes it whole. */
  #stateSequence = Infinity;

  input(input: PrimaryInput): void {
    if (input.type !== "message") return;
    if (input.message.type === "diverged") {
      this.#hasDiverged = true;
      this.#isAcknowledged = false;
      this.#stateSequence = Infinity;
      this.#pass("divergence not taken in");
    }
    const { message } = input;
    if (message.type === "ack" && this.#hasDiverged && message.replayed >= this.#stateSequence) {
      this.#isAcknowledged = true;
      this.#pass("state acknowledged");
    }
  }

  decided(input: PrimaryInput): void {
    if (input.type !== "message") return;
    if (input.message.type === "diverged") this.#pass("divergence taken in");
    if (input.message.type === "renew") this.#pass("state asked for");
  }

  before(effect: PrimaryEffect): void {
    if (effect.type !== "perform" || !this.#hasDiverged) return;
    if (!this.#isAcknowledged) say("PERFORMED WHILE HEALING");
    this.#pass("before the first output");
  }

  after(effect: PrimaryEffect): void {
    if (effect.type === "sendFrame" && this.#hasDiverged) {
      if (effect.frame.completesState) this.#stateSequence = effect.frame.sequence;
      else this.#pass("state half sent");
    }
    if (effect.type === "perform" && this.#hasDiverged) this.#pass("after the first output");
  }

  #pass(moment: string): void {
    if (moment !== this.#moment) return;
    say(`crash point: ${moment}`);
    Deno.kill(Deno.pid, "SIGKILL");
    // The signal ends this thread before the call returns to it, or as soon as the system gets to it.
    for (;;);
  }
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

await runMain(async () => {
  let code: ExitCodeValue = ExitCode.ok;
  const primary = primaryCommand((result) => code = result, new Crash());
  await primary.parseAsync(Deno.args.slice(1), { from: "user" });
  return code;
});
