import assert from "node:assert/strict";
import { GuestError } from "../base/errors.ts";
import { Kvm } from "../ffi/kvm.ts";
import { examineHost, formatReport, type HostReport } from "./doctor.ts";
import { machineCode, Port } from "./doctor_boot.ts";
import { examine } from "./doctor_check.ts";
import { ProbeGuest } from "./doctor_guest.ts";
import { kvmBasics } from "./doctor_kvm.ts";
import { COLUMNS } from "./doctor_report.ts";
import { Watchdog } from "./doctor_watchdog.ts";

const names = (report: HostReport) => report.checks.map(({ name }) => name);
const openFiles = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("this host can run guests, and every check says what it means", () => {
  const report = examineHost();
  const lacking = report.checks.filter(({ required, status }) => required && status === "missing");
  assert.deepEqual(lacking, []);
  assert(report.canRun);
  for (const { name, finding, meaning } of report.checks) {
    assert(finding !== "" && meaning !== "", name);
  }
  assert.equal(new Set(names(report)).size, report.checks.length);
});

Deno.test("a report survives JSON", () => {
  const report = examineHost();
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
});

Deno.test("two examinations find the same, but for what they time", () => {
  const timed = ["clock", "exits", "ring 0 speed"];
  const verdicts = () =>
    examineHost().checks.filter(({ name }) => !timed.includes(name))
      .map(({ name, status }) => `${name}: ${status}`);
  assert.deepEqual(verdicts(), verdicts());
});

for (const device of ["/nowhere/kvm", "/dev/null", "/proc/self/status"]) {
  Deno.test(`with ${device} for a KVM device no guest can run, and the report says what to do`, () => {
    const report = examineHost(device);
    assert(!report.canRun);
    const [first, ...rest] = report.checks;
    assert(first !== undefined);
    assert.deepEqual([first.name, first.status], [device, "missing"]);
    assert(first.finding.includes(device));
    assert.match(first.meaning, /^no guest can run; (check|the module)/);
    assert(rest.some(({ name }) => name === "memory"), "the host itself is examined all the same");
    assert(
      formatReport(report, { colour: false }).includes(`can't run on this host: see ${device}.`),
    );
  });
}

Deno.test("twenty examinations leave no file and no mapping behind", async () => {
  examineHost();
  const before = openFiles();
  for (let run = 0; run < 20; run++) examineHost();
  // The watchdog's thread closes its own files a little after it has said goodbye.
  for (let poll = 0; poll < 500 && openFiles() > before; poll++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert(openFiles() <= before, `${openFiles()} files are open, ${before} were`);
  const mappings = Deno.readTextFileSync("/proc/self/maps");
  assert(!mappings.includes("kvm-vcpu"));
});

Deno.test("a guest that hangs is stopped, in any mode, and the next one runs", () => {
  using kvm = Kvm.open();
  using watchdog = new Watchdog();
  for (const mode of ["real", "ring0", "ring3"] as const) {
    using hung = new ProbeGuest({ kvm, watchdog }, { mode, code: machineCode("eb fe") }); // jmp $
    assert.throws(() => hung.next(), GuestError);
    using well = new ProbeGuest({ kvm, watchdog }, { mode, code: machineCode("e6 10") }); // out
    assert.equal(well.nextIo(Port.mark).port, Port.mark);
  }
});

Deno.test("an exception of the guest is named", () => {
  using kvm = Kvm.open();
  using watchdog = new Watchdog();
  const plan = { mode: "ring3", code: machineCode("0f 0b") } as const; // ud2
  using guest = new ProbeGuest({ kvm, watchdog }, plan);
  assert.throws(() => guest.nextIo(Port.mark), /got exception or interrupt 6/);
});

Deno.test("a KVM that lacks a capability is told by the capability's name", () => {
  const old = { checkExtension: (cap: number) => cap === 189 ? 0 : 7 } as unknown as Kvm;
  const check = examine(kvmBasics[0]!, old);
  assert.equal(check.status, "missing");
  assert.match(check.finding, /lacks KVM_CAP_X86_MSR_FILTER \(MSR exits, 5\.10\)$/);
  assert.match(check.meaning, /install a newer kernel/);
});

Deno.test("whatever a probe throws is a finding", () => {
  for (const thrown of [new TypeError("what; do this"), "what", undefined]) {
    const probe = {
      name: "probe",
      required: false,
      without: "so",
      examine() {
        throw thrown;
      },
    };
    const { status, finding, meaning } = examine(probe, undefined);
    assert.equal(status, "missing");
    assert.equal(finding, thrown === undefined ? "undefined" : "what");
    assert.equal(meaning, thrown instanceof Error ? "so; do this" : "so");
  }
});

Deno.test("the report is a table that fits its columns, with colours or without", () => {
  const long = "word ".repeat(60).trim();
  const report: HostReport = {
    canRun: false,
    checks: [
      { name: "a", required: true, status: "good", finding: "f", meaning: "m" },
      { name: "quite long", required: true, status: "missing", finding: long, meaning: long },
      { name: "b", required: false, status: "missing", finding: "g", meaning: "n" },
      { name: "c", required: false, status: "limited", finding: "h", meaning: "o" },
    ],
  };
  const plain = formatReport(report, { colour: false });
  const lines = plain.split("\n");
  assert(lines.every((line) => line.length <= COLUMNS && line === line.trimEnd()));
  assert.equal(lines[0], "good     a           f");
  assert.equal(lines[1], "                     m");
  assert.equal(lines.at(-2), "Guests can't run on this host: see quite long.");
  assert.equal(plain.at(-1), "\n");
  const coloured = formatReport(report, { colour: true });
  // deno-lint-ignore no-control-regex
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ""), plain);
  assert.equal(coloured.split("\x1b[31m").length - 1, 2, "red: what is required, and the verdict");
});
