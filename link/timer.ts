/**
 * Timers as a value, so that tests can be time itself.
 *
 * Whatever in link/ and sinks/ has to give up after a while takes a {@link SetTimer}; the real one is
 * the default.
 */

/** Calls `fire` once after `delayMs`, unless the returned function is called before. */
export type SetTimer = (delayMs: number, fire: () => void) => () => void;

/** {@link SetTimer} of the real world. */
export const wallTimer: SetTimer = (delayMs: number, fire: () => void): () => void => {
  const id = setTimeout(fire, delayMs);
  return () => clearTimeout(id);
};
