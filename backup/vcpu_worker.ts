/**
 * The worker in which a backup's vCPU lives: replays what main feeds it, and on a takeover goes on as a
 * recorder in the same thread, with the same machine.
 */
import type { LogHeader } from "../codec/codec.ts";
import { DivergenceError } from "../base/errors.ts";
import { outputBatchBytes } from "../base/limits.ts";
import { type Channel, Gauge } from "../machine/channel.ts";
import { Sink } from "../machine/control.ts";
import { Digester } from "../machine/digest.ts";
import type { Verdict } from "../machine/input_source.ts";
import { Machine } from "../machine/machine.ts";
import { OutputBatch } from "../machine/output_batch.ts";
import {
  decodeMessageRecord,
  encodeMessageRecord,
  RecordKind,
  writeOutput,
} from "../machine/records.ts";
import type { RingRecord } from "../machine/ring.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { readyNotice, serveThread, type ThreadNotice } from "../machine/vcpu_thread.ts";
import { Replayer, type ReplayIo } from "./replayer.ts";
import type { ReplayCommand, ReplayNotice } from "./replay_thread_messages.ts";
import { recordFrom } from "./takeover_recorder.ts";

/** Of one record. */
const HASHES_BYTES = 64 << 10;

/** What the replay is of. */
export interface BackupThreadConfig {
  readonly memoryBytes: number;
  /** Of this host; see machine/host_kind.ts. */
  readonly hostKind: number;
}

serveThread<BackupThreadConfig>((channel, { memoryBytes, hostKind }) => {
  // The state transfer brings the time of day with it.
  using machine = Machine.create(memoryBytes, 0, hostKind);
  using _loan = channel.loan;
  machine.trail = channel.trail;
  using digester = new Digester(machine, "nothing");
  notify(channel, readyNotice(machine));
  for (;;) {
    const feed = new CommandFeed(machine, channel);
    using replayer = new GaugedReplayer(machine, channel, feed, digester);
    const loop = new VcpuLoop(machine, replayer);
    replay(loop, feed, machine, channel);
    const command = feed.awaitVerdict();
    switch (command.type) {
      case "renew":
        prepareRenewal(machine, channel, digester);
        continue;
      case "goLive": {
        // A primary that nobody follows takes no digests.
        digester[Symbol.dispose]();
        const recorder = recordFrom(machine, channel, command.wallMs, command.verify);
        loop.source = recorder;
        loop.run();
        return recorder.awaitQuit(machine);
      }
      default:
        return;
    }
  }
});

/** Replays until main has another wish, or the replay differs, and tells main. */
function replay(loop: VcpuLoop, feed: CommandFeed, machine: Machine, channel: Channel): void {
  try {
    loop.run();
    if (feed.last?.type === "drain") notify(channel, { type: "drained" });
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    const { point, place, recorded, replayed, differences } = error;
    feed.flush();
    const devices = Object.fromEntries(
      machine.board.fields().map(({ name, value }) => [name, `0x${value.toString(16)}`]),
    );
    const divergence = { point, place, recorded, replayed };
    notify(channel, { type: "diverged", divergence, details: { differences, devices } });
  }
}

/** What there is of the machine is not it. Most of its memory is right, though: the primary is told which. */
function prepareRenewal(machine: Machine, channel: Channel, digester: Digester): void {
  channel.goOn();
  machine.end = undefined;
  machine.hasShutDown = false;
  machine.undone.clear();
  const hashes = digester.hashes();
  for (let at = 0; at < hashes.length; at += HASHES_BYTES) {
    channel.notices.writeBlocking(RecordKind.hashes, hashes.subarray(at, at + HASHES_BYTES));
  }
  notify(channel, { type: "renewed" });
}

function notify(channel: Channel, notice: ReplayNotice | ThreadNotice): void {
  channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(notice));
}

/** Frames and commands from main, in the order in which they came. */
class CommandFeed implements ReplayIo {
  /** By the sink's number. */
  readonly #outputs = Object.values(Sink).map((sink) => new OutputBatch(sink));
  /** The command that ended the feed. */
  last: ReplayCommand | undefined;

  constructor(private readonly machine: Machine, private readonly channel: Channel) {}

  nextFrame(): Uint8Array | undefined {
    while (this.last === undefined && !this.channel.halted) {
      const record = this.#next();
      if (record === undefined) break;
      if (record.kind === RecordKind.log) return record.body;
      this.last = decodeMessageRecord<ReplayCommand>(record.body);
    }
    return undefined;
  }

  opened(): void {
    // Main has seen to it that they follow on one another: protocol/replay_progress.ts.
  }

  output(sink: number, offset: number, _point: number, bytes: Uint8Array): void {
    const batch = this.#outputs[sink]!;
    batch.add(offset, bytes);
    if (batch.bytes >= outputBatchBytes) this.flush();
  }

  /** Hands what was put out to main. */
  flush(): void {
    for (const batch of this.#outputs) batch.write(this.channel, this.machine);
  }

  replayed({ sequence, through }: LogHeader): void {
    this.flush();
    // Where the machine stands, unless it waits for its state: then what there is of it stands nowhere.
    notify(this.channel, { type: "replayed", sequence, point: through });
  }

  /** Main has to know of outputs from before the state: a takeover performs them. */
  stateApplied(): void {
    const { machine, channel } = this;
    channel.gauges[Gauge.mac] = machine.board.net?.mac ?? 0;
    notify(channel, { type: "state" });
    for (const { sink, offset, bytes } of machine.undone) {
      const output = { sink, offset, point: machine.point, bytes: bytes.slice() };
      writeOutput(channel.notices, output);
    }
  }

  /** Waits for what main makes of `drained` or `diverged`; frames that still come are of no use. */
  awaitVerdict(): ReplayCommand {
    if (this.last?.type === "quit" || this.last?.type === "renew") return this.last;
    while (!this.channel.aborted) {
      const record = this.#next();
      if (record === undefined || record.kind === RecordKind.log) continue;
      const command = decodeMessageRecord<ReplayCommand>(record.body);
      if (command.type !== "drain") return command;
    }
    return { type: "quit" };
  }

  /** The next record; none once main has told this thread to stop. */
  #next(): RingRecord | undefined {
    for (;;) {
      this.channel.hear();
      if (this.channel.aborted) return undefined;
      const record = this.channel.commands.tryRead();
      if (record !== undefined) return record;
      this.channel.wait();
    }
  }
}

/** A replayer that keeps main's figures up to date. */
class GaugedReplayer extends Replayer {
  constructor(
    machine: Machine,
    private readonly channel: Channel,
    io: ReplayIo,
    digester: Digester,
  ) {
    super(machine, io, digester);
    // After a healing the count goes on.
    this.digests = channel.gauges[Gauge.digests]!;
  }

  override boundary(machine: Machine): Verdict {
    if (this.channel.aborted || this.channel.halted) return "stop";
    const { gauges } = this.channel;
    gauges[Gauge.point] = machine.point;
    gauges[Gauge.clockUs] = machine.clockUs;
    gauges[Gauge.inputOffset] = machine.board.console.rxTotal;
    gauges[Gauge.outputOffset] = machine.board.console.txTotal;
    gauges[Gauge.digestPoint] = this.lastDigest.point;
    gauges[Gauge.digest] = this.lastDigest.checksum;
    gauges[Gauge.digests] = this.digests;
    gauges[Gauge.isOtherKind] = machine.isOtherKind ? 1 : 0;
    return super.boundary(machine);
  }
}
