/**
 * The worker in which a primary's vCPU lives: boots a guest and records it to its end.
 */
import { parseImage } from "../machine/elf.ts";
import type { NetOptions } from "../devices/board.ts";
import { Gauge } from "../machine/channel.ts";
import { Machine } from "../machine/machine.ts";
import { encodeMessageRecord, RecordKind } from "../machine/records.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { readyNotice, serveThread } from "../machine/vcpu_thread.ts";
import type { Verify } from "../protocol/verify.ts";
import { MachineClock } from "./machine_clock.ts";
import { Recorder } from "./recorder.ts";

/** What to boot. */
export interface PrimaryThreadConfig {
  readonly image: Uint8Array;
  /** What to call the image in errors. */
  readonly name: string;
  readonly commandLine: string;
  readonly module?: Uint8Array;
  readonly memoryBytes: number;
  /** It has a network card. */
  readonly net?: NetOptions;
  /** The time of day that the RTC counts from, in milliseconds since 1970. Default: now. */
  readonly epochMs?: number;
  /** Of this host; see machine/host_kind.ts. */
  readonly hostKind: number;
  readonly startPaused: boolean;
  /** How often the log carries a digest; undefined: as usual. */
  readonly verify?: Verify;
}

serveThread<PrimaryThreadConfig>((channel, config) => {
  const { memoryBytes, epochMs = Date.now(), hostKind, net } = config;
  const options = net === undefined ? {} : { net };
  using machine = Machine.create(memoryBytes, epochMs, hostKind, options);
  machine.trail = channel.trail;
  channel.gauges[Gauge.mac] = machine.board.net?.mac ?? 0;
  machine.boot({ ...config, image: parseImage(config.image, config.name) });
  using _loan = channel.loan;
  channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(readyNotice(machine)));
  const clock = new MachineClock(0, 0);
  const recorder = new Recorder(machine, channel, clock, config);
  new VcpuLoop(machine, recorder).run();
  recorder.awaitQuit(machine);
});
