/**
 * Bad input to a backup: a primary that sends garbage, impossible figures, or a log that does not fit the
 * machine. The backup says what is wrong, closes the connection, and joins anew or halts with the code for it;
 * it never dies of it, and never takes over.
 *
 * The backup is a real one in this process, with its vCPU on /dev/kvm.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { logFraming } from "../link/log_framing.ts";
import { listenTcp } from "../link/tcp.ts";
import { ControlCode } from "../machine/control.ts";
import { StateSection } from "../machine/state.ts";
import type { MessageOf } from "../protocol/messages.ts";
import { FrameKind } from "../codec/codec.ts";
import { encodeStateOutput } from "../codec/state_output.ts";
import { backupOptions, runBackup } from "./support/pair_in_process.ts";
import {
  type Add,
  flipped,
  MEMORY_BYTES,
  noVcpu,
  page,
  type RecordedLog,
  recordedLog,
  sealed,
  stateFrames,
  withBytes,
} from "./support/odd_logs.ts";
import { announcing, emptyLogFrame, HEADER, RawPeer, withByte } from "./support/raw_peer.ts";
import { ScratchDirectory } from "./support/run_command.ts";

const WELCOME: MessageOf<"welcome"> = {
  type: "welcome",
  machineId: "hello",
  generation: 1,
  memoryBytes: MEMORY_BYTES,
  commitReplayed: false,
  heartbeatMs: 100,
  timeoutMs: 2000,
  lagMaxMs: 200,
  sliceMs: 20,
  mode: "replay",
  checkpointing: false,
  epochLengthMs: 10,
  verify: "off",
  divergenceMax: "3",
};

/** What a misdeed leads to: the backup joins anew, or halts with this code. */
type Outcome = "rejoin" | typeof ExitCode.peer | typeof ExitCode.os | typeof ExitCode.diverged;

/** One primary that misbehaves, once a backup has said hello. */
interface Misdeed {
  readonly name: string;
  act(peer: RawPeer): Promise<unknown>;
  /** What the backup says of it. */
  readonly said: RegExp;
  readonly outcome: Outcome;
}

async function check({ name, act, said, outcome }: Misdeed): Promise<void> {
  using scratch = new ScratchDirectory();
  Deno.mkdirSync(scratch.file("arbiter"));
  using listener = listenTcp({ hostname: "127.0.0.1", port: 0 }, logFraming);
  const backup = runBackup({
    ...backupOptions(scratch.path, listener.address),
    listen: undefined,
  });
  {
    using peer = new RawPeer((await listener.accept())!);
    await peer.next("hello");
    await act(peer);
    await peer.untilClosed();
  }
  if (outcome === "rejoin") {
    using again = new RawPeer((await listener.accept())!);
    await again.next("hello");
    assert.match(backup.lines.join("\n"), said, name);
    again.link.close();
    backup.side.role.retire("the test is over");
    listener.close();
    // It is between two attempts, or in one: either way it leaves.
    const { code, why } = await backup.halt;
    assert.equal(code, ExitCode.ok, `${name}: ${why}`);
  } else {
    const rejoined = listener.accept().then((link) => ({ code: -1, why: "joined anew", link }));
    const { code, why } = await Promise.race([backup.halt, rejoined]);
    assert.equal(code, outcome, `${name}: ${why}: ${backup.lines.join("\n")}`);
    assert.match(why, said, name);
  }
  assert.deepEqual([...Deno.readDirSync(scratch.file("arbiter"))], [], `${name}: it claimed`);
}

