/**
 * One side of a pair on a stock host: `understudy primary` or `understudy backup` as a process in there, seen from
 * this machine.
 */
import { UnavailableError } from "../../base/errors.ts";
import { Side, type SideStatus } from "../../demo/side.ts";
import type { HostExit, HostProcess } from "../../scripts/stock_kvm/host_process.ts";
import { addressOf, type HostName, type StockPair } from "../../scripts/stock_kvm/pair.ts";

/** Where every side of a stock host listens. */
export const STOCK_PORT = { log: 7100, console: 7101, status: 7102 } as const;

/** A side that is cut off does not answer, and its connection does not break either. */
const STATUS_LIMIT_MS = 5000;

/** See the top of the file. */
export class StockSide extends Side {
  private constructor(
    readonly host: HostName,
    private readonly process: HostProcess,
    private readonly statusUrl: string,
  ) {
    super(host);
  }

  /**
   * Starts one, at the ports of {@link STOCK_PORT}.
   * @param args the command line, without its listening addresses: `backup --primary ...`
   */
  static async start(
    pair: StockPair,
    host: HostName,
    args: readonly string[],
  ): Promise<StockSide> {
    const at = (port: number) => `${addressOf[host]}:${port}`;
    const process = pair.host(host).run([
      ...["./understudy", ...args, "--who", host],
      ...["--listen", at(STOCK_PORT.log), "--console", `console:${at(STOCK_PORT.console)}`],
      // The network between stock hosts is one of this machine's own.
      ...["--status", at(STOCK_PORT.status), "--insecure"],
    ]);
    void process.closeInput();
    const status = await pair.reach(host, STOCK_PORT.status);
    return new StockSide(host, process, `http://${status}/status`);
  }

  /** Its standard error so far. */
  get text(): string {
    return this.process.errors;
  }

  /** As a person says it; undefined while it runs. */
  get ending(): string | undefined {
    const { exit } = this.process;
    return exit === undefined ? undefined : `ended with ${exit.code ?? "its host"}`;
  }

  /** Resolves when it has ended, or its host has. */
  get exited(): Promise<HostExit> {
    return this.process.exited;
  }

  /** Its figures. @throws UnavailableError if it does not answer */
  async status(): Promise<SideStatus> {
    try {
      const signal = AbortSignal.timeout(STATUS_LIMIT_MS);
      const response = await fetch(this.statusUrl, { signal });
      return await response.json();
    } catch (cause) {
      throw new UnavailableError(`${this.name} does not answer at ${this.statusUrl}`, { cause });
    }
  }
}
