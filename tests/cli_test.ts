/**
 * The command line as its users meet it: help, what it says about what it can't do, and with which exit
 * code it ends. Each command is a process of its own, on the real /dev/kvm.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { SideProcess } from "../demo/side_process.ts";
import { commandLine, runCommand, ScratchDirectory } from "./support/run_command.ts";

const HELLO = new URL("../guests/images/hello.elf", import.meta.url);

/** Runs a command that must fail with `code` and say something like `message`. */
async function refused(args: readonly string[], code: number, message: RegExp): Promise<void> {
  const { stderr, code: found } = await runCommand(args);
  assert.match(stderr, message, args.join(" "));
  assert.equal(found, code, `${args.join(" ")}: ${stderr}`);
}

function primary(scratch: ScratchDirectory, guest: string, ...args: string[]): string[] {
  const arbiter = `file:${scratch.file("arbiter")}`;
  const defaults = ["--listen", "127.0.0.1:0", "--arbiter", arbiter, "--console", "none"];
  return ["primary", guest, ...defaults, ...args];
}

function assertNothingClaimed(scratch: ScratchDirectory): void {
  const registers =
    Array.from(Deno.readDirSync(scratch.path)).some(({ name }) => name === "arbiter")
      ? [...Deno.readDirSync(scratch.file("arbiter"))]
      : [];
  assert.deepEqual(registers, [], "a machine that never ran reigns");
}

/** hello.elf with a change. */
function alteredHello(alter: (image: Uint8Array, view: DataView) => void): Uint8Array {
  const image = Deno.readFileSync(HELLO);
  alter(image, new DataView(image.buffer));
  return image;
}

/** Overwrites the name of each of its Xen notes. */
function dropNote(image: Uint8Array): void {
  for (let at = 0; at + 4 <= image.length; at++) {
    if (String.fromCharCode(...image.subarray(at, at + 4)) === "Xen\0") image[at] = 0x59;
  }
}

/** Makes all its segments 100 MiB long in memory. ELF-64: program headers, `p_memsz`. */
function swell(_image: Uint8Array, view: DataView): void {
  const headers = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  for (let index = 0; index < view.getUint16(56, true); index++) {
    const at = headers + index * size;
    if (view.getUint32(at, true) === 1) view.setBigUint64(at + 40, 100n << 20n, true);
  }
}

Deno.test("every command has help with examples", async () => {
  const { stdout: all, code } = await runCommand(["--help"]);
  assert.equal(code, ExitCode.ok);
  const names = [...all.matchAll(/^ {2}([a-z]+) .*$/gm)].map(([, name]) => name!);
  const known = [
    "run",
    "replay",
    "primary",
    "backup",
    "serve",
    "console",
    "handover",
    "set",
    "stop",
  ];
  for (const name of known) assert.ok(names.includes(name), `${name} is not in the help`);
  for (const name of names.filter((name) => name !== "help")) {
    const { stdout, code } = await runCommand([name, "--help"]);
    assert.equal(code, ExitCode.ok, name);
    assert.match(stdout, new RegExp(`Examples:\n(.*\n)* {2}(.*\\| )?understudy ${name}`), name);
  }
});

Deno.test("without a command the help is shown", async () => {
  const { stdout, code } = await runCommand([]);
  assert.equal(code, ExitCode.ok);
  assert.match(stdout, /Usage: understudy/);
});

