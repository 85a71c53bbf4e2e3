/**
 * The worker in which a backup's vCPU lives: replays what main feeds it, and on a takeover goes on as a
 * recorder in the same thread, with the same machine.
 */
import { DivergenceError } from "../base/errors.ts";
import { outputBatchBytes } from "../base/limits.ts";
import { prepareKicks } from "../ffi/kick.ts";
import { type Channel, Gauge } from "../machine/channel.ts";
import type { Verdict } from "../machine/input_source.ts";
import { Machine } from "../machine/machine.ts";
import { OutputBatch } from "../machine/output_batch.ts";
import { decodeMessageRecord, encodeMessageRecord, RecordKind } from "../machine/records.ts";
import type { RingRecord } from "../machine/ring.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { serveThread, type ThreadNotice } from "../machine/vcpu_thread.ts";
import { Replayer, type ReplayIo } from "./replayer.ts";
import type { ReplayCommand, ReplayNotice } from "./replay_thread_messages.ts";
import { recordFrom } from "./takeover_recorder.ts";

/** What the replay is of. */
export interface BackupThreadConfig {
  readonly memoryBytes: number;
  /** Of this host; see machine/host_kind.ts. */
  readonly hostKind: number;
}

serveThread<BackupThreadConfig>((channel, { memoryBytes, hostKind }) => {
  // The state transfer brings the time of day with it.
  using machine = Machine.create(memoryBytes, 0, hostKind);
  machine.trail = channel.trail;
  notify(channel, { type: "ready", kickTarget: prepareKicks(machine.vcpu) });
  const feed = new CommandFeed(machine, channel);
  const loop = new VcpuLoop(machine, new GaugedReplayer(machine, channel, feed));
  try {
    loop.run();
    if (feed.last?.type === "drain") notify(channel, { type: "drained" });
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    const { point, place, recorded, replayed } = error;
    feed.flush();
    notify(channel, { type: "diverged", divergence: { point, place, recorded, replayed } });
  }
  const command = feed.awaitVerdict();
  if (command.type === "goLive") {
    const recorder = recordFrom(machine, channel, command.wallMs, command.verify);
    loop.source = recorder;
    loop.run();
    recorder.awaitQuit(machine);
  }
});

function notify(channel: Channel, notice: ReplayNotice | ThreadNotice): void {
  channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(notice));
}

/** Frames and commands from main, in the order in which they came. */
class CommandFeed implements ReplayIo {
  readonly #outputs = new OutputBatch();
  /** The command that ended the feed. */
  last: ReplayCommand | undefined;

  constructor(private readonly machine: Machine, private readonly channel: Channel) {}

  nextFrame(): Uint8Array | undefined {
    while (this.last === undefined) {
      const record = this.#next();
      if (record === undefined) break;
      if (record.kind === RecordKind.log) return record.body;
      this.last = decodeMessageRecord<ReplayCommand>(record.body);
    }
    return undefined;
  }

  output(_sink: number, offset: number, _point: number, bytes: Uint8Array): void {
    this.#outputs.add(offset, bytes);
    if (this.#outputs.bytes >= outputBatchBytes) this.flush();
  }

  /** Hands what was put out to main. */
  flush(): void {
    this.#outputs.write(this.channel.notices, this.machine.point);
  }

  replayed({ sequence }: { sequence: number }): void {
    this.flush();
    notify(this.channel, { type: "replayed", sequence, point: this.machine.point });
  }

  /** Waits for what main makes of `drained` or `diverged`; frames that still come are of no use. */
  awaitVerdict(): ReplayCommand {
    if (this.last?.type === "quit") return this.last;
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
  constructor(machine: Machine, private readonly channel: Channel, io: ReplayIo) {
    super(machine, io);
  }

  override boundary(machine: Machine): Verdict {
    if (this.channel.aborted) return "stop";
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
