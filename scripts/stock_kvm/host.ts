/**
 * A stock KVM host: Debian's kernel with its own kvm-amd module, in QEMU's emulated SVM.
 *
 *     await using host = await StockHost.start({ boot: await bootFiles({ cache: openCache(), progress, signal }) });
 *     const { code } = await host.run(["./understudy", "doctor"]).exited;
 *
 * Leaving the scope kills it and removes its folder. `main.ts` and `pair.ts` call it.
 */
import { UnavailableError } from "../../base/errors.ts";
import { Control } from "./control.ts";
import type { HostProcess, RunOptions } from "./host_process.ts";
import type { BootFiles } from "./layers.ts";
import { hostCommand, type HostNetwork, Qemu } from "./qemu.ts";

/** How a host is started. */
export interface StockHostOptions {
  readonly boot: BootFiles;
  /** Its name in messages, and its host name; default: stock. */
  readonly name?: string;
  /** Default: {@link defaultMemoryMiB}. */
  readonly memoryMiB?: number;
  /** Default: {@link defaultCpus}. */
  readonly cpus?: number;
  readonly network?: HostNetwork;
  /** Its folder stays, with what the kernel said and the command line that started it. */
  readonly keep?: boolean;
  /** Ends the start; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Enough for the root file system, which is in memory (0.4 GiB), and ten Deno processes. */
export const defaultMemoryMiB = 3072;
/** More cost emulation, and take turns: see qemu.ts. */
export const defaultCpus = 1;

/** From QEMU's start to the agent: 5 s on an idle machine. */
const START_LIMIT_MS = 120_000;
/** How much of what the kernel said is quoted. */
const CONSOLE_LENGTH = 3000;

/** See the top of the file. */
export class StockHost implements AsyncDisposable {
  private constructor(
    readonly name: string,
    /** Where its console's file is. */
    readonly folder: string,
    readonly qemu: Qemu,
    readonly control: Control,
    private readonly stack: AsyncDisposableStack,
  ) {}

  /** Boots it. @throws UnavailableError if QEMU is missing or the host does not come up */
  static async start(options: StockHostOptions): Promise<StockHost> {
    const { boot, name = "stock", signal } = options;
    await using stack = new AsyncDisposableStack();
    const folder = Deno.makeTempDirSync({ prefix: `understudy-${name}-` });
    if (options.keep !== true) stack.defer(() => Deno.remove(folder, { recursive: true }));
    const initrd = `${folder}/initrd`;
    await join(boot.layers, initrd);
    const command = await hostCommand({
      name,
      memoryMiB: options.memoryMiB ?? defaultMemoryMiB,
      cpus: options.cpus ?? defaultCpus,
      kernel: boot.kernel,
      initrd,
      consoleFile: `${folder}/console`,
      controlSocket: `${folder}/control`,
      ...(options.network === undefined ? {} : { network: options.network }),
    });
    await Deno.writeTextFile(`${folder}/command`, `${command.join(" ")}\n`);
    using listener = Deno.listen({ transport: "unix", path: `${folder}/control` });
    const qemu = stack.use(await Qemu.start(command));
    const control = await within(signal, folder, qemu, async () => {
      const control = new Control(await listener.accept());
      stack.defer(async () => {
        control.close();
        await control.closed;
      });
      await control.ready;
      return control;
    });
    await Deno.remove(initrd);
    return new StockHost(name, folder, qemu, control, stack.move());
  }

  /** Resolves when the host is gone, however. */
  get exited(): Promise<void> {
    return this.control.closed;
  }

  /** Whether the host is gone. */
  get isGone(): boolean {
    return this.qemu.hasExited;
  }

  /** What its kernel said. */
  get console(): string {
    return Deno.readTextFileSync(`${this.folder}/console`);
  }

  /** Starts a command in the project's folder. */
  run(command: readonly string[], options: RunOptions = {}): HostProcess {
    return this.control.run(command, options);
  }

  /** Runs a command to its end. @throws UnavailableError if it ends with a code other than 0 */
  async output(command: readonly string[], options: RunOptions = {}): Promise<string> {
    const process = this.run(command, options);
    const { code } = await process.exited;
    if (code === 0) return process.output;
    const how = code === undefined ? "the host ended" : `code ${code}`;
    throw new UnavailableError(
      `${this.name}: ${command.join(" ")}: ${how}: ${process.errors}${process.output}`,
    );
  }

  /** Stops the whole host where it is; its clock runs on. */
  pause(): void {
    this.qemu.signal("SIGSTOP");
  }

  /** Lets it go on. */
  resume(): void {
    this.qemu.signal("SIGCONT");
  }

  /** The host is gone at once, with all that ran in it: a power failure. */
  async crash(): Promise<void> {
    await this.qemu[Symbol.asyncDispose]();
    await this.control.closed;
  }

  /** Kills it, if it still runs; its folder is removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

async function join(layers: readonly string[], path: string): Promise<void> {
  using joined = await Deno.open(path, { write: true, createNew: true });
  for (const layer of layers) {
    const file = await Deno.open(layer);
    await file.readable.pipeTo(joined.writable, { preventClose: true });
  }
}

/** Runs `start` unless QEMU ends, it takes too long, or `signal` says so. */
async function within<T>(
  signal: AbortSignal | undefined,
  folder: string,
  qemu: Qemu,
  start: () => Promise<T>,
): Promise<T> {
  const ended = Promise.withResolvers<string>();
  const limit = setTimeout(
    () => ended.resolve(`was not up after ${START_LIMIT_MS / 1000} s`),
    START_LIMIT_MS,
  );
  const onAbort = () => ended.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  try {
    signal?.throwIfAborted();
    const fate = await Promise.race([
      start().then((value) => ({ value })),
      qemu.exited.then((code) => `ended with code ${code} before it was up`),
      ended.promise,
    ]);
    if (typeof fate !== "string") return fate.value;
    const said = Deno.readTextFileSync(`${folder}/console`).slice(-CONSOLE_LENGTH);
    throw new UnavailableError(`the host ${fate}: ${qemu.complaint}\n${said}`);
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener("abort", onAbort);
  }
}
