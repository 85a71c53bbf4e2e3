/**
 * A machine with a network card, recorded and replayed in this thread: what arrives is an event, what leaves is an
 * output, and what the card wrote into memory is in digests and states.
 */
import assert from "node:assert/strict";
import { FrameDecoder, type LogEvent } from "../codec/codec.ts";
import { DivergenceError, PeerError } from "../base/errors.ts";
import { joinFrames, splitFrames } from "../devices/net_frames.ts";
import type { MacAddress } from "../devices/virtio_net.ts";
import { Channel } from "../machine/channel.ts";
import { DataDevice, Sink } from "../machine/control.ts";
import { Digester } from "../machine/digest.ts";
import { hostKind } from "../machine/host_kind.ts";
import { Machine } from "../machine/machine.ts";
import {
  encodeMessageRecord,
  type OutputRecord,
  readFrame,
  readOutput,
  RecordKind,
} from "../machine/records.ts";
import { COMMAND_LINE_ADDRESS } from "../machine/memory_map.ts";
import { emptyMachine } from "../machine/testing.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { Replayer } from "../backup/replayer.ts";
import { MachineClock } from "../primary/machine_clock.ts";
import { Recorder } from "../primary/recorder.ts";
import type { RecorderCommand } from "../primary/recorder_messages.ts";
import { echoGuest } from "./support/net_guest.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { replayFrames } from "./support/replay.ts";

const seed = chooseSeed("net_test");
const memoryBytes = 8 << 20;
const mac: MacAddress = [0x52, 0x54, 0, 0, 0, 1];
const EPOCH_MS = 1_700_000_000_000;

type Bytes = Uint8Array<ArrayBuffer>;

/** Frames of all lengths, the last of which ends the guest. */
function someFrames(random: Random, count: number): Bytes[] {
  return Array.from({ length: count }, (_, index) => {
    const frame = new Uint8Array(15 + random.below(1500));
    for (let at = 0; at < frame.length; at++) frame[at] = random.below(256);
    frame[14] = index === count - 1 ? 0xff : index & 0x7f;
    return frame;
  });
}

/** What a recorder left behind. */
interface Run {
  readonly log: readonly Bytes[];
  readonly outputs: readonly OutputRecord[];
}

/** Lets a machine run to its end, with these frames arriving. */
function record(machine: Machine, frames: readonly Bytes[], checkpointing = false): Run {
  const channel = Channel.create();
  const start: RecorderCommand = {
    type: "startLog",
    session: 1,
    generation: 1,
    frameAgeMs: 20,
    checkpointing,
    epochLengthMs: 1,
  };
  channel.commands.tryWrite(RecordKind.message, encodeMessageRecord(start));
  for (const frame of frames) assert.ok(channel.frames.tryWrite(RecordKind.input, frame));
  const clock = new MachineClock(machine.clockUs, 0);
  new VcpuLoop(machine, new Recorder(machine, channel, clock, { verify: 100 })).run();
  const log: Bytes[] = [];
  const outputs: OutputRecord[] = [];
  for (let one = channel.notices.tryRead(); one; one = channel.notices.tryRead()) {
    if (one.kind === RecordKind.frame) log.push(readFrame(one.body).bytes);
    else if (one.kind === RecordKind.output) outputs.push(readOutput(one.body));
  }
  return { log, outputs };
}

function bootedMachine(): Machine {
  const machine = Machine.create(memoryBytes, EPOCH_MS, hostKind(), { net: { mac } });
  machine.boot({ image: echoGuest(), name: "echo", commandLine: "" });
  return machine;
}

/** What went to the network; the offsets must follow on one another. */
function sentFrames(outputs: readonly OutputRecord[], from = 0): Uint8Array[] {
  let end = from;
  return outputs.filter(({ sink }) => sink === Sink.net).flatMap(({ offset, bytes }) => {
    assert.equal(offset, end);
    end += bytes.length;
    return [...splitFrames(bytes)].map((frame) => frame.slice());
  });
}

/** As text: what differs is shown in a moment. */
function assertSame(sent: readonly Uint8Array[], frames: readonly Uint8Array[]): void {
  assert.deepEqual(sent.map((frame) => frame.toHex()), frames.map((frame) => frame.toHex()));
}

function eventsOf(log: readonly Bytes[]): LogEvent[] {
  using decoder = new FrameDecoder();
  return log.flatMap((bytes) => {
    decoder.open(bytes);
    const events: LogEvent[] = [];
    for (let event = decoder.next(); event; event = decoder.next()) events.push(event);
    return events;
  });
}

