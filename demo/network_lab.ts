/**
 * A network of its own on this host: two hosts and a client, each in a namespace, and a switch between them.
 *
 * ```
 *   client ── eth0 ──┐                  ┌── eth0 ── br0 ── TAP ── machine    host 0
 *   10.77.0.1        ├── switch (br0) ──┤
 *                    │   10.77.0.254    └── eth0 ── br0 ── TAP ── machine    host 1
 *                                           10.77.0.11, .12
 * ```
 *
 * The thread that makes it goes into the switch's namespace, from which it reaches all of them, and leaves it when the
 * network is disposed of. Nothing of it has a name on the host; it is gone with the last process in it.
 *
 * Used by the demo, tests and benchmarks.
 */
import { OsError, UnavailableError } from "../base/errors.ts";
import { NetworkNamespace } from "../ffi/network_namespace.ts";

/** Who is on the network, besides the machine. */
export type LabHost = "client" | "host0" | "host1";

/** The addresses of all. */
export const LAB_ADDRESSES = {
  client: "10.77.0.1",
  machine: "10.77.0.2",
  host0: "10.77.0.11",
  host1: "10.77.0.12",
  switch: "10.77.0.254",
} as const;

/** The bridge on each of the two hosts, and in the switch. */
export const LAB_BRIDGE = "br0";
const PREFIX_BITS = 24;

/** See the top of the file. */
export class NetworkLab implements Disposable {
  readonly #outside = NetworkNamespace.current();
  readonly #switch = NetworkNamespace.create();
  readonly #hosts: Readonly<Record<LabHost, NetworkNamespace>> = {
    client: NetworkNamespace.create(),
    host0: NetworkNamespace.create(),
    host1: NetworkNamespace.create(),
  };

  private constructor() {}

  /**
   * Makes it, and enters it.
   * @throws UnavailableError where namespaces, bridges or TAP devices are not allowed, or `ip` is missing
   */
  static create(): NetworkLab {
    try {
      Deno.statSync("/dev/net/tun");
      const lab = new NetworkLab();
      try {
        lab.#wire();
      } catch (error) {
        lab[Symbol.dispose]();
        throw error;
      }
      return lab;
    } catch (cause) {
      if (cause instanceof OsError || cause instanceof Deno.errors.NotFound) {
        throw new UnavailableError(`no network for the machine: ${cause.message}`, { cause });
      }
      throw cause;
    }
  }

  /** Does something on a host that is done when it returns: starts a process, say. */
  on<T>(host: LabHost, work: () => T): T {
    return this.#hosts[host].within(work);
  }

  /** Runs `ip` on a host. @throws UnavailableError with what it says */
  ip(host: LabHost | "switch", command: string): void {
    const where = host === "switch" ? this.#switch : this.#hosts[host];
    where.within(() => {
      const args = command.split(" ");
      const { success, stderr } = new Deno.Command("ip", { args, stderr: "piped" }).outputSync();
      if (success) return;
      const why = new TextDecoder().decode(stderr).trim();
      throw new UnavailableError(`no network for the machine: ip ${command}: ${why}`);
    });
  }

  /** Makes a TAP device on a host, for a machine that is not ours: a port of its bridge. */
  addTap(host: LabHost, name: string): void {
    this.ip(host, `tuntap add ${name} mode tap`);
    this.ip(host, `link set ${name} master ${LAB_BRIDGE} up`);
  }

  /** Leaves it. Processes in it keep their part of it. */
  [Symbol.dispose](): void {
    this.#outside.enter();
    for (const one of [this.#outside, this.#switch, ...Object.values(this.#hosts)]) {
      one[Symbol.dispose]();
    }
  }

  #wire(): void {
    this.ip("switch", "link set lo up");
    this.ip("switch", `link add ${LAB_BRIDGE} type bridge forward_delay 0`);
    this.ip("switch", `link set ${LAB_BRIDGE} up`);
    this.#address("switch", LAB_BRIDGE);
    for (const host of ["client", "host0", "host1"] as const) {
      const { path } = this.#hosts[host];
      this.ip("switch", `link add ${host} type veth peer name eth0 netns ${path}`);
      this.ip("switch", `link set ${host} master ${LAB_BRIDGE} up`);
      this.ip(host, "link set lo up");
      this.ip(host, "link set eth0 up");
    }
    this.#address("client", "eth0");
    for (const host of ["host0", "host1"] as const) {
      this.ip(host, `link add ${LAB_BRIDGE} type bridge forward_delay 0`);
      this.ip(host, `link set ${LAB_BRIDGE} up`);
      this.ip(host, `link set eth0 master ${LAB_BRIDGE}`);
      this.#address(host, LAB_BRIDGE);
    }
    this.#switch.enter();
  }

  #address(host: LabHost | "switch", device: string): void {
    this.ip(host, `address add ${LAB_ADDRESSES[host]}/${PREFIX_BITS} dev ${device}`);
  }
}
