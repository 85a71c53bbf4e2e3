/**
 * Does to a pair what a line of its control prompt asks for, and tells what came of it.
 *
 * `pair_main.ts` calls it.
 */
import type { RunOptions } from "./host_process.ts";
import { ENDS } from "./link_rules.ts";
import { addressOf, HOST_NAMES, type HostName, type StockPair } from "./pair.ts";
import { promptHelp, type Request } from "./prompt.ts";

/** See the top of the file. */
export class PairControl {
  /**
   * @param arbiterPort where the arbiter listens on 127.0.0.1 of this machine
   * @param tell takes a line for a person, or for who reads this program's output
   */
  constructor(
    readonly pair: StockPair,
    readonly arbiterPort: number,
    readonly tell: (line: string) => void,
  ) {}

  /** What a command finds in its environment, beside what every host's has. */
  environmentOf(name: HostName): Record<string, string> {
    const other = name === "A" ? "B" : "A";
    return {
      STOCK_HOST: name,
      STOCK_ADDRESS: addressOf[name],
      STOCK_OTHER: addressOf[other],
      STOCK_ARBITER: `etcd:http://${this.pair.arbiterAddress(this.arbiterPort)}`,
    };
  }

  /** Runs a shell's command in a host to its end. @returns its code; undefined: the host's end was its */
  async run(name: HostName, command: string): Promise<number | undefined> {
    const process = this.pair.host(name).run(["bash", "-c", command], this.#options(name));
    void process.closeInput();
    const { code } = await process.exited;
    this.tell(
      `${name}: ${code === undefined ? "ended with its host" : `exit ${code}`}: ${command}`,
    );
    return code;
  }

  /**
   * Does what is asked for.
   * @returns false if it came out badly: a command that was waited for ended with a code other than 0
   */
  async perform(request: Request): Promise<boolean> {
    const { pair } = this;
    const { rules } = pair;
    switch (request.verb) {
      case "run":
        return await this.run(request.host, request.command) === 0;
      case "start":
        void this.run(request.host, request.command);
        break;
      case "kill":
        await pair.host(request.host).crash();
        break;
      case "boot":
        await pair.boot(request.host);
        break;
      case "pause":
        pair.host(request.host).pause();
        break;
      case "resume":
        pair.host(request.host).resume();
        break;
      case "cut":
        rules.cut(...request.ways);
        break;
      case "delay":
        rules.delay(request.delayMs, ...request.ways);
        break;
      case "heal":
        rules.heal(...request.ways);
        break;
      case "reach":
        this.tell(await pair.reach(request.host, request.port));
        break;
      case "sleep":
        await new Promise((resolve) => setTimeout(resolve, request.durationMs));
        break;
      case "status":
        this.status();
        break;
      case "help":
        this.tell(promptHelp);
    }
    return true;
  }

  /** Tells what there is and how it is reached. */
  status(): void {
    for (const name of HOST_NAMES) {
      const state = this.pair.host(name).isGone ? "gone" : "there";
      this.tell(`${name}: ${addressOf[name]}, ${state}`);
    }
    const { STOCK_ARBITER } = this.environmentOf("A");
    this.tell(`arbiter: ${STOCK_ARBITER} from both hosts; here 127.0.0.1:${this.arbiterPort}`);
    for (const rule of this.pair.rules.describe()) this.tell(rule);
    for (const from of ENDS) {
      for (const to of ENDS) {
        const { passed, lost } = this.pair.network.count({ from, to });
        if (passed + lost > 0) this.tell(`${from}>${to}: ${passed} frames passed, ${lost} lost`);
      }
    }
  }

  /** Each line that a command writes, behind its host's name. */
  #options(name: HostName): RunOptions {
    const decoder = new TextDecoder();
    let rest = "";
    const onOutput = (bytes: Uint8Array) => {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.tell(`${name}| ${line}`);
    };
    return { onOutput, onErrors: onOutput, env: this.environmentOf(name) };
  }
}
