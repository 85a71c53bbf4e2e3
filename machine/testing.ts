/**
 * For the tests of this room: machines of a few bytes of code, the bundled guests, and an input source
 * that needs neither a host's clock nor a log.
 *
 * {@link Script} is a pure function of the machine's own state: the clock moves by what the point and
 * the clock say, so that any two runs of one guest have to be the same, from any state on.
 */
import { Digester } from "./digest.ts";
import type { Segment } from "./elf.ts";
import { parseImage } from "./elf.ts";
import type { InputSource, Verdict } from "./input_source.ts";
import { Machine } from "./machine.ts";
import { HIGH_MEMORY_START } from "./memory_map.ts";
import { VcpuLoop } from "./vcpu_loop.ts";

/** Enough for the bundled guests. */
export const memoryBytes = 16 << 20;
/** 2023-11-14, some seconds after 22:13. */
const EPOCH_MS = 1_700_000_000_000;

/** A machine that has not booted, on a host of this kind. */
export function emptyMachine(hostKind = 1): Machine {
  return Machine.create(memoryBytes, EPOCH_MS, hostKind);
}

/** A machine about to run 32-bit code, in ring 0, at {@link HIGH_MEMORY_START}. */
export function tinyMachine(code: readonly number[]): Machine {
  const machine = emptyMachine();
  const bytes = new Uint8Array(code);
  const segment: Segment = { address: HIGH_MEMORY_START, bytes, memoryBytes: bytes.length };
  const image = { entry: HIGH_MEMORY_START, segments: [segment] };
  machine.boot({ image, name: "tiny", commandLine: "" });
  return machine;
}

/** The file of a bundled guest. */
export function guestFile(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`../guests/images/${name}.elf`, import.meta.url));
}

/** A machine about to run a bundled guest. */
export function guestMachine(name: string, commandLine: string): Machine {
  const machine = emptyMachine();
  machine.boot({ image: parseImage(guestFile(name), name), name, commandLine });
  return machine;
}

/** The digest of a machine as it is now. */
export function digestOf(machine: Machine): Uint8Array<ArrayBuffer> {
  using digester = new Digester(machine, "everything");
  return digester.take();
}

/** Time by rule, no input; stops where it is told to. */
export class Script implements InputSource {
  /** All that the guest put out. */
  text = "";
  /** How often a signal stopped the guest. */
  kicks = 0;
  /** Set once the run has come to `stopAt` and the instruction there is complete. */
  arrived = false;

  /** @param stopAt the execution point to stop at, with no instruction pending */
  constructor(private readonly stopAt = Infinity) {}

  enter(machine: Machine, clockMatters: boolean): void {
    if (clockMatters || machine.point % 64 === 0) this.#advance(machine, 5 + machine.point % 11);
  }

  idle(machine: Machine): void {
    this.#advance(machine, Infinity);
  }

  boundary(machine: Machine): Verdict {
    if (this.arrived) return "stop";
    return machine.point >= this.stopAt ? "settle" : "go";
  }

  settled(_machine: Machine): void {
    this.arrived = true;
  }

  kicked(_machine: Machine): void {
    this.kicks++;
    this.arrived = true;
  }

  output(_machine: Machine, _sink: number, _offset: number, bytes: Uint8Array): void {
    this.text += new TextDecoder().decode(bytes);
  }

  /** Not past a deadline: no tick may be swallowed. */
  #advance({ board }: Machine, us: number): void {
    board.advance(Math.min(board.clockUs + us, board.deadlineUs()));
  }
}

/** Runs a machine by a {@link Script}, to its end or up to a point. */
export function runScript(machine: Machine, stopAt?: number): Script {
  const script = new Script(stopAt);
  new VcpuLoop(machine, script).run();
  return script;
}
