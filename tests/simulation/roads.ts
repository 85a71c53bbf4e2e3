/**
 * A host's road to the arbiter, and the registers at its end.
 *
 * A road can be slow, blocked (operations fail, or hang until it is free), or treacherous: an operation
 * fails for its caller and is carried out all the same, before that or after.
 */
import { parseRegister, type Register } from "../../arbiter/arbiter.ts";
import type { Random } from "../support/random.ts";
import { MACHINE_ID, type SimProcess } from "./process.ts";

/** How a host reaches the arbiter. */
export type Road = "free" | "slow" | "failing" | "hanging" | "treacherous";

/** The registers as everybody could read them, whatever the arbiter keeps them in; by generation. */
export class Registers extends Map<number, Register> {
  /** A register has come into being, as this text. */
  note(text: string): void {
    const { generation } = JSON.parse(text);
    this.set(generation, parseRegister(text, "simulated", MACHINE_ID, generation));
  }
}

/** What becomes of an operation's answer. */
interface Journey {
  /** The failure that the caller hears of if it does not hear the answer. */
  failure(): Error;
  /** How long it takes the caller to give up, in milliseconds; undefined: it waits for ever. */
  readonly patienceMs: number | undefined;
}

/** One process on its way to the arbiter. */
export class Traveller {
  constructor(
    private readonly process: SimProcess,
    private readonly random: Random,
    private readonly journey: Journey,
  ) {}

  /** Has an operation carried out at the arbiter, as its host's road lets it. */
  operate<T>(action: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { world } = this.process;
    let isAnswered = false;
    const answer = (settle: () => void) => {
      if (isAnswered) return;
      isAnswered = true;
      this.process.onMain(() => {
        settle();
        world.promises.noteSettled();
      });
    };
    const arrive = (isHeard: boolean) => {
      const result = attempt(action);
      if (!isHeard) return;
      const settle = () => "error" in result ? reject(result.error) : resolve(result.value);
      world.scheduler.after(0.1, () => answer(settle));
    };
    const fail = () => answer(() => reject(this.journey.failure()));
    world.promises.noteWait();
    this.#travel(arrive, fail);
    return promise;
  }

  #travel(arrive: (isHeard: boolean) => void, fail: () => void): void {
    const { random, journey: { patienceMs }, process: { host, world: { scheduler, config } } } =
      this;
    const fastMs = 0.4 + random.below(100) / 100;
    if (patienceMs !== undefined && host.road !== "free") scheduler.after(patienceMs, fail);
    switch (host.road) {
      case "free":
        return scheduler.after(fastMs, () => arrive(true));
      case "slow":
        return scheduler.after(fastMs + random.below(2 * config.timeoutMs), () => arrive(true));
      case "failing":
        return scheduler.after(fastMs, fail);
      case "hanging":
        host.hanging.push(() => scheduler.after(fastMs, () => arrive(true)));
        return;
      case "treacherous": {
        const fate = random.below(4);
        if (fate === 0) return scheduler.after(fastMs, () => arrive(true));
        if (fate === 1) scheduler.after(fastMs / 2, () => arrive(false));
        if (fate === 2) scheduler.after(random.below(2 * config.timeoutMs), () => arrive(false));
        scheduler.after(fastMs, fail);
      }
    }
  }
}

function attempt<T>(action: () => T): { value: T } | { error: unknown } {
  try {
    return { value: action() };
  } catch (error) {
    return { error };
  }
}
