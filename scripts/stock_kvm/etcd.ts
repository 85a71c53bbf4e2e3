/**
 * The arbiter of a pair that is started by hand: a real etcd on 127.0.0.1 of this machine.
 *
 * `pair_main.ts` calls it. Which etcd: the one on PATH, or else Debian's, which is not installed for that.
 */
import { UnavailableError } from "../../base/errors.ts";
import { freePort } from "../../demo/pair_processes.ts";
import type { Making } from "./cache.ts";
import { unpackPackage } from "./packages.ts";
import { findProgram } from "./tools.ts";

const START_LIMIT_MS = 30_000;
const POLL_MS = 50;

/** A running etcd. Disposing of it kills it and removes its data. */
export class PairEtcd implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly child: Deno.ChildProcess,
    private readonly folder: string,
  ) {}

  /** Starts one, and waits until it answers. @throws UnavailableError if it does not */
  static async start(making: Making): Promise<PairEtcd> {
    const program = await findProgram("etcd") ??
      `${(await unpackPackage("etcd-server", making)).folder}/usr/bin/etcd`;
    const folder = Deno.makeTempDirSync({ prefix: "understudy-etcd-" });
    const port = freePort();
    const url = `http://127.0.0.1:${port}`;
    const peerUrl = `http://127.0.0.1:${freePort()}`;
    const child = new Deno.Command(program, {
      args: [
        ...["--data-dir", `${folder}/data`, "--log-level", "error"],
        ...["--listen-client-urls", url, "--advertise-client-urls", url],
        ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
        ...["--initial-cluster", `default=${peerUrl}`],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await using stack = new AsyncDisposableStack();
    const etcd = stack.use(new PairEtcd(port, child, folder));
    await etcd.#answering(making.signal);
    stack.move();
    return etcd;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.child.status;
    await Deno.remove(this.folder, { recursive: true });
  }

  async #answering(signal: AbortSignal): Promise<void> {
    for (const endMs = performance.now() + START_LIMIT_MS;;) {
      signal.throwIfAborted();
      const response = await fetch(`http://127.0.0.1:${this.port}/health`).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok === true) return;
      if (performance.now() > endMs) {
        throw new UnavailableError(`etcd does not answer at 127.0.0.1:${this.port}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
