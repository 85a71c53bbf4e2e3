/**
 * The vCPU loop: runs the guest from exit to exit. The one guest runner, recording and replaying alike.
 *
 * ```
 *        ┌──────────────── boundary? ◀───────────────┐
 *        │ settle             │ go                   │
 *        ▼                    ▼                      │
 *    complete the      halted, nothing pending? ── idle
 *    instruction              │
 *        │              deliver an interrupt if one is pending
 *        ▼                    ▼
 *     settled           KVM_RUN ── exit ── enter? ── serve
 * ```
 *
 * Every exit that the guest causes takes the next ordinal, whether it comes out of a plain entry or
 * while an instruction is being completed; signals take none, unless the source makes a forced point of one, in
 * `settled`. All else follows: two runs that are told the same at the same ordinals are the same run.
 */
import type { DeviceEffect } from "../devices/device.ts";
import type { Exit, IoExit, MmioExit, MsrExit } from "../ffi/exit.ts";
import { drainKicks } from "../ffi/kick.ts";
import { Sink } from "./control.ts";
import { EXIT_WORD } from "./exit_words.ts";
import type { TrailExit } from "./exit_trail.ts";
import type { InputSource } from "./input_source.ts";
import type { Machine } from "./machine.ts";
import { MSR_TSC, TSC_COUNTS_PER_US } from "./msrs.ts";

/** What KVM gives up for, by its suberror: Linux's `include/uapi/linux/kvm.h`, KVM_INTERNAL_ERROR_... */
const INTERNAL_ERRORS: Readonly<Record<number, string>> = {
  1: "it can't emulate the next instruction",
  2: "two exceptions at once",
  3: "an exit came amid the delivery of an event",
  4: "an exit for a reason that it does not expect",
};

/** RAX is not the same on all hosts before an instruction is complete, nor is RIP: they start later. */
const FIRST_STABLE_REGISTER_WORD = 2;
const STABLE_REGISTER_WORDS = 32;
/** All of them, for the trail. */
const REGISTER_WORDS = 36;

/** Runs one machine. */
export class VcpuLoop {
  readonly #registers: Uint32Array;
  /** The exit that is being served, for the trail. */
  readonly #exit: TrailExit = { kind: 0, address: 0, shape: 0, value: 0 };
  /** What could be delivered before the next entry has been. */
  #readyToEnter = false;

  /** @param source who answers; may be replaced between two calls of `run`, as a takeover does */
  constructor(private readonly machine: Machine, public source: InputSource) {
    const { buffer, byteOffset } = machine.vcpu.syncedRegs;
    this.#registers = new Uint32Array(buffer, byteOffset, REGISTER_WORDS);
  }

  /** Runs until the guest has ended and the source has seen it, or until the source says "stop". */
  run(): void {
    const { machine } = this;
    for (;;) {
      const verdict = this.source.boundary(machine);
      if (verdict === "stop") return;
      if (verdict === "settle") {
        const { point } = machine;
        if (this.#completeInstruction()) this.source.settled(machine);
        // A forced point, or a state of another one: what can be delivered there has not been.
        if (machine.point !== point) this.#readyToEnter = false;
        continue;
      }
      if (machine.end !== undefined) return;
      if (!this.#readyToEnter) {
        if (machine.board.interruptPending()) {
          if (!this.#completeInstruction()) continue;
          this.#deliverInterrupt();
        } else {
          machine.vcpu.requestInterruptWindow = false;
        }
        if (machine.halted) {
          this.#idle();
          continue;
        }
        this.#readyToEnter = true;
      }
      if (machine.vcpu.run()) {
        this.#serve(machine.vcpu.exit());
      } else {
        drainKicks();
        this.source.kicked(machine);
      }
    }
  }

  /**
   * Completes the instruction that caused the last exit: KVM does so at the next entry.
   * @returns false if that led to another exit (a wide access has several), which has been served
   */
  #completeInstruction(): boolean {
    const { vcpu } = this.machine;
    vcpu.immediateExit = true;
    const exited = vcpu.run();
    vcpu.immediateExit = false;
    if (exited) this.#serve(vcpu.exit());
    return !exited;
  }

  #deliverInterrupt(): void {
    const { vcpu, board } = this.machine;
    if (vcpu.readyForInterrupt) {
      vcpu.interrupt(board.acknowledgeInterrupt());
      this.machine.halted = false;
    }
    vcpu.requestInterruptWindow = board.interruptPending();
  }