for (const checkpointing of [false, true]) {
  const how = checkpointing ? "in checkpoint mode" : "by events";
  Deno.test(`a guest that sends back what arrives is replayed ${how}, its memory included`, async () => {
    using machine = bootedMachine();
    const frames = someFrames(new Random(seed), 60);
    const { log, outputs } = record(machine, frames, checkpointing);
    assert.equal(machine.end?.why, "the guest ended with code 0");
    assertSame(sentFrames(outputs), frames);
    assert.equal(machine.board.net!.rxTotal, frames.length);
    const data = eventsOf(log).filter((event) => event.kind === "data");
    assert.equal(data.length, checkpointing ? 0 : frames.length);
    for (const event of data) assert.equal(event.device, DataDevice.net);
    const replay = await replayFrames(log, { memoryBytes });
    assertSame([...splitFrames(replay.network)], frames);
    assert.equal(replay.output.length, frames.length, "a newline each");
    assert.ok(replay.digests > 0);
    assert.equal(replay.points, machine.point);
  });
}

Deno.test("a replay that is cut off goes on as a primary, and no frame is lost or sent under another number", () => {
  using machine = bootedMachine();
  const random = new Random(seed);
  const frames = someFrames(random, 40);
  const { log, outputs } = record(machine, frames);
  const kept = 1 + random.below(log.length - 2);
  using other = Machine.create(memoryBytes, 0, hostKind());
  using digester = new Digester(other, "nothing");
  const replayed: OutputRecord[] = [];
  let next = 0;
  using replayer = new Replayer(other, {
    nextFrame: () => next < kept ? log[next++] : undefined,
    opened: () => {},
    output: (sink, offset, point, bytes) => {
      replayed.push({ sink, offset, point, bytes: bytes.slice() });
    },
    replayed: () => {},
    stateApplied: () => {},
  }, digester);
  new VcpuLoop(other, replayer).run();
  const entered = other.board.net?.rxTotal ?? 0;
  const before = sentFrames(replayed);
  const after = sentFrames(
    record(other, frames.slice(entered)).outputs,
    joinFrames(before).length,
  );
  assertSame([...before, ...after], frames);
  assertSame(sentFrames(outputs), frames);
});

Deno.test("a replay finds a frame that is not the recorded one, and one that the guest has no room for", async () => {
  using machine = bootedMachine();
  const { log } = record(machine, someFrames(new Random(seed), 20));
  const points = eventsOf(log).filter(({ kind }) => kind === "data").map(({ point }) => point);
  const meddling = (act: (machine: Machine) => void) =>
    replayFrames(log, { memoryBytes, meddling: { point: points[3]! - 1, act } });
  await assert.rejects(
    meddling(({ memory }) => memory.write(0x32_0000, new Uint8Array(0x800 * 4).fill(1))),
    DivergenceError,
  );
  await assert.rejects(
    meddling(({ board }) => {
      while (board.net!.canReceive()) board.net!.receive(new Uint8Array(60));
    }),
    (error) =>
      error instanceof DivergenceError && /no buffer for one|checksum|exit/.test(`${error}`),
  );
  await assert.rejects(
    meddling(({ board }) => board.restore(emptyMachine().board.encode())),
    (error) => error instanceof PeerError || error instanceof DivergenceError,
  );
});

Deno.test("what is no frame enters no machine, and is not logged", () => {
  using machine = bootedMachine();
  const frames = someFrames(new Random(seed), 3);
  const odd = [new Uint8Array(13), new Uint8Array(1515), new Uint8Array(0)];
  const { log, outputs } = record(machine, [odd[0]!, frames[0]!, ...odd, ...frames.slice(1)]);
  assertSame(sentFrames(outputs), frames);
  assert.equal(eventsOf(log).filter(({ kind }) => kind === "data").length, 3);
});

Deno.test("the command line says where the card is, if there is one", () => {
  const commandLineOf = ({ memory }: Machine) => {
    const bytes = memory.bytes.slice(COMMAND_LINE_ADDRESS, COMMAND_LINE_ADDRESS + 100);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  };
  for (
    const [net, commandLine, expected] of [
      [true, "a=b", "a=b virtio_mmio.device=512@0xd0000000:5"],
      [true, "", "virtio_mmio.device=512@0xd0000000:5"],
      [false, "a=b", "a=b"],
    ] as const
  ) {
    using machine = Machine.create(memoryBytes, EPOCH_MS, 1, net ? { net: { mac } } : {});
    machine.boot({ image: echoGuest(), name: "echo", commandLine });
    assert.equal(commandLineOf(machine), expected);
  }
});
