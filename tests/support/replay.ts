/**
 * Replays a recorded log in this thread, as a backup does, and lets a test meddle with the machine at
 * one execution point.
 *
 * Called by the whole-system tests and by the campaigns.
 */
import { Replayer } from "../../backup/replayer.ts";
import { FrameDecoder, type LogHeader } from "../../codec/codec.ts";
import { Digester } from "../../machine/digest.ts";
import { hostKind } from "../../machine/host_kind.ts";
import { ControlCode, Sink } from "../../machine/control.ts";
import type { InputSource, Verdict } from "../../machine/input_source.ts";
import { type GuestEnd, Machine } from "../../machine/machine.ts";
import { captureState, StateSection } from "../../machine/state.ts";
import { digestOf } from "../../machine/testing.ts";
import { VcpuLoop } from "../../machine/vcpu_loop.ts";

/** Something to be done to the machine once it has come to `point`, no instruction pending. */
export interface Meddling {
  readonly point: number;
  /** Done before a digest at the point, if there is one, is compared. */
  act(machine: Machine): void;
}

/** How to replay. */
export interface ReplayOptions {
  readonly memoryBytes: number;
  readonly meddling?: Meddling;
  /** Called when a frame has been replayed and verified. */
  readonly onReplayed?: (header: LogHeader) => void;
  /** Called with a machine that is about to replay. */
  readonly onStart?: (machine: Machine) => void;
  /** A signal stopped the guest. */
  readonly onKick?: (machine: Machine) => void;
}

/** What a replay came to. */
export interface Replay {
  /** What the guest put out to the console, and at which offset of that stream it begins. */
  readonly output: Uint8Array<ArrayBuffer>;
  readonly outputOffset: number | undefined;
  /** What it put out to the network, as devices/net_frames.ts has it. */
  readonly network: Uint8Array<ArrayBuffer>;
  readonly end: GuestEnd | undefined;
  readonly points: number;
  /** Digests of the whole machine that were compared, all equal. */
  readonly digests: number;
  /** The whole state at the end: a digest, and all pages of memory that are not zero. */
  readonly state: Uint8Array<ArrayBuffer>;
}

/**
 * Replays a log from its first frame to its last.
 * @throws DivergenceError where the replay differs
 */
export async function replayFrames(
  frames: readonly Uint8Array[],
  options: ReplayOptions,
): Promise<Replay> {
  using machine = Machine.create(options.memoryBytes, 0, hostKind());
  const outputs: Uint8Array<ArrayBuffer>[] = [];
  const sent: Uint8Array<ArrayBuffer>[] = [];
  let outputOffset: number | undefined;
  let next = 0;
  using digester = new Digester(machine, "nothing");
  using replayer = new Replayer(machine, {
    nextFrame: () => frames[next++],
    opened: () => {},
    output: (sink, offset, _point, bytes) => {
      if (sink === Sink.net) return void sent.push(bytes.slice());
      outputOffset ??= offset;
      outputs.push(bytes.slice());
    },
    replayed: (header) => options.onReplayed?.(header),
    stateApplied: () => {},
  }, digester);
  options.onStart?.(machine);
  const loop = new VcpuLoop(machine, new Meddler(replayer, options));
  loop.run();
  loop.source = new Settler();
  loop.run();
  const { end, point } = machine;
  const pages = [...captureState(machine)]
    .filter(({ section }) => section === StateSection.pages).map(({ bytes }) => bytes);
  const [output, network, state] = await Promise.all([
    join(outputs),
    join(sent),
    join([digestOf(machine), ...pages]),
  ]);
  const { digests } = replayer;
  return { output, outputOffset, network, end, points: point, digests, state };
}

/** What the frames of a log say about themselves. */
export function headersOf(frames: readonly Uint8Array[]): LogHeader[] {
  using decoder = new FrameDecoder();
  return frames.map((frame) => decoder.open(frame));
}

/** The points at which a log has digests. */
export function digestPoints(frames: readonly Uint8Array[]): number[] {
  using decoder = new FrameDecoder();
  const points: number[] = [];
  for (const frame of frames) {
    decoder.open(frame);
    for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
      if (event.kind === "control" && event.code === ControlCode.digest) points.push(event.point);
    }
  }
  return points;
}

/** A replayer, but for one point. */
class Meddler implements InputSource {
  #meddling: Meddling | undefined;
  #mustSettle = false;

  constructor(private readonly replayer: Replayer, private readonly options: ReplayOptions) {
    this.#meddling = options.meddling;
  }

  boundary(machine: Machine): Verdict {
    const verdict = this.replayer.boundary(machine);
    this.#mustSettle = verdict === "settle";
    const isThere = this.#meddling !== undefined && machine.point >= this.#meddling.point;
    return isThere && verdict !== "stop" ? "settle" : verdict;
  }

  settled(machine: Machine): void {
    if (this.#meddling !== undefined && machine.point >= this.#meddling.point) {
      this.#meddling.act(machine);
      this.#meddling = undefined;
    }
    if (this.#mustSettle) this.replayer.settled(machine);
  }

  enter(machine: Machine, clockMatters: boolean): void {
    this.replayer.enter(machine, clockMatters);
  }

  idle(machine: Machine): void {
    this.replayer.idle(machine);
  }

  kicked(machine: Machine): void {
    this.replayer.kicked(machine);
    this.options.onKick?.(machine);
  }

  output(machine: Machine, sink: number, offset: number, bytes: Uint8Array): void {
    this.replayer.output(machine, sink, offset, bytes);
  }
}

/** Completes the instruction at which a machine stands, and stops. */
class Settler implements InputSource {
  #done = false;

  boundary(): Verdict {
    return this.#done ? "stop" : "settle";
  }
  settled(): void {
    this.#done = true;
  }
  enter(): void {}
  idle(): void {}
  kicked(): void {}
  output(): void {}
}

async function join(parts: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Blob([...parts]).arrayBuffer());
}
