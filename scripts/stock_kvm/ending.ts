/**
 * What ends a command early: a signal or its own time limit; and the exit code that says so.
 */
import type { Progress } from "./progress.ts";

/** By 128 and its number, a shell knows which signal ended a process. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
/** As timeout(1) says it. */
const TIMED_OUT = 124;

/** The command is to end now, with this exit code. */
export class Ending extends Error {
  constructor(message: string, readonly exitCode: number) {
    super(message);
  }
}

/** Hears what ends a command, until it is disposed of. */
export class EndingWatch implements Disposable {
  readonly #abort = new AbortController();
  readonly #handlers: (readonly [Deno.Signal, () => void])[] = [];
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param timeoutMs undefined: no limit */
  constructor(timeoutMs: number | undefined) {
    for (const [signal, number] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
      const handler = () => this.#abort.abort(new Ending(`ended by ${signal}`, 128 + number));
      Deno.addSignalListener(signal, handler);
      this.#handlers.push([signal, handler]);
    }
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(
        () => this.#abort.abort(new Ending(`not done after ${timeoutMs / 1000} s`, TIMED_OUT)),
        timeoutMs,
      );
    }
  }

  /** Aborted when the command is to end, with an {@link Ending} as its reason. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What `work` gives. @throws Ending if that is sooner */
  async race<T>(work: Promise<T>): Promise<T> {
    const ended = Promise.withResolvers<never>();
    const onAbort = () => ended.reject(this.signal.reason);
    this.signal.addEventListener("abort", onAbort);
    try {
      this.signal.throwIfAborted();
      return await Promise.race([work, ended.promise]);
    } finally {
      this.signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
  }
}

/**
 * Does what a command is for, unless it is ended before.
 * @param limitMs undefined: as long as it takes
 * @returns the exit code: the work's, or the ending's
 */
export async function withinLimit(
  limitMs: number | undefined,
  progress: Progress,
  work: (watch: EndingWatch) => Promise<number>,
): Promise<number> {
  using watch = new EndingWatch(limitMs);
  try {
    return await work(watch);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    progress(error.message);
    return error.exitCode;
  }
}
