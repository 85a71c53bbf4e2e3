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
import { kvmRegs, kvmSregs } from "../ffi/kvm_structs.ts";
import { Channel } from "../machine/channel.ts";
import { Machine } from "../machine/machine.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { MachineClock } from "../primary/machine_clock.ts";
import { Recorder } from "../primary/recorder.ts";
import { compare, report } from "./compare.ts";

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
const TABLE_ADDRESSES = [0x1000, 0x2000, 0x3000] as const;

/** Page tables that map the first 4 MiB for ring 3 too, and the code. SDM volume 3, 4.5. */
function guestMemory(): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(MEMORY_BYTES);
  const view = new DataView(memory.buffer);
  const [level4, level3, level2] = TABLE_ADDRESSES;
  // Present, writable, user; accessed and dirty beforehand; 2 MiB pages at the end.
  view.setBigUint64(level4, BigInt(level3 | 0x27), true);
  view.setBigUint64(level3, BigInt(level2 | 0x27), true);
  view.setBigUint64(level2, 0xe7n, true);
  view.setBigUint64(level2 + 8, 0x2000e7n, true);
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

/** 64-bit mode in a ring, interrupts off, ports allowed. */
function enterLongMode(sregs: Uint8Array<ArrayBuffer>, ring: 0 | 3): void {
  const view = kvmSregs.view(sregs);
  for (const name of ["cs", "ds", "es", "fs", "gs", "ss"] as const) {
    const isCode = name === "cs";
    kvmSregs.set(view, `${name}.base`, 0n);
    kvmSregs.set(view, `${name}.limit`, 0xffff_ffff);
    kvmSregs.set(view, `${name}.selector`, (isCode ? 0x8 : 0x10) | ring);
    kvmSregs.set(view, `${name}.type`, isCode ? 11 : 3);
    kvmSregs.set(view, `${name}.present`, 1);
    kvmSregs.set(view, `${name}.dpl`, ring);
    kvmSregs.set(view, `${name}.db`, isCode ? 0 : 1);
    kvmSregs.set(view, `${name}.s`, 1);
    kvmSregs.set(view, `${name}.l`, isCode ? 1 : 0);
    kvmSregs.set(view, `${name}.g`, 1);
  }
  kvmSregs.set(view, "cr0", 0x8005_0033n);
  kvmSregs.set(view, "cr3", BigInt(TABLE_ADDRESSES[0]));
  kvmSregs.set(view, "cr4", 0x620n);
  kvmSregs.set(view, "efer", 0x500n);
}

function registers(): Uint8Array<ArrayBuffer> {
  const regs = new Uint8Array(kvmRegs.size);
  const view = kvmRegs.view(regs);
  kvmRegs.set(view, "rip", BigInt(CODE_ADDRESS));
  kvmRegs.set(view, "rsp", 0x80000n);
  kvmRegs.set(view, "rflags", 0x3002n);
  return regs;
}

/** A run of our loop: exits per second. @param image where to leave what the C program is to run */
function runOurs(ring: 0 | 3, image: string): number {
  using machine = Machine.create(MEMORY_BYTES, Date.now(), 0);
  const memory = guestMemory();
  const sregs = machine.vcpu.get("sregs");
  enterLongMode(sregs, ring);
  machine.memory.write(0, memory);
  machine.vcpu.set("sregs", sregs);
  machine.vcpu.set("regs", registers());
  Deno.writeFileSync(image, new Uint8Array([...sregs, ...registers(), ...memory]));
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
