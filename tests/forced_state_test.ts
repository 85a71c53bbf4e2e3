/**
 * State that is captured wherever a kick stops the guest goes on elsewhere as it does here, also if that is amid an
 * exception: of INT3's KVM does not tell, of others it does not say all. And the machine is what is captured, from
 * there on: a digest that is taken here is compared there, and an interrupt has to enter at the same place.
 */
import assert from "node:assert/strict";
import type { InputSource, Verdict } from "../machine/input_source.ts";
import type { Machine } from "../machine/machine.ts";
import { applySection, captureState, type Section } from "../machine/state.ts";
import { Channel, Gauge } from "../machine/channel.ts";
import { encodeMessageRecord, readFrame, RecordKind } from "../machine/records.ts";
import {
  emptyMachine,
  guestMachine,
  memoryBytes,
  runScript,
  tinyMachine,
} from "../machine/testing.ts";
import { kvmRegs } from "../ffi/kvm_structs.ts";
import { MachineClock } from "../primary/machine_clock.ts";
import { Recorder } from "../primary/recorder.ts";
import type { RecorderCommand } from "../primary/recorder_messages.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { vcpuFields } from "../machine/vcpu_state.ts";
import type { StateField } from "../machine/fields.ts";
import { digestPoints, replayFrames } from "./support/replay.ts";
import { StallGuard } from "./support/stall_guard.ts";

const KICK_MS = 1;
const RUNS = 16;
const STATES_A_RUN = 16;
const CALLS = 300;
/** One forced point in some hundreds is where it matters. */
const LOGGED_CALLS = 2000;
/** Where the code and its count are: memory that no guest of this size uses. */
const CODE = 0x80_0000;
const RING0_CODE = CODE + 0x100;
const COUNT = CODE + 0x1000;
/** Of the bundled guests' runtime: "run the code at RDI in ring 0". */
const PRIVILEGED = 5;

const address = (value: number) => [value & 0xff, value >>> 8 & 0xff, value >>> 16 & 0xff, 0];
/** mov ecx, calls; again: mov eax, 5; mov edi, RING0_CODE; int3; dec ecx; jnz again; out 0xf4, al */
const ring3 = (calls: number) => [
  ...[0xb9, ...address(calls)],
  ...[0xb8, ...address(PRIVILEGED), 0xbf, ...address(RING0_CODE), 0xcc, 0xff, 0xc9, 0x75, 0xf1],
  ...[0xe6, 0xf4],
];
/** inc dword ptr [COUNT]; ret */
const RING0 = [0xff, 0x04, 0x25, ...address(COUNT), 0xc3];

/** The frames of the faults come down on these, and end it all. */
const TABLES = CODE - 0x4_0000;
/** lgdt [CODE]; lidt [CODE + 8]; mov esp, CODE; handler: ud2 */
const FAULTING = [
  ...[0x0f, 0x01, 0x15, ...address(CODE), 0x0f, 0x01, 0x1d, ...address(CODE + 8)],
  ...[0xbc, ...address(CODE), 0x0f, 0x0b],
];
const HANDLER_OFFSET = FAULTING.length - 2;

Deno.test("a state captured amid a call of ring 0 loses no call", async () => {
  using guard = new StallGuard(KICK_MS);
  await guard.ready;
  for (let run = 0; run < RUNS; run++) {
    using machine = callingMachine(CALLS);
    const capturer = new Capturer();
    guard.begin(machine.vcpu);
    new VcpuLoop(machine, capturer).run();
    guard.end();
    assert.equal(countOf(machine), CALLS, "the guest itself");
    for (const [index, captured] of capturer.states.entries()) {
      using copy = copyOf(captured, `run ${run}, state ${index}`);
      const already = countOf(copy);
      runScript(copy);
      assert.equal(
        countOf(copy),
        CALLS,
        `run ${run}, state ${index}, captured after ${already} calls`,
      );
    }
  }
});

Deno.test("a state captured amid the delivery of an exception goes on as the machine that it is of", async () => {
  using guard = new StallGuard(KICK_MS);
  await guard.ready;
  using machine = faultingMachine();
  const capturer = new Capturer();
  guard.begin(machine.vcpu);
  new VcpuLoop(machine, capturer).run();
  guard.end();
  for (const [index, captured] of capturer.states.entries()) {
    using copy = copyOf(captured, `state ${index}`);
    runScript(copy);
    for (let page = 0; page < copy.memory.pages; page++) {
      const isSame = equalBytes(copy.memory.page(page), machine.memory.page(page));
      assert.ok(isSame, `state ${index}, page 0x${page.toString(16)}`);
    }
  }
});

