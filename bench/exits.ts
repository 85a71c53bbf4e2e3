/**
 * Exits per second of our vCPU loop, recording and unprotected, against a minimal loop in C (exits.c) that runs
 * the same bytes from the same registers: a guest that writes to a port nobody claims, over and over. In
 * ring 3, where bundled guests spend their time, and in ring 0.
 *
 *   deno run -A bench/exits.ts [--json] [--pairs 7] [--exits 20000]
 *
 * Needs cc and linux/kvm.h. The aim is a ratio of at least 0.85 in ring 3.
 */
import { parseArgs } from "node:util";
import { Channel } from "../machine/channel.ts";
import { Machine } from "../machine/machine.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { MachineClock } from "../primary/machine_clock.ts";
import { Recorder } from "../primary/recorder.ts";
import { compare, report } from "./compare.ts";
import { enterLongMode, mapMemory, registers } from "./long_mode.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    pairs: { type: "string", default: "7" },
    exits: { type: "string", default: "20000" },
  },
});
const exits = Number(values.exits);
const pairs = Number(values.pairs);

const MEMORY_BYTES = 4 << 20;
const CODE_ADDRESS = 0x100000;

/** The page tables and the code. */
function guestMemory(): Uint8Array<ArrayBuffer> {
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

/** A run of our loop: exits per second. @param image where to leave what the C program is to run */
function runOurs(ring: 0 | 3, image: string): number {
  using machine = Machine.create(MEMORY_BYTES, Date.now(), 0);
  const memory = guestMemory();
  const sregs = machine.vcpu.get("sregs");
  enterLongMode(sregs, ring);
  const regs = registers(CODE_ADDRESS);
  machine.memory.write(0, memory);
  machine.vcpu.set("sregs", sregs);
  machine.vcpu.set("regs", regs);
  Deno.writeFileSync(image, new Uint8Array([...sregs, ...regs, ...memory]));
  const channel = Channel.create();
  const recorder = new Recorder(machine, channel, new MachineClock(0, 0));
  const loop = new VcpuLoop(machine, recorder);
  const startMs = performance.now();
  loop.run();
  const seconds = (performance.now() - startMs) / 1000;
  if (machine.point !== exits + 1) throw new Error(`${machine.end?.why} after ${machine.point}`);
  return machine.point / seconds;
}

async function runPeer(program: string, image: string): Promise<number> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [image] }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`exits.c: ${decoder.decode(stderr)}`);
  const [count, ns] = decoder.decode(stdout).split(" ").map(Number) as [number, number];
  return count / ns * 1e9;
}

const directory = Deno.makeTempDirSync();
try {
  const program = `${directory}/exits`;
  const image = `${directory}/image`;
  const source = new URL("./exits.c", import.meta.url).pathname;
  const built = await new Deno.Command("cc", { args: ["-O2", "-o", program, source] }).output();
  if (!built.success) throw new Error(new TextDecoder().decode(built.stderr));
  const comparisons = [];
  for (const ring of [3, 0] as const) {
    runOurs(ring, image);
    comparisons.push(
      await compare(
        {
          name: `exits per second, ring ${ring}`,
          unit: "/s",
          aim: ring === 3 ? "at least 0.85" : "none",
        },
        pairs,
        () => Promise.resolve(runOurs(ring, image)),
        () => runPeer(program, image),
      ),
    );
  }
  report(comparisons, values.json);
} finally {
  Deno.removeSync(directory, { recursive: true });
}
