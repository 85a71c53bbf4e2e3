/**
 * The rules of a primary as they stand, and what becomes of a backup that diverges by them.
 *
 * Pure. The primary's protocol asks it.
 */
import { DivergenceBudget } from "./divergence_budget.ts";
import type { PrimaryRules } from "./primary_types.ts";
import type { Settings } from "./rules.ts";

/** See the top of the file. */
export class Ruling {
  readonly #divergences: DivergenceBudget;
  #rules: PrimaryRules;

  /** @param rules what it begins with */
  constructor(rules: PrimaryRules) {
    this.#rules = rules;
    this.#divergences = new DivergenceBudget(rules.divergenceMax);
  }

  /** The rules. */
  get rules(): PrimaryRules {
    return this.#rules;
  }

  /** All divergences that there were. */
  get divergences(): number {
    return this.#divergences.total;
  }

  /** Goes by these settings from now on. A mode that is set begins anew: `auto` with replay. */
  set(settings: Partial<Settings>): void {
    const { mode } = settings;
    const checkpointing = mode === undefined ? this.#rules.checkpointing : mode === "checkpoint";
    this.#rules = { ...this.#rules, ...settings, checkpointing };
  }

  /**
   * A backup has diverged.
   * @returns `heal`; `checkpoint`: heal, by rules that have changed; `unfit`: neither
   */
  diverged(nowMs: number): { readonly verdict: "heal" | "checkpoint" | "unfit"; why: string } {
    const why = `more than ${this.#divergences} divergences`;
    if (this.#divergences.note(nowMs)) return { verdict: "heal", why };
    const { mode, checkpointing } = this.#rules;
    if (mode !== "auto" || checkpointing) return { verdict: "unfit", why };
    this.#rules = { ...this.#rules, checkpointing: true };
    return { verdict: "checkpoint", why };
  }
}