Deno.test("a primary that does not speak the protocol is left, and joined anew", async () => {
  const numbers = { type: "done", sink: 0, offset: 0 } as const;
  const misdeeds: Misdeed[] = [
    misdeed("garbage", (peer) => peer.link.send(new Uint8Array(200).fill(9)), /magic/),
    misdeed("a 16 MiB frame", (peer) => peer.link.send(announcing(0xff_ffff)), /found 16777215/),
    misdeed(
      "another version",
      (peer) => peer.link.send(withByte(emptyLogFrame(), HEADER.magic, 0xd3)),
      /magic/,
    ),
    misdeed(
      "a frame of a chain that has not begun",
      (peer) => peer.link.send(withByte(emptyLogFrame(), HEADER.kind, FrameKind.log | 2 << 5)),
      /continues/,
    ),
    misdeed(
      "a log at first",
      (peer) => peer.link.send(emptyLogFrame()),
      /a log frame, expected a welcome/,
    ),
    misdeed(
      "a message at first",
      (peer) => peer.send(numbers),
      /a done message, expected a welcome/,
    ),
    misdeed("an end at first", (peer) => Promise.resolve(peer.link.close()), /closed|reset/i),
    misdeed(
      "a refusal",
      (peer) => peer.send({ type: "refuse", why: "not now", retry: true }),
      /refused: not now/,
    ),
    ...[0, 1, 4097, 2 ** 20, MEMORY_BYTES + 4096, 2 ** 32, 2 ** 53 - 1].map((memoryBytes) =>
      misdeed(
        `${memoryBytes} bytes of memory`,
        (peer) => peer.send({ ...WELCOME, memoryBytes }),
        new RegExp(`a welcome to what is no machine: a guest can have .* not ${memoryBytes} bytes`),
      )
    ),
    misdeed(
      "an id",
      (peer) => peer.send({ ...WELCOME, machineId: "../../etc" }),
      /what is no machine: machine id/,
    ),
    misdeed(
      "a generation",
      (peer) => peer.send({ ...WELCOME, generation: 0 }),
      /generation 0, expected 1/,
    ),
    misdeed(
      "no patience",
      (peer) => peer.send({ ...WELCOME, timeoutMs: 1 }),
      /a timeout of 1 ms, expected/,
    ),
    misdeed(
      "two welcomes",
      (peer) => says(peer, WELCOME),
      /a welcome message, which a primary does not send now/,
    ),
    misdeed(
      "protection of nothing",
      (peer) => says(peer, { type: "protected", stateSequence: 1 }),
      /the state in frame 1, which is not replayed/,
    ),
    misdeed(
      "a handover",
      (peer) => says(peer, { type: "handover", sequence: 0 }),
      /a handover after frame 0/,
    ),
    misdeed(
      "an ack",
      (peer) => says(peer, { type: "leave", why: "" }),
      /a leave message, which a primary/,
    ),
    misdeed(
      "a gap",
      (peer) => logs(peer, [emptyLogFrame(1, 2)]),
      /frame 2 of generation 1, expected 1 of/,
    ),
    misdeed(
      "a past generation",
      (peer) => logs(peer, [emptyLogFrame(7)]),
      /frame 1 of generation 7, expected 1/,
    ),
    misdeed("a flipped log", (peer) => logs(peer, [flipped(emptyLogFrame())]), /CRC32C/i),
  ];
  for (const each of misdeeds) await check(each);
});

Deno.test("a primary that accepts and says nothing is given up, and joined anew", () =>
  check(misdeed("silence", () => Promise.resolve(), /sent no whole frame for 10000 ms/)));

Deno.test("a log that does not fit the machine ends the replay with the code for it", async () => {
  const log = await recordedLog();
  const pages = (bytes: Uint8Array) => stateFrames(StateSection.pages, bytes);
  const machine = (bytes: Uint8Array) => stateFrames(StateSection.machine, bytes);
  const whole = log.machine;
  const misdeeds: Misdeed[] = [
    halting(
      "a log without a state",
      [sealed((encoder) => encoder.time(1, 5), 9)],
      /time event before the state/,
    ),
    halting(
      "an unknown section",
      stateFrames(7, new Uint8Array(4)),
      /state section 7, expected 0 to 2/,
    ),
    halting(
      "half a page",
      pages(new Uint8Array(2048).fill(1)),
      /page batch at byte 2048: it ends inside a field/,
    ),
    halting(
      "a page beyond the end",
      pages(page(MEMORY_BYTES / 4096)),
      /page batch at byte 0: page beyond the end of memory \(found 2048, expected at most 2047\)/,
    ),
    halting(
      "changes to a page of a state that is whole",
      pages(Uint8Array.of(3, 1, 0, 9)),
      /page batch at byte 3: changes to a page that is not here/,
    ),
    halting("no machine", machine(new Uint8Array()), /a machine section of 0 bytes/),
    halting("half a machine", machine(whole.slice(0, 999)), /a machine section of 999 bytes/),
    halting(
      "another machine",
      machine(withBytes(whole, 0, [0, 1])),
      /the state of a machine with 256 pages/,
    ),
    halting("halted twice", machine(withBytes(whole, 4, [2])), /a machine section with halted 2/),
    halting("no point", machine(withBytes(whole, 5, new Array(8).fill(0xff))), /point NaN/),
    halting(
      "a board of the future",
      machine(withBytes(whole, whole.length - log.boardBytes, [9])),
      /board's state is of version 9/,
    ),
    halting("a vCPU that KVM refuses", machine(noVcpu(whole)), /KVM_SET_|state/, ExitCode.os),
    altered(
      log,
      "data for another device",
      (e) => e.data(log.end + 1, 5, Uint8Array.of(1)),
      /data for device 5, expected 0/,
    ),
    altered(
      log,
      "a control code",
      (e) => e.control(log.end, 77, new Uint8Array()),
      /a control event 77/,
    ),
    altered(
      log,
      "a digest of nothing",
      (e) => e.control(log.end, ControlCode.digest, new Uint8Array()),
      /digest of 0 fields/,
    ),
    altered(
      log,
      "an end that is none",
      (e) => e.control(log.end, ControlCode.end, Uint8Array.of(1, 2)),
      /the guest's end in 2 bytes/,
    ),
  ];
  for (const each of misdeeds) await check(each);
});

