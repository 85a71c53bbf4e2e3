/**
 * `deno run -A tests/crash_points.ts primary GUEST ...`: a primary that kills itself (SIGKILL) at a named
 * step of the commit protocol. Otherwise it is `understudy primary`, with the same arguments.
 *
 * The environment says where: tests/support/pair_steps.ts. Started by the tests of whole pairs.
 */
import { runMain } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../base/errors.ts";
import { primaryCommand } from "../primary/command.ts";
import type { Interposer } from "../primary/primary_side.ts";
import type { PrimaryEffect, PrimaryInput } from "../protocol/primary.ts";
import {
  CRASH_POINTS,
  type CrashFrom,
  type CrashPoint,
  type CrashPointName,
  CrashVariable,
  type Moment,
  type Subject,
} from "./support/pair_steps.ts";

/** Counts a step's occurrences from the chosen moment on, and does not survive the chosen one. */
class Crash implements Interposer {
  readonly #point: CrashPoint;
  readonly #name: CrashPointName;
  #left: number;
  readonly #settledMs: number;
  readonly #from: CrashFrom;
  #isCounting = false;
  #received = 0;
  #noticeAtMs = -Infinity;

  constructor() {
    this.#name = Deno.env.get(CrashVariable.point) as CrashPointName;
    this.#point = CRASH_POINTS[this.#name];
    this.#left = Number(Deno.env.get(CrashVariable.count));
    this.#settledMs = Number(Deno.env.get(CrashVariable.settledMs));
    this.#from = Deno.env.get(CrashVariable.from) as CrashFrom;
    Deno.addSignalListener("SIGUSR1", () => this.#isCounting = true);
  }

  input(input: PrimaryInput): void {
    this.#pass("input", this.#subjectOfInput(input));
  }

  decided(input: PrimaryInput): void {
    this.#pass("decided", this.#subjectOfInput(input));
    if (input.type === "message" && input.message.type === "ack") {
      this.#received = input.message.received;
    }
  }

  before(effect: PrimaryEffect): void {
    this.#pass("before", subjectOfEffect(effect));
  }

  after(effect: PrimaryEffect): void {
    const subject = subjectOfEffect(effect);
    this.#pass("after", subject);
    if (subject === "notice") this.#noticeAtMs = performance.now();
    const isProtected = effect.type === "send" && effect.message.type === "protected";
    if (isProtected && this.#from === "protection") this.#isCounting = true;
  }

  /** Acks that are no more than a sign of life are no step of the commit protocol. */
  #subjectOfInput(input: PrimaryInput): Subject | undefined {
    if (input.type === "frame") return "append";
    if (input.type === "performed") return "performed";
    const isNews = input.type === "message" && input.message.type === "ack" &&
      input.message.received > this.#received;
    return isNews ? "ack" : undefined;
  }

  #pass(moment: Moment, subject: Subject | undefined): void {
    if (!this.#isCounting || moment !== this.#point.moment || subject !== this.#point.subject) {
      return;
    }
    if (performance.now() - this.#noticeAtMs < this.#settledMs) return;
    if (--this.#left !== 0) return;
    if (this.#point.nextTurn === true) setTimeout(() => this.#die(), 0);
    else this.#die();
  }

  #die(): void {
    Deno.stderr.writeSync(new TextEncoder().encode(`crash point: ${this.#name}\n`));
    Deno.kill(Deno.pid, "SIGKILL");
    // The signal ends this thread before the call returns to it, or as soon as the system gets to it.
    for (;;);
  }
}

function subjectOfEffect(effect: PrimaryEffect): Subject | undefined {
  if (effect.type === "sendFrame") return "send";
  if (effect.type === "perform") return "perform";
  return effect.type === "send" && effect.message.type === "done" ? "notice" : undefined;
}

await runMain(async () => {
  let code: ExitCodeValue = ExitCode.ok;
  const primary = primaryCommand((result) => code = result, new Crash());
  await primary.parseAsync(Deno.args.slice(1), { from: "user" });
  return code;
});