Deno.test("a command line that makes no sense ends with code 2 and says what would", async () => {
  using scratch = new ScratchDirectory();
  const backup = ["backup", "--primary", "127.0.0.1:1", "--arbiter", `file:${scratch.path}`];
  const cases: [string[], RegExp][] = [
    [["fly"], /unknown command 'fly'/],
    [["run"], /missing required argument 'guest'/],
    [["run", "hello", "--fast"], /unknown option '--fast'/],
    [["run", "hello", "surplus"], /too many arguments/],
    [["run", "hello", "--memory", "lots"], /expected a size such as 64M/],
    [["run", "hello", "--memory", "64"], /expected a size such as 64M/],
    [["run", "hello", "--memory", "1M"], /2M to 2047M of memory.*not 1048576 bytes/],
    [["run", "hello", "--memory", "2049K"], /in steps of 256K/],
    [["run", "hello", "--memory", "999999999G"], /2M to 2047M/],
    [["run", "hello", "--console", "teletype"], /supported are stdio, file:PATH/],
    [["run", "hello", "--console", "file:"], /supported are stdio, file:PATH/],
    [["run", "hello", "--console", "console:nowhere"], /expected HOST:PORT/],
    [["run", "hello", "--cmdline", "x".repeat(3000)], /command line has 3000 bytes/],
    [["replay"], /missing required argument 'file'/],
    [["primary", "hello"], /required option '--listen <addr>'/],
    [primary(scratch, "hello", "--listen", "here"), /"here": expected HOST:PORT/],
    [primary(scratch, "hello", "--listen", "127.0.0.1:70000"), /a port up to 65535/],
    [primary(scratch, "hello", "--arbiter", "etcd"), /arbiter "etcd": supported is file:DIR/],
    [primary(scratch, "hello", "--arbiter", "file:"), /supported is file:DIR/],
    [primary(scratch, "hello", "--status", "77"), /"77": expected HOST:PORT/],
    [primary(scratch, "hello", "--commit", "soon"), /Allowed choices are received, replayed/],
    [primary(scratch, "hello", "--timeout", "0"), /expected a duration such as 500ms/],
    [
      primary(scratch, "hello", "--timeout", "60ms", "--heartbeat", "50ms"),
      /a timeout of at least two heartbeats/,
    ],
    [primary(scratch, "hello", "--timeout", "999999999s"), /at most 86400000ms/],
    [primary(scratch, "hello", "--lag-max", "5ms"), /expected off, or 20ms to 86400000ms/],
    [primary(scratch, "hello", "--lag-max", "0"), /expected a duration such as 500ms/],
    [primary(scratch, "hello", "--verify", "often"), /expected every, commit, off, or a number of/],
    [primary(scratch, "hello", "--divergence-max", "3/0"), /expected a number, or a number and/],
    [primary(scratch, "hello", "--id", "../etc"), /machine id "\.\.\/etc": expected/],
    [primary(scratch, "hello", "--supersede", "0"), /expected a number from 1 up/],
    [primary(scratch, "hello", "--supersede", "7"), /latest generation of hello is none/],
    [
      primary(scratch, "hello", "--who", "x".repeat(400)),
      /name of 400 characters \(--who\), expected at most 300/,
    ],
    [["backup"], /required option '--primary <addr>'/],
    [["backup", "--primary", "x", "--arbiter", "file:/"], /"x": expected HOST:PORT/],
    [[...backup, "--listen", "here"], /"here": expected HOST:PORT/],
    [[...backup, "--status", "here"], /"here": expected HOST:PORT/],
    [[...backup, "--arbiter", "none"], /supported is file:DIR/],
    [[...backup, "--console", "teletype"], /supported are stdio, file:PATH/],
    [[...backup, "--console", "tcp:nowhere"], /expected HOST:PORT/],
    [[...backup, "--who", "x".repeat(400)], /name of 400 characters/],
    [[...backup, "--id", "a b"], /machine id "a b": expected/],
    [[...backup, "--primary", "arbiter"], /which machine\? Give its id with --id/],
    [[...backup, "--listen", "127.0.0.1:0", "--advertise", ":7"], /--advertise :7: expected the/],
    [primary(scratch, "hello", "--advertise", "here"), /"here": expected HOST:PORT/],
    [primary(scratch, "hello", "--arbiter", "etcd:https://h"), /"h" is not HOST:PORT; expected/],
    [["serve", "hello", "--listen", "127.0.0.1:0"], /required option '--arbiter <a>'/],
    [["serve", ...primary(scratch, "hello", "--arbiter", "none").slice(1)], /supported is file:D/],
    [["serve", ...primary(scratch, "hello", "--id", "a b").slice(1)], /machine id "a b": expected/],
    [["console", "127.0.0.1"], /expected HOST:PORT/],
    [["stop", "127.0.0.1"], /expected HOST:PORT/],
    [["handover"], /missing required argument 'addr'/],
  ];
  for (const [args, message] of cases) await refused(args, ExitCode.usage, message);
  assertNothingClaimed(scratch);
});