Deno.test("a state in the middle of a log that can't be is refused with the code for it", async () => {
  const log = await recordedLog();
  const { end, machine } = log;
  const { pages, machine: rest, outputs } = StateSection;
  const output = (offset: number) =>
    encodeStateOutput({ sink: 0, offset, bytes: Uint8Array.of(65) });
  /** The sections of a state, at the end of the state that the log begins with. */
  const state =
    (...sections: readonly [section: number, bytes: Uint8Array][]): Add => (encoder) => {
      for (const [section, bytes] of sections) encoder.state(end, section, bytes);
    };
  const beyond = withBytes(machine, 5, [...new Uint8Array(Float64Array.of(end + 5).buffer)]);
  const misdeeds = [
    altered(log, "an unknown section", state([9, machine]), /state section 9, expected 0 to 2/),
    altered(log, "half a machine", state([rest, machine.slice(0, 99)]), /section of 99 bytes/),
    altered(
      log,
      "a page beyond the end",
      state([pages, page(MEMORY_BYTES / 4096)], [rest, machine]),
      /page beyond the end of memory \(found 2048, expected at most 2047\)/,
    ),
    altered(
      log,
      "an event in the middle of it",
      (encoder) => {
        encoder.state(end, pages, page(3));
        encoder.time(end, 5);
      },
      /a time event in the middle of a state/,
    ),
    altered(
      log,
      "a point beyond the log",
      state([rest, beyond]),
      new RegExp(`a state of point ${end + 5} at ${end}, in a log up to ${end + 1}`),
    ),
    altered(
      log,
      "a point that has passed",
      (encoder) => encoder.state(end + 1, rest, machine),
      new RegExp(`a state of point ${end} at ${end + 1}`),
    ),
    altered(
      log,
      "no outputs",
      state([outputs, new Uint8Array(9)]),
      /an outputs section of 9 bytes/,
    ),
    altered(
      log,
      "outputs that do not follow",
      state([outputs, output(7)], [rest, machine]),
      /output of sink 0 at 7, expected 0/,
    ),
    altered(
      log,
      "outputs that the machine did not put out",
      state([outputs, output(0)], [rest, machine]),
      /output of sink 0 up to 1, expected up to 0/,
    ),
  ];
  for (const each of misdeeds) await check(each);
});

Deno.test("a log that is not of this run is a divergence: the backup says so, asks for the state, and claims nothing", async () => {
  const log = await recordedLog();
  const misdeeds: Misdeed[] = [
    diverging(log, "time going backwards", (e) => e.time(log.end + 1, 0), /clock moved to 0/),
    diverging(
      log,
      "more input than there is room for",
      (e) => e.data(log.end + 1, 0, new Uint8Array(9999)),
      /9999 bytes entered/,
    ),
  ];
  for (const each of misdeeds) await check(each);
});

function misdeed(name: string, act: Misdeed["act"], said: RegExp): Misdeed {
  return { name, act, said, outcome: "rejoin" };
}

/** A log that can't be gone on from. */
function halting(
  name: string,
  frames: readonly Uint8Array<ArrayBuffer>[],
  said: RegExp,
  outcome: Outcome = ExitCode.peer,
): Misdeed {
  return { name, act: (peer) => logs(peer, frames), said, outcome };
}

/** A state that is right, and after it a frame with one event that is not. */
function altered(log: RecordedLog, name: string, add: Add, said: RegExp): Misdeed {
  return halting(name, [...log.state, sealed(add, log.end + 1, log.state.length + 1)], said);
}

function diverging(log: RecordedLog, name: string, add: Add, said: RegExp): Misdeed {
  const frames = [...log.state, sealed(add, log.end + 1, log.state.length + 1)];
  const act = async (peer: RawPeer) => {
    await logs(peer, frames);
    await peer.next("diverged");
    await peer.next("renew");
    peer.link.close();
  };
  return misdeed(name, act, said);
}

async function says(peer: RawPeer, message: Parameters<RawPeer["send"]>[0]): Promise<void> {
  await peer.send(WELCOME);
  await peer.send(message, 1);
}

async function logs(peer: RawPeer, frames: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
  await peer.send(WELCOME);
  for (const frame of frames) await peer.link.send(frame);
}
