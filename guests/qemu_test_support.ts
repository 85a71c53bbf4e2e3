/**
 * Boots the bundled guests' committed images under QEMU's microvm: a second machine, not of our making. Called
 * by the tests in this folder.
 */

/** Bound on one QEMU run; it is killed then, and the test fails on its exit code. */
const RUN_MAX_MS = 60_000;

/** QEMU's exit status for a debug exit code. */
export function exitStatus(code: number): number {
  return (code << 1) | 1;
}

/** QEMU's exit status for a guest that ended with code 0. */
export const ENDED_WELL = exitStatus(0);

/** QEMU's accelerators, the faster one first. On hosts that interpret ring 0, QEMU's `-cpu host` needs the flag. */
const ACCELERATORS = {
  kvm: ["-accel", "kvm", "-cpu", "host,-arch-capabilities"],
  tcg: ["-accel", "tcg"],
};

/** What else QEMU is to do. */
export interface BootOptions {
  /** Options besides those of the machine. */
  readonly options?: readonly string[];
  /** A program and its first arguments, which runs QEMU. */
  readonly prefix?: readonly string[];
  /** It is killed then; default: {@link RUN_MAX_MS}. */
  readonly maxMs?: number;
}

/** Starts QEMU with an image of guests/images/, its serial port on stdio. */
export function boot(
  image: string,
  commandLine: string,
  accelerator: readonly string[],
  { options = [], prefix = [], maxMs = RUN_MAX_MS }: BootOptions = {},
): Deno.ChildProcess {
  const kernel = new URL(`images/${image}.elf`, import.meta.url).pathname;
  // deno-fmt-ignore
  const [program, ...args] = [
    ...prefix,
    "qemu-system-x86_64",
    ...accelerator,
    "-M", "microvm,acpi=off,rtc=on",
    "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
    "-display", "none", "-monitor", "none", "-serial", "stdio",
    ...options,
    "-kernel", kernel, "-append", commandLine,
  ];
  try {
    return new Deno.Command(program!, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      signal: AbortSignal.timeout(maxMs),
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("this test needs QEMU: apt-get install qemu-system-x86", { cause: error });
  }
}

/** The lines that a process prints, as they come. */
export async function* linesOf(process: Deno.ChildProcess): AsyncGenerator<string> {
  let rest = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Runs an image without input, to its end. */
export async function run(
  image: string,
  commandLine: string,
  accelerator: readonly string[],
  bootOptions: BootOptions = {},
): Promise<{ lines: string[]; code: number }> {
  const process = boot(image, commandLine, accelerator, bootOptions);
  await process.stdin.close();
  const lines = await Array.fromAsync(linesOf(process));
  return { lines, code: (await process.status).code };
}

/** KVM if this host has one that QEMU can use, else TCG. */
export async function chooseAccelerator(): Promise<string[]> {
  const { kvm, tcg } = ACCELERATORS;
  try {
    Deno.openSync("/dev/kvm", { read: true, write: true }).close();
  } catch {
    return tcg;
  }
  return (await run("hello", "", kvm)).code === ENDED_WELL ? kvm : tcg;
}