  #idle(): void {
    const { machine } = this;
    if (!machine.vcpu.ifFlag) {
      machine.end = { why: "the guest halted with interrupts off", code: 1 };
      return;
    }
    this.source.idle(machine);
  }

  #serve(exit: Exit): void {
    const { machine } = this;
    machine.point++;
    this.#readyToEnter = false;
    const { exits } = machine;
    exits.word(EXIT_WORD[exit.kind]);
    for (let index = FIRST_STABLE_REGISTER_WORD; index < STABLE_REGISTER_WORDS; index++) {
      exits.word(this.#registers[index]!);
    }
    this.#exit.kind = EXIT_WORD[exit.kind];
    this.#exit.address = this.#exit.shape = this.#exit.value = 0;
    machine.trail.begin(machine.point, this.#registers);
    this.#answer(exit);
    machine.trail.complete(this.#exit, exits.low);
  }

  #answer(exit: Exit): void {
    const { machine } = this;
    switch (exit.kind) {
      case "io":
        return this.#serveIo(exit);
      case "mmio":
        return this.#serveMmio(exit);
      case "rdmsr":
      case "wrmsr":
        return this.#serveMsr(exit);
      default:
        this.source.enter(machine, false);
        return this.#serveRest(exit);
    }
  }

  #serveIo(exit: IoExit): void {
    const { machine } = this;
    const { board, vcpu, exits } = machine;
    this.source.enter(machine, board.dependsOnClock(exit.port, exit.isWrite));
    exits.word(exit.port | (exit.width << 16) | (exit.isWrite ? 1 << 24 : 0));
    this.#exit.address = exit.port;
    this.#exit.shape = exit.width | (exit.isWrite ? 1 << 24 : 0);
    for (let index = 0; index < exit.count; index++) {
      if (exit.isWrite) {
        const value = vcpu.readIo(exit, index);
        exits.word(this.#exit.value = value);
        this.#perform(board.write(exit.port, exit.width, value));
      } else {
        const value = board.read(exit.port, exit.width);
        exits.word(this.#exit.value = value);
        vcpu.writeIo(exit, value, index);
      }
    }
  }

  #serveMmio(exit: MmioExit): void {
    const { machine } = this;
    const { exits } = machine;
    this.source.enter(machine, false);
    exits.word(exit.address);
    exits.word(Math.floor(exit.address / 2 ** 32));
    this.#exit.address = exit.address;
    exits.word(this.#exit.shape = exit.width | (exit.isWrite ? 1 << 24 : 0));
    const { board } = machine;
    // Of a read only what a device answers: all ones say nothing.
    const isTelling = exit.isWrite || board.mmioRead(exit.address, exit.width, exit.data);
    if (isTelling) {
      for (let index = 0; index < exit.width; index++) exits.word(exit.data[index]!);
    }
    this.#exit.value = exit.data[0]!;
    if (exit.isWrite) this.#perform(board.mmioWrite(exit.address, exit.width, exit.data));
  }

  /** The TSC is answered from the machine's clock; no other MSR that comes out exists here. */
  #serveMsr(exit: MsrExit): void {
    const { machine } = this;
    const isTsc = exit.index === MSR_TSC;
    this.source.enter(machine, isTsc);
    machine.exits.word(this.#exit.address = exit.index);
    if (isTsc && exit.kind === "rdmsr") {
      machine.vcpu.acceptMsr(BigInt(machine.clockUs) * BigInt(TSC_COUNTS_PER_US));
    } else {
      machine.vcpu.refuseMsr();
    }
  }

  #serveRest(exit: Exit): void {
    const { machine } = this;
    switch (exit.kind) {
      case "hlt":
        machine.halted = true;
        return;
      case "irq-window":
        return;
      case "shutdown":
        machine.end = { why: "the guest met a triple fault", code: 1 };
        machine.hasShutDown = true;
        return;
      case "internal-error":
        machine.end = {
          why: `KVM could not go on with the guest: ${
            INTERNAL_ERRORS[exit.suberror] ?? `internal error ${exit.suberror}`
          }`,
          code: 1,
        };
        return;
      default:
        machine.end = {
          why: `the guest caused an exit that no machine serves: ${exit.kind}`,
          code: 1,
        };
    }
  }

  #perform(effect: DeviceEffect | undefined): void {
    if (effect === undefined) return;
    const { machine } = this;
    switch (effect.kind) {
      case "output": {
        const sink = Sink[effect.sink];
        machine.outputs.word(sink);
        machine.outputs.bytes(effect.bytes);
        const { console, net } = machine.board;
        const { txTotal } = sink === Sink.console ? console : net!;
        return this.source.output(machine, sink, txTotal - effect.bytes.length, effect.bytes);
      }
      case "reset":
        machine.end = { why: "the guest reset the machine", code: 0 };
        return;
      case "debug-exit":
        machine.end = { why: `the guest ended with code ${effect.code}`, code: effect.code };
    }
  }
}
