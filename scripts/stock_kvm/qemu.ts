/**
 * The command lines of QEMU, and the process.
 *
 * host.ts and gateway.ts call it.
 */
import { requireProgram } from "./tools.ts";

/**
 * A processor with AMD's virtualisation, all of it emulated. The family and model are those of a processor
 * that Linux knows: else it picks an idle routine that hangs. Without protection keys, since a change of
 * them empties QEMU's TLB, and Deno's V8 changes them all the time.
 */
const PROCESSOR = "max,svm=on,npt=on,family=25,model=17,stepping=1,pku=off";

/**
 * For the kernel. It need not guard against a processor that speculates: this one does not, and the guards
 * cost a tenth of its time.
 */
const KERNEL_OPTIONS = "console=ttyS0 panic=-1 quiet tsc=reliable mitigations=off";

/**
 * All processors of a host in one thread. With a thread for each (QEMU 7.2), a host with two of them now and
 * then hung for good while a guest ran in it: both were busy, and neither did anything.
 */
const ACCELERATOR = "tcg,thread=single";

/** A host to boot. Paths must have no comma. */
export interface HostMachine {
  readonly name: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly kernel: string;
  readonly initrd: string;
  /** Takes what the kernel says. */
  readonly consoleFile: string;
  /** Where the outside listens for the agent's port. */
  readonly controlSocket: string;
  readonly network?: HostNetwork;
}

/** A host's place on a virtual network. */
export interface HostNetwork {
  /** Where the switch listens for this host's network card. */
  readonly socket: string;
  /** With the prefix's length: `192.168.76.11/24`. */
  readonly address: string;
}

/** The command line that boots a host. */
export async function hostCommand(machine: HostMachine): Promise<string[]> {
  const { name, memoryMiB, cpus, kernel, initrd, consoleFile, controlSocket, network } = machine;
  const environment = [
    `STOCK_NAME=${name}`,
    ...(network === undefined ? [] : [`STOCK_ADDRESS=${network.address}`]),
  ];
  return [
    await requireQemu(),
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-accel", ACCELERATOR, "-cpu", PROCESSOR],
    ...["-smp", `${cpus}`, "-m", `${memoryMiB}`],
    ...["-kernel", kernel, "-initrd", initrd],
    ...["-append", `${KERNEL_OPTIONS} ${environment.join(" ")}`],
    ...["-serial", `file:${consoleFile}`],
    ...["-device", "virtio-serial-pci"],
    ...["-chardev", `socket,id=control,path=${controlSocket}`],
    ...["-device", "virtserialport,chardev=control,nr=1,name=stock-kvm.control"],
    ...(network === undefined ? [] : networkCard(network)),
  ];
}

function networkCard({ socket, address }: HostNetwork): string[] {
  // Locally administered; the last byte is the address's.
  const last = Number(address.match(/\.(\d+)\//)![1]).toString(16).padStart(2, "0");
  return [
    ...["-netdev", `stream,id=lan,server=off,addr.type=unix,addr.path=${socket}`],
    ...["-device", `virtio-net-pci,netdev=lan,mac=52:54:00:76:00:${last},romfile=`],
  ];
}

/** Where QEMU is. @throws UnavailableError that says how to get it */
export function requireQemu(): Promise<string> {
  return requireProgram("qemu-system-x86_64", "qemu-system-x86");
}

/** How much of QEMU's complaints is kept. */
const COMPLAINT_LENGTH = 4000;

/** A QEMU process. Whatever becomes of this process, it ends with it. */
export class Qemu implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;
  #complaint = "";
  #hasExited = false;

  /** Resolves with its exit code when it has ended. */
  readonly exited: Promise<number>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#read = this.#readComplaint();
    this.exited = child.status.then(async ({ code }) => {
      this.#hasExited = true;
      await this.#read;
      return code;
    });
  }

  /** Starts it. @param command the program and its arguments */
  static async start(command: readonly string[]): Promise<Qemu> {
    // The kernel kills it when the thread that started it ends: also when that was killed itself.
    const setpriv = await requireProgram("setpriv", "util-linux");
    const child = new Deno.Command(setpriv, {
      args: ["--pdeathsig", "KILL", "--", ...command],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      // Not in the terminal's group: an interrupt there is this process's affair.
      detached: true,
    }).spawn();
    return new Qemu(child);
  }

  /** The process's id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it has ended. */
  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** What it said on standard error. */
  get complaint(): string {
    return this.#complaint.trim();
  }

  /** Sends it a signal; none if it has ended. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Kills it, if it still runs, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  async #readComplaint(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#complaint = (this.#complaint + text).slice(-COMPLAINT_LENGTH);
    }
  }
}
