/**
 * The worker in which a guest that mostly waits is recorded: as primary/vcpu_worker.ts does it, in leaping time.
 */
import { parseImage } from "../../machine/elf.ts";
import { Machine } from "../../machine/machine.ts";
import { encodeMessageRecord, RecordKind } from "../../machine/records.ts";
import { VcpuLoop } from "../../machine/vcpu_loop.ts";
import { readyNotice, serveThread } from "../../machine/vcpu_thread.ts";
import { MachineClock } from "../../primary/machine_clock.ts";
import { Recorder } from "../../primary/recorder.ts";
import type { PrimaryThreadConfig } from "../../primary/vcpu_worker.ts";
import { LeapingTime } from "./leaping_time.ts";

serveThread<PrimaryThreadConfig>((channel, config) => {
  using machine = Machine.create(config.memoryBytes, config.epochMs ?? Date.now(), config.hostKind);
  machine.trail = channel.trail;
  machine.boot({ ...config, image: parseImage(config.image, config.name) });
  using _loan = channel.loan;
  channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(readyNotice(machine)));
  const time = new LeapingTime();
  time.leapOver(channel);
  const recorder = new Recorder(machine, channel, new MachineClock(0, 0, time), config);
  new VcpuLoop(machine, recorder).run();
  recorder.awaitQuit(machine);
});
