/**
 * Lines that tell a person what takes so long. On standard error: standard output is the command's.
 */

/** Says what is being done now. */
export type Progress = (what: string) => void;

/** On standard error, with the seconds since the start. */
export function progressOnStderr(name: string): Progress {
  const startMs = performance.now();
  return (what) => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    Deno.stderr.writeSync(new TextEncoder().encode(`${name}: ${seconds.padStart(5)} s  ${what}\n`));
  };
}

/** Says nothing. */
export const silentProgress: Progress = () => {};
