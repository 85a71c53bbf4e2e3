/**
 * A network of one guest under QEMU: a TAP device in a network namespace of its own, or QEMU's user network, with
 * one port forwarded. Called by kv_test.ts.
 */
import assert from "node:assert/strict";

/** A guest's network, and how to reach it. */
export interface GuestNetwork extends AsyncDisposable {
  /** QEMU's options for the device. */
  readonly options: readonly string[];
  /** What runs a program where the guest can be reached. */
  readonly prefix: readonly string[];
  /** The guest's words for its address. */
  readonly words: string;
  /** Its address as it says it. */
  readonly address: string;
  /** Where it is reached. */
  readonly host: string;
  readonly port: number;
}

const GUEST_PORT = 6379;
const DEVICE = ["-device", "virtio-net-device,netdev=n"];

/** What a program left behind. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; null if it is not there. */
export async function finish(
  [program, ...args]: readonly string[],
  input = "",
): Promise<Finished | null> {
  let child;
  try {
    child = new Deno.Command(program!, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(60_000),
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const typed = new Blob([input]).stream().pipeTo(child.stdin);
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), typed.catch(() => {})]);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A TAP device in a namespace; null where that is not allowed. */
export async function tapNetwork(): Promise<GuestNetwork | null> {
  const name = `kv-test-${Deno.pid}`;
  const did = async (...args: string[]) => (await finish(["ip", ...args]))?.code === 0;
  if (!await did("netns", "add", name)) return null;
  const remove = async () => assert(await did("netns", "del", name), `ip netns del ${name}`);
  const isUp = await did("-n", name, "tuntap", "add", "tap0", "mode", "tap") &&
    await did("-n", name, "address", "add", "10.0.0.1/24", "dev", "tap0") &&
    await did("-n", name, "link", "set", "tap0", "up");
  if (!isUp) {
    await remove();
    return null;
  }
  return {
    options: [...DEVICE, "-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no"],
    prefix: ["ip", "netns", "exec", name],
    words: "ip=10.0.0.2/24 gw=10.0.0.1",
    address: "10.0.0.2",
    host: "10.0.0.2",
    port: GUEST_PORT,
    [Symbol.asyncDispose]: remove,
  };
}

/** QEMU's own network, with a server for DHCP; what reaches the guest is a port of this host. */
export function userNetwork(): GuestNetwork {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  return {
    options: [...DEVICE, "-netdev", `user,id=n,hostfwd=tcp:127.0.0.1:${port}-:${GUEST_PORT}`],
    prefix: [],
    words: "ip=dhcp",
    address: "10.0.2.15",
    host: "127.0.0.1",
    port,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
