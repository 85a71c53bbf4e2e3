/**
 * The engine of `understudy doctor`: what this host offers, and what that means here.
 *
 * It finds out by probing, never by the name of a processor, module or kernel: each ability is tried
 * with a tiny guest that needs just that one. A probe that fails is a finding; every run of a guest is
 * bounded (doctor_watchdog.ts); nothing is left behind.
 *
 * Called by main.ts.
 */
import { Kvm } from "../ffi/kvm.ts";
import { abilityProbes } from "./doctor_abilities.ts";
import { basicProbes, kickProbe } from "./doctor_basics.ts";
import {
  type Check,
  examine,
  failed,
  type HostReport,
  type Probe,
  unexamined,
} from "./doctor_check.ts";
import { kvmBasics, kvmExtras } from "./doctor_kvm.ts";
import { systemProbes } from "./doctor_system.ts";
import { hostKind } from "./host_kind.ts";
import { Watchdog } from "./doctor_watchdog.ts";

export type { Check, CheckStatus, Finding, HostReport } from "./doctor_check.ts";
export { formatReport, type ReportStyle } from "./doctor_report.ts";

/**
 * Examines this host. Takes about a second, in which the calling thread is blocked; the thread
 * keeps the signal of ffi/kick.ts blocked from then on. Throws nothing.
 * @param device the path of the KVM device
 */
export function examineHost(device = "/dev/kvm"): HostReport {
  const checks = [
    ...examineKvm(device),
    ...systemProbes.map((probe) => examine(probe, undefined)),
  ];
  return { canRun: canRun(checks), checks };
}

function canRun(checks: readonly Check[]): boolean {
  return checks.every(({ required, status }) => !required || status !== "missing");
}

const kind: Probe<void> = {
  name: "kind of host",
  required: false,
  without: "no primary or backup can start: they compare by it",
  examine: () => ({
    finding: hostKind().toString(16).padStart(8, "0"),
    status: "good",
    meaning:
      "between hosts that say the same here every field of a digest is compared; between others " +
      "exits, outputs, general registers and devices",
  }),
};

/** All that needs the device: the rest of it only if it can be opened. */
function examineKvm(device: string): Check[] {
  const opening = { name: device, required: true, without: "no guest can run" };
  try {
    using kvm = Kvm.open(device);
    const opened: Check = {
      name: device,
      required: true,
      finding: `opens, API version ${kvm.apiVersion()}`,
      status: "good",
      meaning: "KVM is there, and this user may use it",
    };
    const checks = [
      opened,
      ...kvmBasics.map((probe) => examine(probe, kvm)),
      ...examineGuests(kvm),
    ];
    return [
      ...checks,
      canRun(checks) ? examine(kind, undefined) : unexamined(kind, "guests can't run"),
      ...kvmExtras.map((probe) => examine(probe, kvm)),
    ];
  } catch (error) {
    return [failed(opening, error)];
  }
}

/** All that needs guests: the rest of it only if one that hangs can be stopped. */
function examineGuests(kvm: Kvm): Check[] {
  const rest = [...basicProbes, ...abilityProbes];
  const skipped = rest.map((probe) => unexamined(probe, "a guest that hangs could not be stopped"));
  try {
    using watchdog = new Watchdog();
    const lab = { kvm, watchdog };
    const kick = examine(kickProbe, lab);
    if (kick.status === "missing") return [kick, ...skipped];
    return [kick, ...rest.map((probe) => examine(probe, lab))];
  } catch (error) {
    return [failed(kickProbe, error), ...skipped];
  }
}
