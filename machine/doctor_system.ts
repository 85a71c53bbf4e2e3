/**
 * Probes of the host around KVM: processors, memory, kernel, clock, and what networking would need.
 *
 * Called by doctor.ts.
 */
import { HostClock } from "../ffi/host_clock.ts";
import type { Finding, Probe } from "./doctor_check.ts";

const MIB = 1 << 20;
/** Through the vDSO a reading takes 0.3 µs with its call, 3 µs under emulation; a timer chip takes more. */
const CHEAP_CLOCK_NS = 5000;
/** CAP_NET_ADMIN of <linux/capability.h>: what the kernel asks of those who make an interface. */
const CAP_NET_ADMIN = 12n;

const kernel: Probe<void> = {
  name: "kernel",
  required: false,
  without: "the kernel's release is not known",
  examine: () => ({
    finding: `Linux ${Deno.osRelease()}`,
    status: "good",
    meaning: "for bug reports; the two hosts of a pair may run different ones",
  }),
};

const processors: Probe<void> = {
  name: "processors",
  required: false,
  without: "how many processors there are is not known",
  examine(): Finding {
    const count = navigator.hardwareConcurrency;
    if (count > 1) {
      return {
        finding: String(count),
        status: "good",
        meaning: "the guest and the logging channel run side by side",
      };
    }
    return {
      finding: "1",
      status: "limited",
      meaning: "the guest and the logging channel take turns: outputs come later",
    };
  },
};

const memory: Probe<void> = {
  name: "memory",
  required: false,
  without: "how much memory there is is not known",
  examine(): Finding {
    const { total, available } = Deno.systemMemoryInfo();
    return {
      finding: `${Math.floor(available / MIB)} MiB available of ${Math.floor(total / MIB)}`,
      status: "good",
      meaning: "each side needs the guest's memory; a pair on one host needs it twice",
    };
  },
};

const clock: Probe<void> = {
  name: "clock",
  required: false,
  without: "how long it takes to read the clock is not known",
  examine(): Finding {
    const readings = 100;
    // The best of some batches: the others were interrupted.
    const ns = Math.min(...Array.from({ length: 10 }, () => {
      const read = new HostClock();
      for (let i = 1; i < readings; i++) read.elapsedNs();
      return read.elapsedNs() / readings;
    }));
    const source = Deno.readTextFileSync(
      "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    ).trim();
    const isCheap = ns < CHEAP_CLOCK_NS;
    return {
      finding: `${(ns / 1000).toFixed(2)} µs a reading, from ${source}`,
      status: isCheap ? "good" : "limited",
      meaning: isCheap
        ? "reading the time costs the guest next to nothing"
        : "each reading of the time asks a slow timer: guests that ask for it often are slower",
    };
  },
};

const tap: Probe<void> = {
  name: "TAP devices",
  required: false,
  without: "guests have no network card yet; once they have, one here could not be connected: " +
    "modprobe tun, and give this user access",
  examine(): Finding {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
    const status = Deno.readTextFileSync("/proc/self/status");
    const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
    const mayMake = (held >> CAP_NET_ADMIN & 1n) === 1n;
    return {
      finding: `/dev/net/tun opens, CAP_NET_ADMIN ${mayMake ? "held" : "not held"}`,
      status: mayMake ? "good" : "limited",
      meaning: mayMake
        ? "not used yet: guests have no network card"
        : "not used yet: guests have no network card; an administrator would have to make the TAP",
    };
  },
};

const namespaces: Probe<void> = {
  name: "network namespaces",
  required: false,
  without: "not used yet; they would only serve to try two hosts' networking on one",
  examine(): Finding {
    const meaning = "not used yet; they serve to try two hosts' networking on one";
    if (unshares("--net")) return { finding: "can be made", status: "good", meaning };
    if (unshares("--user", "--map-root-user", "--net")) {
      return { finding: "can be made inside a user namespace", status: "good", meaning };
    }
    return { finding: "can't be made", status: "missing", meaning: this.without };
  },
};

/** Probes of the host itself. */
export const systemProbes: readonly Probe<void>[] = [
  kernel,
  processors,
  memory,
  clock,
  tap,
  namespaces,
];

/** Whether unshare(1) can make these; they go away with the `true` that it runs in them. */
function unshares(...which: string[]): boolean {
  const command = new Deno.Command("unshare", {
    args: [...which, "true"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  return command.outputSync().success;
}
