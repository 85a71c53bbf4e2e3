/**
 * Two hosts' worth of cores on one host: with `--apart` the primary (or the machine that nobody protects) has one
 * core to itself, and the backup, the client and the benchmark have another one. So nothing that the
 * backup's host would do is taken from the guest. By taskset (util-linux), which is told to move every thread.
 */

/** Whose core. */
export enum Core {
  primary = 0,
  backup = 1,
}

/** Moves all of a process to a core; does nothing unless `isApart`. @throws Error if that can't be done */
export function place(pid: number, core: Core, isApart: boolean): void {
  if (!isApart) return;
  const args = ["--all-tasks", "--cpu-list", "--pid", String(core), String(pid)];
  const { success, stderr } = new Deno.Command("taskset", { args, stdout: "null" }).outputSync();
  if (!success) {
    throw new Error(`--apart needs two cores and taskset: ${new TextDecoder().decode(stderr)}`);
  }
}
