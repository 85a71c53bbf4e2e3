/**
 * `deno task stock-kvm`: a stock KVM host in a box, on any machine.
 */
import { command, runMain } from "../../base/command_line.ts";
import type { ExitCodeValue } from "../../base/errors.ts";
import { type EndingWatch, withinLimit } from "./ending.ts";
import { StockHost } from "./host.ts";
import { bootFiles, openCache } from "./layers.ts";
import {
  cpusOption,
  type HostOptions,
  keepOption,
  memoryOption,
  ownArgs,
  timeoutOption,
} from "./options.ts";
import { progressOnStderr } from "./progress.ts";
import { requireQemu } from "./qemu.ts";
import { passInput, startShell, toStdio } from "./stdio.ts";

const progress = progressOnStderr("stock-kvm");

await runMain(async () => {
  let code = 0;
  const program = command(
    "stock-kvm",
    "runs COMMAND on a host that is Debian's own kernel with its own kvm-amd module, in QEMU",
    [
      "deno task stock-kvm -- ./understudy doctor",
      "deno task stock-kvm --cpus 1 --timeout 5m -- ./understudy run hello",
      "deno task stock-kvm                 a shell; its end ends the host",
    ],
  )
    .argument("[command...]", "what to run in the project's folder; none: a shell")
    .addOption(memoryOption())
    .addOption(cpusOption())
    .addOption(timeoutOption())
    .addOption(keepOption())
    .addHelpText(
      "after",
      "\nThe exit code is COMMAND's; 124: it took longer than --timeout; 69: there was no host to run " +
        "it on.\nWhat was fetched and built stays in .cache/stock-kvm; remove that for a newer kernel.",
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
  await requireQemu();
  const { signal } = watch;
  const boot = await bootFiles({ cache: openCache(), progress, signal });
  progress("booting");
  await using host = await StockHost.start({ boot, memoryMiB, cpus, keep, signal });
  progress(`up: ${cpus} processors, ${memoryMiB} MiB`);
  if (keep) progress(`the host's folder, which stays: ${host.folder}`);
  using shell = words.length === 0 ? startShell(host) : undefined;
  const process = shell?.process ?? host.run(words, toStdio);
  void passInput(process);
  const { code } = await watch.race(process.exited);
  if (code === undefined) progress(`the host ended by itself; its kernel said:\n${host.console}`);
  return code ?? 69;
}
