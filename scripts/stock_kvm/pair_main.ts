/**
 * `deno task stock-kvm:pair`: two stock KVM hosts in a network that can be cut, and an arbiter.
 */
import { command, runMain } from "../../base/command_line.ts";
import { type ExitCodeValue, UnderstudyError } from "../../base/errors.ts";
import { InvalidArgumentError } from "@commander-js/extra-typings";
import type { Making } from "./cache.ts";
import { type EndingWatch, withinLimit } from "./ending.ts";
import { PairEtcd } from "./etcd.ts";
import { bootFiles, openCache } from "./layers.ts";
import {
  cpusOption,
  type HostOptions,
  keepOption,
  memoryOption,
  ownArgs,
  timeoutOption,
} from "./options.ts";
import { HOST_NAMES, StockPair } from "./pair.ts";
import { PairControl } from "./pair_control.ts";
import { progressOnStderr } from "./progress.ts";
import { parseRequest } from "./prompt.ts";
import { requireQemu } from "./qemu.ts";

const progress = progressOnStderr("stock-kvm:pair");

await runMain(async () => {
  let code = 0;
  const program = command(
    "stock-kvm:pair",
    "two stock KVM hosts, an arbiter, and a network between them that can be cut",
    [
      "deno task stock-kvm:pair            a prompt; help tells what it knows",
      "deno task stock-kvm:pair < script   the same lines from a file",
      "deno task stock-kvm:pair -- sh -c 'ping -c 1 $STOCK_OTHER'",
    ],
  )
    .argument("[command...]", "what to run in both hosts at once; none: a control prompt")
    .addOption(memoryOption())
    .addOption(cpusOption())
    .addOption(timeoutOption())
    .addOption(keepOption())
    .addHelpText(
      "after",
      "\nIn the environment of every command: STOCK_HOST (A or B), STOCK_ADDRESS, STOCK_OTHER (the other " +
        "host's\naddress), STOCK_ARBITER (for --arbiter). The exit code is the first of COMMAND's that " +
        "is not 0; of a prompt\n1, if a line came out badly and standard input is no terminal.",
    )
    .passThroughOptions()
    .action(async (words, options) => {
      code = await withinLimit(options.timeout, progress, (watch) => runIn(words, options, watch));
    });
  await program.parseAsync(ownArgs(), { from: "user" });
  return code as ExitCodeValue;
});

async function runIn(
  words: readonly string[],
  { memory: memoryMiB, cpus, keep = false }: HostOptions,
  watch: EndingWatch,
): Promise<number> {
  const { signal } = watch;
  await requireQemu();
  const making: Making = { cache: openCache(), progress, signal };
  const boot = await bootFiles(making);
  await using etcd = await PairEtcd.start(making);
  progress("booting both hosts");
  await using pair = await StockPair.start({ boot, memoryMiB, cpus, keep, signal });
  progress("up");
  const tell = (line: string) => console.log(line);
  const control = new PairControl(pair, etcd.port, tell);
  control.status();
  return await watch.race(words.length > 0 ? runOnEach(control, words) : prompt(control));
}

async function runOnEach(control: PairControl, words: readonly string[]): Promise<number> {
  const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const codes = await Promise.all(HOST_NAMES.map((name) => control.run(name, line)));
  return codes.map((code) => code ?? 1).find((code) => code !== 0) ?? 0;
}

async function prompt(control: PairControl): Promise<number> {
  const isPerson = Deno.stdin.isTerminal();
  const ask = () => isPerson && Deno.stdout.writeSync(new TextEncoder().encode("pair> "));
  let isGood = true;
  if (isPerson) control.tell("help tells what this prompt knows");
  ask();
  for await (const line of linesOf(Deno.stdin.readable)) {
    try {
      const request = parseRequest(line);
      if (request.verb === "quit") break;
      isGood = await control.perform(request) && isGood;
    } catch (error) {
      const isExpected = error instanceof UnderstudyError || error instanceof InvalidArgumentError;
      if (!isExpected) throw error;
      control.tell(error.message);
      isGood = false;
    }
    ask();
  }
  return isGood || isPerson ? 0 : 1;
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