Deno.test("what is not there ends with code 69 and says how to get it", async () => {
  using scratch = new ScratchDirectory();
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = `127.0.0.1:${busy.addr.port}`;
  const nobody = `127.0.0.1:1`;
  const file = scratch.write("file", new Uint8Array());
  const join = ["backup", "--primary", nobody, "--arbiter"];
  const cases: [string[], RegExp][] = [
    [primary(scratch, "hello", "--listen", taken), /in use.*a port that is free/],
    [primary(scratch, "hello", "--status", taken), /in use.*choose another --status address/],
    [primary(scratch, "hello", "--console", `console:${taken}`), /in use.*a port that is free/],
    [
      primary(scratch, "hello", "--arbiter", `file:${file}/in`),
      /give a directory that can be made/,
    ],
    [["run", "hello", "--console", `tcp:${taken}`], /in use.*a port that is free/],
    [["run", "hello", "--console", `file:${scratch.file("no/where")}`], /a directory that exists/],
    [["run", "hello", "--record", scratch.file("no/where")], /can't record into .*no\/where/],
    [["replay", scratch.file("nothing")], /can't read the log .*nothing/],
    [["replay", scratch.path], /can't read the log/],
    [["stop", nobody], /no side answers at 127.0.0.1:1: is this its --status address/],
    [["handover", nobody], /no side answers/],
    [[...join, `file:${scratch.path}`, "--listen", taken], /in use.*a port that is free/],
    [[...join, `file:${scratch.path}`, "--status", taken], /in use/],
  ];
  for (const [args, message] of cases) await refused(args, ExitCode.unavailable, message);
  assertNothingClaimed(scratch);
});

Deno.test("a guest that can't be run ends with code 66, says why, and claims nothing", async () => {
  using scratch = new ScratchDirectory();
  const text = scratch.write("text", new TextEncoder().encode("just a text\n"));
  const empty = scratch.write("empty", new Uint8Array());
  const cut = scratch.write("cut", Deno.readFileSync(HELLO).subarray(0, 100));
  const noteless = scratch.write("noteless", alteredHello(dropNote));
  const large = scratch.write("large", alteredHello(swell));
  const cases: [string, RegExp][] = [
    [text, /not an ELF/],
    [empty, /not an ELF/],
    [cut, /cut/],
    [noteless, /PVH/],
    [large, /but the guest has 64M of memory: give it more with --memory/],
    [scratch.path, /can't read the guest .*name a file, or one of hello, .*stress/],
    [
      scratch.file("nothing"),
      /can't read the guest .*name a file, or one of hello, .*stress/,
    ],
  ];
  for (const [guest, message] of cases) {
    await refused(["run", guest], ExitCode.guest, message);
    await refused(primary(scratch, guest), ExitCode.guest, message);
  }
  assertNothingClaimed(scratch);
});

Deno.test("a guest that ends with a code of its own ends the command with code 66", async () => {
  using scratch = new ScratchDirectory();
  const args = ["stress", "--cmdline", "no numbers"];
  const { code, stdout, stderr } = await runCommand(["run", ...args]);
  assert.equal(code, ExitCode.guest);
  assert.match(stdout, /usage: SEED ROUNDS/);
  assert.match(stderr, /ended with code 2/);
  await refused(primary(scratch, ...args as [string]), ExitCode.guest, /ended with code 2/);
});

/** Makes a /dev of its own, without a KVM, or with one that this user may not open. */
const HIDE_KVM = `
set -e
mount -t tmpfs none "$1"
for name in null zero urandom; do touch "$1/$name"; mount --bind "/dev/$name" "$1/$name"; done
case "$2" in
  none) ;;
  null) touch "$1/kvm"; mount --bind /dev/null "$1/kvm" ;;
  foreign) mknod "$1/kvm" c 10 232; chown 1:1 "$1/kvm"; chmod 600 "$1/kvm" ;;
esac
mount --rbind "$1" /dev
shift 2
exec setpriv --bounding-set=-dac_override,-dac_read_search "$@"
`;

for (
  const [what, kind, message] of [
    ["no /dev/kvm", "none", /can't open \/dev\/kvm .*load the module \(modprobe kvm_intel/],
    [
      "no permission for /dev/kvm",
      "foreign",
      /can't open \/dev\/kvm .*add this user to the kvm group/,
    ],
    ["a /dev/kvm that is none", "null", /\/dev\/kvm is not a KVM device/],
  ] as const
) {
  Deno.test({
    name: `${what} ends with code 69, says what to do, and claims nothing`,
    ignore: Deno.uid() !== 0,
    fn: async () => {
      using scratch = new ScratchDirectory();
      Deno.mkdirSync(scratch.file("dev"));
      const hide = ["unshare", "--mount", "sh", "-c", HIDE_KVM, "sh", scratch.file("dev"), kind];
      for (const args of [["run", "hello"], primary(scratch, "hello")]) {
        const { code, stderr } = await runCommand(args, { prefix: hide });
        assert.match(stderr, message);
        assert.equal(code, ExitCode.unavailable, stderr);
      }
      assertNothingClaimed(scratch);
    },
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`run ends tidily on ${signal}`, async () => {
    using scratch = new ScratchDirectory();
    const console = scratch.file("console");
    const log = scratch.file("log");
    const args = ["run", "ledger", "--console", `file:${console}`, "--record", log];
    await using side = new SideProcess("run", args);
    while (!fileHas(console, "tick")) await new Promise((resolve) => setTimeout(resolve, 10));
    side.signal(signal);
    assert.deepEqual(await side.exited, { code: ExitCode.ok, signal: null });
    await side.saying(new RegExp(`stopped by ${signal}`));
    const { code, stderr, stdout } = await runCommand(["replay", log]);
    assert.equal(code, ExitCode.ok);
    assert.match(stderr, new RegExp(`replay: exact: .*stopped by ${signal}`));
    assert.equal(stdout, Deno.readTextFileSync(console));
  });

  Deno.test(`an unprotected primary ends its guest on ${signal}, and records that`, async () => {
    using scratch = new ScratchDirectory();
    await using side = new SideProcess("primary", primary(scratch, "ledger"));
    await side.saying(/unprotected/);
    side.signal(signal);
    assert.deepEqual(await side.exited, { code: ExitCode.ok, signal: null });
    const { code } = await runCommand(primary(scratch, "ledger", "--supersede", "1"));
    assert.equal(code, ExitCode.usage, "generation 1 is not the latest: the end is recorded");
  });

  Deno.test(`a backup that has not joined yet ends tidily on ${signal}`, async () => {
    using scratch = new ScratchDirectory();
    const arbiter = `file:${scratch.path}`;
    const args = ["backup", "--primary", "127.0.0.1:1", "--arbiter", arbiter, "--console", "none"];
    await using side = new SideProcess("backup", args);
    await side.saying(/joins anew/);
    side.signal(signal);
    assert.deepEqual(await side.exited, { code: ExitCode.ok, signal: null });
  });
}

Deno.test("a machine that reigns is not started twice: code 81, and how to join it", async () => {
  using scratch = new ScratchDirectory();
  await using side = new SideProcess("primary", primary(scratch, "ledger"));
  const [, address] = await side.saying(/can join at (\S+)/);
  const { code, stderr } = await runCommand(primary(scratch, "ledger"));
  assert.equal(code, ExitCode.reigns, stderr);
  assert.match(stderr, new RegExp(`understudy backup --primary ${address}`));
});

Deno.test("the entry scripts of the two sides are commands by themselves", async () => {
  using scratch = new ScratchDirectory();
  const args = primary(scratch, "hello").slice(1);
  const { code } = await runCommand(args, { entry: "primary/main.ts" });
  assert.equal(code, ExitCode.ok);
  const help = await runCommand(["--help"], { entry: "backup/main.ts" });
  assert.equal(help.code, ExitCode.ok);
  assert.match(help.stdout, /Examples:/);
});

Deno.test("a reader of standard output that goes away ends run with a message", async () => {
  const [program, ...args] = commandLine(["run", "ledger"]);
  const script = `"$0" "$@" 2>&1 >/dev/full; echo "code $?"`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script, program!, ...args] })
    .output();
  const said = new TextDecoder().decode(stdout);
  assert.match(said, /understudy: standard output: /);
  assert.match(said, new RegExp(`code ${ExitCode.unavailable}`));
});

function fileHas(path: string, text: string): boolean {
  try {
    return Deno.readTextFileSync(path).includes(text);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
