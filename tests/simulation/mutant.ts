/**
 * What a deliberate bug is made of; mutants.ts and those beside it have them.
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

/** One such change. */
export function edit(file: string, find: string, replace: string): Edit {
  return { file, find, replace };
}
