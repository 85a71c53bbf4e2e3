/**
 * What the simulated pair is made of: chance, a machine that is a function of its events, a recorder's
 * thread, a logging channel, an arbiter. pair_test_support.ts puts them together.
 */
import type { Message } from "./messages.ts";
import type { Output } from "./output_gate.ts";
import type { LoggedFrame, PrimaryInput } from "./primary.ts";
import type { ReceivedFrame } from "./backup.ts";
import type { ClaimOutcome } from "./types.ts";

/** All that is random in a run: mulberry32, from one seed. */
export class Chance {
  constructor(private state: number) {}

  /** From 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Whether something of this probability happens. */
  happens(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of these. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

/** Its outputs depend on every event that it ever took: two histories show in the bytes. */
export class FakeMachine {
  point = 0;
  hash = 1;
  offset = 0;

  /** Goes to the next execution point, where `event` enters. */
  run(event: number): Output | undefined {
    this.point++;
    this.hash = Math.imul(this.hash ^ event, 0x9e3779b1) >>> 0;
    this.hash = (this.hash ^ (this.hash >>> 15)) >>> 0;
    if (this.hash % 3 !== 0) return undefined;
    const bytes = new Uint8Array([this.hash >>> 24, this.hash >>> 16, this.hash >>> 8]);
    const { offset, point } = this;
    const put = bytes.subarray(0, 1 + this.hash % 7 % 3);
    this.offset += put.length;
    return { sink: 0, offset, point, bytes: put };
  }
}

/** What a frame's bytes say, as JSON. */
export interface FramePayload {
  readonly state?: Pick<FakeMachine, "point" | "hash" | "offset">;
  readonly events: readonly number[];
}

/** What such bytes say. */
export function payloadOf({ bytes }: ReceivedFrame): FramePayload {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** The machine's thread of a primary. As in the real one, an output is on its way before its frame. */
export class FakeRecorder {
  readonly commands: (() => void)[] = [];
  readonly ring: PrimaryInput[] = [];
  isPaused = false;
  isEnded = false;
  #log: { session: number; sequence: number } | undefined;
  #events: number[] = [];
  #outputs: Output[] = [];

  constructor(readonly machine: FakeMachine, private readonly chance: Chance) {}

  /** Whether there is something to do. */
  get canRun(): boolean {
    return this.ring.length < 8 && (this.commands.length > 0 || !this.isPaused && !this.isEnded);
  }

  /** Obeys a command, or goes on to the next execution point. */
  run(): void {
    const command = this.commands.shift();
    if (command !== undefined) return command();
    const event = this.chance.below(1000);
    this.#events.push(event);
    const output = this.machine.run(event);
    if (output !== undefined) this.#outputs.push(output);
    if (this.chance.happens(0.4)) this.#close();
  }

  /** Logs from the whole state on. */
  startLog(session: number): void {
    this.#log = undefined;
    this.#close();
    const { point, hash, offset } = this.machine;
    this.#log = { session, sequence: 0 };
    this.#frame({ events: [] }, false);
    this.#frame({ state: { point, hash, offset }, events: [] }, true);
  }

  /** Logs no more. */
  stopLog(): void {
    this.#log = undefined;
  }

  /** Stands still, and says so. */
  pause(): void {
    this.isPaused = true;
    this.#close();
    this.ring.push({ type: "paused", sequence: this.#log?.sequence ?? 0 });
  }

  /** The guest ends. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#close();
    const sequence = this.#log?.sequence ?? 0;
    this.ring.push({ type: "guestEnded", end: { why: "done", code: 0 }, sequence });
  }

  #close(): void {
    const [first] = this.#outputs;
    if (first !== undefined) {
      const bytes = new Uint8Array(this.#outputs.flatMap((output) => [...output.bytes]));
      const { sink, offset } = first;
      const output = { sink, offset, point: this.machine.point, bytes };
      this.ring.push({ type: "output", output });
      this.#outputs = [];
    }
    if (this.#log !== undefined) this.#frame({ events: this.#events }, false);
    this.#events = [];
  }

  #frame(payload: FramePayload, completesState: boolean): void {
    const log = this.#log!;
    const frame: LoggedFrame = {
      session: log.session,
      sequence: ++log.sequence,
      through: this.machine.point,
      inputOffset: 0,
      ranUs: 0,
      completesState,
      bytes: new TextEncoder().encode(JSON.stringify(payload)),
    };
    this.ring.push({ type: "frame", frame });
  }
}

/** What travels on a logging channel. */
export type Packet = Message | ReceivedFrame | "closed";

/** One direction of a logging channel: in order, nothing lost but a tail. */
export class Lane {
  readonly packets: Packet[] = [];
  /** Nothing arrives any more, and nobody is told. */
  isDead = false;
  #isClosed = false;

  /** Puts a packet on its way; after the end nothing goes. */
  send(packet: Packet): void {
    if (this.#isClosed) return;
    this.packets.push(packet);
    this.#isClosed = packet === "closed";
  }

  /** Breaks: what is on its way arrives up to some packet, then the end is noticed. */
  cut(chance: Chance): void {
    this.packets.splice(chance.below(this.packets.length + 1));
    this.#isClosed = false;
    this.send("closed");
  }
}

/** Test-and-set registers, and a road to them that can be blocked, or lose the answers. */
export class FakeArbiter {
  isReachable = true;
  readonly registers = new Map<number, { who: string; ended: boolean }>();

  /** The test-and-set; what comes back is what the claimer gets to hear. */
  claim(who: string, generation: number, ended: boolean, chance: Chance): ClaimOutcome {
    if (!this.isReachable && chance.happens(0.5)) return { kind: "unreachable", why: "no route" };
    const holder = this.registers.get(generation) ?? { who, ended };
    this.registers.set(generation, holder);
    if (!this.isReachable) return { kind: "unreachable", why: "no answer" };
    if (holder.who === who) return { kind: "won" };
    return { kind: "lost", holder: holder.who, ended: holder.ended };
  }
}