Deno.test("a log with forced points amid calls of ring 0 is replayed exactly", async () => {
  using guard = new StallGuard(KICK_MS);
  await guard.ready;
  let forcedPoints = 0;
  for (let run = 0; run < RUNS; run++) {
    using machine = callingMachine(LOGGED_CALLS);
    const channel = Channel.create();
    const recorder = new ForcingRecorder(machine, channel);
    guard.begin(machine.vcpu);
    new VcpuLoop(machine, recorder).run();
    guard.end();
    forcedPoints += channel.gauges[Gauge.forcedPoints]!;
    const { frames } = recorder;
    const { end, digests } = await replayFrames(frames, { memoryBytes });
    assert.deepEqual(end, machine.end);
    assert.equal(digests, digestPoints(frames).length);
  }
  assert.ok(forcedPoints > RUNS, `${forcedPoints} forced points`);
});

/** Logs from its first boundary on, digests at each point, and takes each kick for the end of a slice. */
class ForcingRecorder extends Recorder {
  /** The log, but for what waits in the channel: this thread is both of its ends, and it must not fill up. */
  readonly #frames: Uint8Array[] = [];

  constructor(machine: Machine, private readonly own: Channel) {
    super(machine, own, new MachineClock(machine.clockUs, 0), { verify: 1 });
    const start: RecorderCommand = {
      type: "startLog",
      session: 1,
      generation: 1,
      frameAgeMs: 1000,
      checkpointing: false,
      epochLengthMs: 1,
    };
    assert.ok(own.commands.tryWrite(RecordKind.message, encodeMessageRecord(start)));
  }

  /** The log up to here. */
  get frames(): readonly Uint8Array[] {
    const { notices } = this.own;
    for (let record = notices.tryRead(); record !== undefined; record = notices.tryRead()) {
      if (record.kind === RecordKind.frame) this.#frames.push(readFrame(record.body).bytes);
    }
    return this.#frames;
  }

  override boundary(machine: Machine): Verdict {
    void this.frames;
    return super.boundary(machine);
  }

  override kicked(machine: Machine): void {
    this.own.gauges[Gauge.overduePoint] = machine.point;
    super.kicked(machine);
  }
}

/** A state, and what the machine was from there on. */
interface Captured {
  readonly sections: readonly Section[];
  readonly fields: readonly StateField[];
  readonly isReady: boolean;
}

/** A machine that goes on from a state. It has to be what the other one was. */
function copyOf({ sections, fields, isReady }: Captured, what: string): Machine {
  const copy = emptyMachine();
  for (const section of sections) applySection(copy, section);
  assert.deepEqual(vcpuFields(copy.vcpu), fields, what);
  assert.equal(copy.vcpu.readyForInterrupt, isReady, `${what}: ready for an interrupt`);
  return copy;
}

/** A machine in which one exception follows the other, each with a frame of its own on the stack. */
function faultingMachine(): Machine {
  const machine = tinyMachine(FAULTING);
  const words = (...values: bigint[]) => new Uint8Array(BigUint64Array.from(values).buffer);
  machine.memory.write(TABLES, words(0n, 0x00cf_9b00_0000_ffffn));
  machine.memory.write(
    TABLES + 0x80 + 6 * 8,
    words(0x0010_8e00_0008_0000n | BigInt(HANDLER_OFFSET)),
  );
  const pointer = (limit: number, at: number) => [limit, 0, ...address(at)];
  machine.memory.write(CODE, Uint8Array.from(pointer(15, TABLES)));
  machine.memory.write(CODE + 8, Uint8Array.from(pointer(7 * 8 - 1, TABLES + 0x80)));
  return machine;
}

function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.every((byte, index) => byte === right[index]);
}

/** A machine in which the runtime is there, about to make its calls. */
function callingMachine(calls: number): Machine {
  const machine = guestMachine("hello", "");
  while (!runScript(machine, machine.point + 1).text.includes("h"));
  machine.memory.write(CODE, Uint8Array.from(ring3(calls)));
  machine.memory.write(RING0_CODE, Uint8Array.from(RING0));
  const regs = machine.vcpu.get("regs");
  kvmRegs.set(kvmRegs.view(regs), "rip", BigInt(CODE));
  machine.vcpu.set("regs", regs);
  return machine;
}

function countOf({ memory }: Machine): number {
  return new DataView(memory.bytes.buffer, memory.bytes.byteOffset).getUint32(COUNT, true);
}

/** Captures the state at each kick, up to a number of them. */
class Capturer implements InputSource {
  readonly states: Captured[] = [];
  #wasKicked = false;

  kicked(): void {
    this.#wasKicked = true;
  }
  boundary(): Verdict {
    const mustCapture = this.#wasKicked && this.states.length < STATES_A_RUN;
    this.#wasKicked = false;
    return mustCapture ? "settle" : "go";
  }
  settled(machine: Machine): void {
    const sections = [...captureState(machine)];
    const { vcpu } = machine;
    this.states.push({ sections, fields: vcpuFields(vcpu), isReady: vcpu.readyForInterrupt });
  }
  enter(): void {}
  idle(): void {}
  output(): void {}
}
