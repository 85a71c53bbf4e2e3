/**
 * Claims generations for one side of one machine: makes the registers, keeps their nonces.
 *
 * A claim that got no answer may have won. So each generation has one nonce for as long as this side
 * lives, and claiming again asks the same question again.
 *
 * primary/ and backup/ claim through this.
 */
import { PeerError, UnavailableError } from "../base/errors.ts";
import type { Arbiter, ClaimResult, Register } from "./arbiter.ts";

/** Who claims. */
export interface Claimant {
  readonly machineId: string;
  /** The host, for people. */
  readonly who: string;
  /** Where a backup can join, for people and for `backup --primary`. */
  readonly address: string;
}

/** See the top of the file. */
export class Claimer {
  readonly #registers = new Map<string, Register>();

  constructor(readonly arbiter: Arbiter, readonly claimant: Claimant) {}

  /** Claims a generation, or records the guest's end as it. Never rejects for want of an arbiter. */
  async claim(generation: number, ended: boolean): Promise<ClaimResult> {
    const key = `${generation} ${ended}`;
    let register = this.#registers.get(key);
    if (register === undefined) {
      const nonce = crypto.randomUUID();
      register = { ...this.claimant, generation, nonce, when: new Date().toISOString(), ended };
      this.#registers.set(key, register);
    }
    return await this.arbiter.claim(register);
  }

  /** Whether a claim would get an answer now; if not, why. */
  async probe(): Promise<{ reachable: boolean; why: string }> {
    try {
      await this.arbiter.probe(this.claimant.machineId);
      return { reachable: true, why: "" };
    } catch (error) {
      if (!(error instanceof UnavailableError || error instanceof PeerError)) throw error;
      return { reachable: false, why: error.message };
    }
  }
}

/** A register's holder, for people. */
export function holderOf({ who, address }: Register): string {
  return address === "" ? who : `${who} at ${address}`;
}
