/**
 * Which kind of host this is, found out by what a guest leaves behind on it.
 *
 * The same guest with the same events has the same exits, outputs and general registers on every host. But
 * hosts differ in what the processor's manuals leave open or an emulator leaves out (flags that are undefined
 * after an instruction, the x87's C1), and so in memory, too, once an interrupt has pushed such flags. So
 * this runs a short guest (`stress`, whose events follow from the machine alone) and takes the checksum of
 * many digests of it. Hosts with the same checksum are of one kind: their machines are compared in
 * every field, between others only in those that digest.ts calls portable.
 *
 * A whole state says what kind of host it was captured on (state.ts), so that a log says it, too.
 */
import { UnavailableError } from "../base/errors.ts";
import { crc32c } from "../codec/codec.ts";
import { Digester } from "./digest.ts";
import { parseImage } from "./elf.ts";
import type { InputSource, Verdict } from "./input_source.ts";
import { Machine } from "./machine.ts";
import { VcpuLoop } from "./vcpu_loop.ts";

/** This seed has most of what differs between hosts known so far within its first 200 exits. */
const COMMAND_LINE = "2 1";
const EXITS = 250;
const MEMORY_BYTES = 8 << 20;
const EXITS_PER_DIGEST = 50;
const IMAGE = new URL("../guests/images/stress.elf", import.meta.url);

let known: number | undefined;

/**
 * The kind of this host, 32 bits. Takes a moment (a tenth of a second, say) when it is asked for the first
 * time in a thread.
 * @throws UnavailableError if guests can't run here
 */
export function hostKind(): number {
  return known ??= examine();
}

function examine(): number {
  using machine = Machine.create(MEMORY_BYTES, 0, 0);
  machine.boot({
    image: parseImage(Deno.readFileSync(IMAGE), "stress"),
    name: "stress",
    commandLine: COMMAND_LINE,
  });
  const sampler = new Sampler(machine);
  new VcpuLoop(machine, sampler).run();
  if (machine.end === undefined) return sampler.checksum;
  throw new UnavailableError(
    `this host does not run the guest that tells its kind: ${machine.end.why}; see "understudy doctor"`,
  );
}

/** A world without a clock of its own: time passes only where the guest waits for it. */
class Sampler implements InputSource {
  checksum = 0;
  readonly #digester: Digester;
  #sampledPoint = 0;

  constructor(machine: Machine) {
    this.#digester = new Digester(machine, "everything");
  }

  enter({ board }: Machine, clockMatters: boolean): void {
    if (clockMatters) board.advance(Math.min(board.clockUs + 1, board.deadlineUs()));
  }

  idle(machine: Machine): void {
    const { board } = machine;
    const deadlineUs = board.deadlineUs();
    if (Number.isFinite(deadlineUs)) board.advance(deadlineUs);
    else machine.end = { why: "it waits for what does not come", code: 1 };
  }

  boundary(machine: Machine): Verdict {
    if (machine.point >= EXITS) return "stop";
    const isDue = machine.point >= this.#sampledPoint + EXITS_PER_DIGEST;
    return isDue ? "settle" : "go";
  }

  settled(machine: Machine): void {
    this.#sampledPoint = machine.point;
    const chained = new Uint8Array([...this.#digester.take(), ...new Uint8Array(4)]);
    new DataView(chained.buffer).setUint32(chained.length - 4, this.checksum);
    this.checksum = crc32c(chained);
  }

  kicked(): void {
    // Nobody stops this guest: it makes exits all the time.
  }

  output(): void {
    // Nobody reads it.
  }
}
