/**
 * Where a backup finds its primary: at a fixed address, or wherever the arbiter's latest register says.
 *
 * A register says who has won, not who lives: one whose holder died stays until somebody wins the next
 * generation. So what is found here is only where to knock. Called by `follow.ts`.
 */
import type { Register } from "../arbiter/arbiter.ts";
import { holderOf } from "../arbiter/claimer.ts";
import { openArbiter } from "../arbiter/open.ts";
import { PeerError, UnavailableError, UsageError } from "../base/errors.ts";
import { type Address, parseAddress } from "../link/address.ts";

/** Where the primary is. */
export type Whereabouts =
  /** `unanswered`: what to add if nobody lets this side join there. */
  | { readonly kind: "at"; readonly address: Address; readonly unanswered: string }
  /** Nowhere that could be connected to now. */
  | { readonly kind: "nowhere"; readonly why: string }
  /** The guest has ended, as somebody saw it live. */
  | { readonly kind: "ended"; readonly why: string };

/** See the top of the file. */
export interface PrimaryFinder extends Disposable {
  /** Asked before each attempt to join. @throws PeerError if a register is malformed */
  find(): Promise<Whereabouts>;
}

/** What is to be known of the side that looks for its primary. */
export interface FinderOptions {
  /** An address, or {@link byArbiter}. */
  readonly primary: string;
  readonly arbiter: string;
  /** The machine; {@link byArbiter} needs it. */
  readonly id: string | undefined;
  /** A reign has been seen: its end is this side's, too. */
  readonly hasSeenReign: boolean;
}

/** What stands for an address: ask the arbiter. */
export const byArbiter = "arbiter";

/**
 * The finder that a command line means.
 * @param own the address that this side's own registers say, empty if it has none
 * @throws UsageError for what is no address, and what {@link openArbiter} throws
 */
export function openFinder(options: FinderOptions, own: string): PrimaryFinder {
  const { primary, id } = options;
  if (primary !== byArbiter) return fixed(parseAddress(primary));
  if (id === undefined) {
    throw new UsageError("--primary arbiter: which machine? Give its id with --id");
  }
  return new ArbiterFinder(options, id, own);
}

function fixed(address: Address): PrimaryFinder {
  return {
    find: () => Promise.resolve({ kind: "at", address, unanswered: "" }),
    [Symbol.dispose]() {},
  };
}

class ArbiterFinder implements PrimaryFinder {
  readonly #arbiter;
  #hasSeenReign: boolean;

  constructor(
    { arbiter, hasSeenReign }: FinderOptions,
    readonly id: string,
    readonly own: string,
  ) {
    this.#arbiter = openArbiter(arbiter);
    this.#hasSeenReign = hasSeenReign;
  }

  async find(): Promise<Whereabouts> {
    let latest: Register | undefined;
    try {
      latest = await this.#arbiter.latest(this.id);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return { kind: "nowhere", why: `the arbiter is out of reach: ${error.message}` };
    }
    if (latest !== undefined && !latest.ended) return this.#knock(latest);
    if (this.#hasSeenReign && latest !== undefined) {
      return {
        kind: "ended",
        why: `the guest has ended, says the register of ${holderOf(latest)}`,
      };
    }
    const past = latest === undefined ? "has never reigned" : "does not reign: its guest has ended";
    return { kind: "nowhere", why: `${this.id} ${past}; waits for a primary` };
  }

  [Symbol.dispose](): void {
    this.#arbiter.close();
  }

  #knock(register: Register): Whereabouts {
    this.#hasSeenReign = true;
    const { generation, address } = register;
    const reign = `generation ${generation} of ${this.id}, ${holderOf(register)},`;
    const otherwise = "if nobody lives there any more the machine's state is lost, and " +
      `--supersede ${generation} starts it anew`;
    if (address === "") {
      return { kind: "nowhere", why: `${reign} can't be joined: it was started without --listen` };
    }
    if (address === this.own) {
      const why =
        `${reign} was this side before it was started again: waits for its backup's takeover`;
      return { kind: "nowhere", why: `${why}; ${otherwise}` };
    }
    const waits = `${reign} reigns: waits for it, or for its backup's takeover`;
    return { kind: "at", address: addressOf(register), unanswered: ` (${waits}; ${otherwise})` };
  }
}

/** @throws PeerError if it is none */
function addressOf({ machineId, generation, address }: Register): Address {
  try {
    return parseAddress(address);
  } catch (cause) {
    const { message } = cause as Error;
    throw new PeerError(`register of ${machineId}, generation ${generation}: ${message}`, {
      cause,
    });
  }
}
