/**
 * A guest that does nothing but exit, run by our vCPU loop and by a minimal loop in C (exits.c): the same bytes from
 * the same registers, a write to a port nobody claims, over and over.
 *
 * Called by exits.ts and codec/main.ts. Needs /dev/kvm, cc and linux/kvm.h.
 */
import { Channel } from "../machine/channel.ts";
import { Machine } from "../machine/machine.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { MachineClock } from "../primary/machine_clock.ts";
import { Recorder } from "../primary/recorder.ts";
import { enterLongMode, mapMemory, registers } from "./long_mode.ts";

const MEMORY_BYTES = 4 << 20;
const CODE_ADDRESS = 0x100000;

/** The page tables and the code. */
function guestMemory(exits: number): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(MEMORY_BYTES);
  mapMemory(memory);
  const count = [exits & 0xff, (exits >>> 8) & 0xff, (exits >>> 16) & 0xff, exits >>> 24];
  memory.set([
    ...[0xb9, ...count], // mov ecx, exits
    ...[0x66, 0xba, 0x80, 0x00], // mov dx, 0x80
    0xee, // again: out dx, al
    ...[0xff, 0xc9], // dec ecx
    ...[0x75, 0xfb], // jnz again
    ...[0x66, 0xba, 0xf4, 0x00], // mov dx, 0xf4
    0xee, // out dx, al
  ], CODE_ADDRESS);
  return memory;
}

/** Both loops, and where the program of the one and the guest of both lie. */
export class ExitLoops implements Disposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "understudy-bench-" });
  readonly #program = `${this.#directory}/exits`;
  readonly #image = `${this.#directory}/image`;

  private constructor(private readonly exits: number) {}

  /** Builds the program. @param exits of a run */
  static async build(exits: number): Promise<ExitLoops> {
    using stack = new DisposableStack();
    const loops = stack.use(new ExitLoops(exits));
    const source = new URL("./exits.c", import.meta.url).pathname;
    const args = ["-O2", "-o", loops.#program, source];
    const built = await new Deno.Command("cc", { args }).output();
    if (!built.success) throw new Error(new TextDecoder().decode(built.stderr));
    stack.move();
    return loops;
  }

  /** A run of our loop, recording and unprotected: exits per second. It leaves what the program in C is to run. */
  runOurs(ring: 0 | 3): number {
    const { exits } = this;
    using machine = Machine.create(MEMORY_BYTES, Date.now(), 0);
    const memory = guestMemory(exits);
    const sregs = machine.vcpu.get("sregs");
    enterLongMode(sregs, ring);
    const regs = registers(CODE_ADDRESS);
    machine.memory.write(0, memory);
    machine.vcpu.set("sregs", sregs);
    machine.vcpu.set("regs", regs);
    Deno.writeFileSync(this.#image, new Uint8Array([...sregs, ...regs, ...memory]));
    const channel = Channel.create();
    const recorder = new Recorder(machine, channel, new MachineClock(0, 0));
    const loop = new VcpuLoop(machine, recorder);
    const startMs = performance.now();
    loop.run();
    const seconds = (performance.now() - startMs) / 1000;
    if (machine.point !== exits + 1) throw new Error(`${machine.end?.why} after ${machine.point}`);
    return machine.point / seconds;
  }

  /** A run of the program in C, of the guest that our loop ran last: exits per second. */
  async runBare(): Promise<number> {
    const command = new Deno.Command(this.#program, { args: [this.#image] });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(`exits.c: ${decoder.decode(stderr)}`);
    const [count, ns] = decoder.decode(stdout).split(" ").map(Number) as [number, number];
    return count / ns * 1e9;
  }

  /** Removes what it left. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}
