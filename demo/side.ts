/**
 * One side of a pair, seen from outside: what it says on its standard error and at its status address, and how to
 * wait until it has come somewhere. `side_process.ts` is one on this host; the tests have others.
 */
import { UnavailableError } from "../base/errors.ts";

/** What /status says; see docs/CLI.md for the rest of it. */
export interface SideStatus {
  readonly machineId: string | null;
  readonly role: "primary" | "backup";
  readonly generation: number | null;
  readonly mode: string;
  readonly protected: boolean;
  readonly point: number | null;
  readonly divergences: number;
  readonly log: {
    readonly bytes: number;
    /** These only of a primary. */
    readonly events?: number;
    readonly states?: number;
    readonly unreplayedBytes?: number | null;
  };
  readonly outputs: {
    readonly kept: number;
    /** Only of a backup. */
    readonly keptBytes?: number;
    /** These only of a primary. */
    readonly held?: number;
    readonly heldBytes?: number;
    readonly performed?: number;
    readonly performedAtTakeover?: number;
  };
  /** These two only of a primary. */
  readonly executionLagMs?: number | null;
  readonly throttle?: number;
  readonly [further: string]: unknown;
}

/** How long a side may take to get somewhere. It takes a second where two sides start at once; on an
 * emulated host, half a minute. */
const patienceMs = 120_000;
/** Between two looks: so many times what a look took, which is not nothing on an emulated host, within bounds. */
const pause = { times: 8, minMs: 20, maxMs: 500 } as const;

/** See the top of the file. */
export abstract class Side {
  /** @param name for messages */
  constructor(readonly name: string) {}

  /** Its standard error so far, or the last of it. */
  abstract get text(): string;

  /** How it has ended, as a person says it; undefined while it runs. */
  abstract get ending(): string | undefined;

  /** Its figures at this moment. @throws UnavailableError if it does not answer */
  abstract status(): Promise<SideStatus>;

  /** Waits until its standard error has something. @throws UnavailableError if it ends without, or
   * takes more than `timeoutMs` */
  async saying(pattern: RegExp, timeoutMs = patienceMs): Promise<RegExpMatchArray> {
    return await this.until(() => this.text.match(pattern) ?? undefined, `${pattern}`, timeoutMs);
  }

  /** Waits until /status fulfils a condition, and returns it. @throws UnavailableError as `saying` */
  async having(
    condition: (status: SideStatus) => boolean,
    what: string,
    timeoutMs = patienceMs,
  ): Promise<SideStatus> {
    return await this.until(
      async () => {
        const status = await this.status().catch(() => undefined);
        return status !== undefined && condition(status) ? status : undefined;
      },
      what,
      timeoutMs,
    );
  }

  /** Waits until it follows, or is followed. @throws UnavailableError as `saying` */
  protected(timeoutMs = patienceMs): Promise<SideStatus> {
    return this.having((status) => status.protected, "protected", timeoutMs);
  }

  /** Waits until it reigns, as `generation` at least. @throws UnavailableError as `saying` */
  live(generation = 1, timeoutMs = patienceMs): Promise<SideStatus> {
    const isLive = (status: SideStatus) =>
      status.role === "primary" && (status.generation ?? 0) >= generation;
    return this.having(isLive, `live in generation ${generation}`, timeoutMs);
  }

  /** Looks until there is something. */
  async until<T>(
    look: () => T | undefined | Promise<T | undefined>,
    what: string,
    timeoutMs = patienceMs,
  ): Promise<T> {
    for (const endMs = performance.now() + timeoutMs;;) {
      const { ending } = this;
      const startMs = performance.now();
      const found = await look();
      if (found !== undefined) return found;
      if (ending !== undefined || performance.now() > endMs) {
        const how = ending ?? `not within ${timeoutMs} ms`;
        throw new UnavailableError(
          `${this.name}: expected ${what}: ${how}; it said:\n${this.text}`,
        );
      }
      const tookMs = performance.now() - startMs;
      const waitMs = Math.min(pause.maxMs, Math.max(pause.minMs, pause.times * tookMs));
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
