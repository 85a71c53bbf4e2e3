/**
 * The guest kv on a network lab: with a backup, without one, and under QEMU on the same bridge.
 */
import { LAB_ADDRESSES, LAB_BRIDGE, NetworkLab } from "../../demo/network_lab.ts";
import { Pair } from "../../demo/pair_processes.ts";
import { SideProcess } from "../../demo/side_process.ts";
import { boot, chooseAccelerator } from "../../guests/qemu_test_support.ts";
import { Security } from "../../link/security.ts";

/** How many clients at a time the guest takes is its own affair; where it listens is this. */
export const KV_PORT = 6379;
const COMMAND_LINE = `ip=${LAB_ADDRESSES.machine}/24`;
const NET = `tap:tap0,bridge=${LAB_BRIDGE}`;
/** A host that is busy with a benchmark is not to be taken for a dead one. */
const PATIENCE = ["--timeout", "5000ms"];

/** A machine that answers. */
export interface KvMachine extends AsyncDisposable {
  readonly lab: NetworkLab;
  /** Undefined: under QEMU. */
  readonly primary?: SideProcess;
  /** Undefined: it is not protected. */
  readonly pair?: Pair;
}

/** How one is started. */
export type StartKv = () => Promise<KvMachine>;

/** A pair. */
export async function startProtected(): Promise<KvMachine> {
  const lab = NetworkLab.create();
  const pair = Pair.start({
    guest: "kv",
    commandLine: COMMAND_LINE,
    lab,
    primary: { args: PATIENCE },
  });
  await pair.primary.protected();
  return await answering({
    lab,
    pair,
    primary: pair.primary,
    async [Symbol.asyncDispose]() {
      await pair[Symbol.asyncDispose]();
      lab[Symbol.dispose]();
    },
  });
}

/** A primary that no backup follows. */
export async function startUnprotected(): Promise<KvMachine> {
  const lab = NetworkLab.create();
  const directory = Deno.makeTempDirSync({ prefix: "understudy-bench-" });
  const primary = new SideProcess("primary", [
    ...["primary", "kv", "--cmdline", COMMAND_LINE, "--net", NET, "--console", "none"],
    ...["--listen", `${LAB_ADDRESSES.host0}:7000`, "--arbiter", `file:${directory}/arbiter`],
    ...["--status", `${LAB_ADDRESSES.host0}:7001`, "--insecure"],
  ], {
    within: (start) => lab.on("host0", start),
    security: Security.from({ insecure: true }),
  });
  await primary.saying(/unprotected/);
  return await answering({
    lab,
    primary,
    async [Symbol.asyncDispose]() {
      await primary.kill();
      Deno.removeSync(directory, { recursive: true });
      lab[Symbol.dispose]();
    },
  });
}

/** The same image under QEMU's microvm, with its virtio-net. */
export async function startUnderQemu(): Promise<KvMachine> {
  const accelerator = await chooseAccelerator();
  const lab = NetworkLab.create();
  lab.addTap("host0", "tap0");
  const options = [
    ...["-global", "virtio-mmio.force-legacy=false", "-m", "64"],
    ...["-device", "virtio-net-device,netdev=n"],
    ...["-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no"],
  ];
  const qemu = lab.on(
    "host0",
    () => boot("kv", COMMAND_LINE, accelerator, { options, maxMs: 600_000 }),
  );
  const silent = qemu.stdout.cancel();
  return await answering({
    lab,
    async [Symbol.asyncDispose]() {
      qemu.kill("SIGKILL");
      await Promise.all([qemu.status, silent, qemu.stdin.abort()]);
      lab[Symbol.dispose]();
    },
  });
}

/** Waits until it listens. */
async function answering(machine: KvMachine): Promise<KvMachine> {
  for (let attempt = 0;; attempt++) {
    const { success } = await machine.lab.on("client", () =>
      new Deno.Command("redis-cli", {
        args: ["-h", LAB_ADDRESSES.machine, "ping"],
        ...{ stdout: "null", stderr: "null", stdin: "null" },
      }).spawn()).status;
    if (success) return machine;
    if (attempt === 20) {
      await machine[Symbol.asyncDispose]();
      throw new Error("the guest does not answer a PING");
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
