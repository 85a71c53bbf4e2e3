/**
 * What a deliberate bug is: mutants.ts and those beside it list them, mutate.ts makes them.
 */

/** A change to one file. */
export interface Edit {
  /** From the root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** One bug. */
export interface Mutant {
  /** What the altered code does. */
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** One change. */
export const edit = (file: string, find: string, replace: string): Edit => ({
  file,
  find,
  replace,
});
