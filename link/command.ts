/**
 * The commands `keygen`, and `handover`, `set` and `stop`: requests to a side's status address.
 */
import { command, parseCount } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue, UsageError } from "../base/errors.ts";
import { parseAddress } from "./address.ts";
import { insecureOption, keysOption, Security, type SecurityOptions } from "./security.ts";
import { askStatus } from "./status_client.ts";

type Done = (code: ExitCodeValue) => void;

/** Ten years. */
const defaultDays = 3650;

/** `understudy handover` */
export function handoverCommand(done: Done) {
  return command("handover", "have a primary hand its machine over to its backup", [
    "understudy handover 127.0.0.1:7002",
    "understudy handover 10.0.0.1:7002 --keys keys/b",
  ])
    .argument("<addr>", "the primary's --status address, HOST:PORT")
    .addOption(keysOption())
    .addOption(insecureOption())
    .action(async (address, options) => done(await ask(address, "POST /handover", options)));
}

/** `understudy stop` */
export function stopCommand(done: Done) {
  return command("stop", "end the guest in good order (a primary), or leave (a backup)", [
    "understudy stop 127.0.0.1:7002",
    "understudy stop 10.0.0.1:7002 --keys keys/b",
  ])
    .argument("<addr>", "the side's --status address, HOST:PORT")
    .addOption(keysOption())
    .addOption(insecureOption())
    .action(async (address, options) => done(await ask(address, "POST /stop", options)));
}

/** `understudy set` */
export function setCommand(done: Done) {
  return command("set", "change how a primary protects its machine, while that runs", [
    "understudy set 127.0.0.1:7002 lag-max=500ms",
    "understudy set 10.0.0.1:7002 mode=checkpoint epoch=25ms --keys keys/b",
    "understudy set 127.0.0.1:7002 mode=auto slice=50ms",
  ])
    .argument("<addr>", "the primary's --status address, HOST:PORT")
    .argument("<name=value...>", "as `understudy primary` has them: mode, slice, epoch, lag-max")
    .addOption(keysOption())
    .addOption(insecureOption())
    .action(async (address, changes, options) => {
      const query = new URLSearchParams();
      for (const change of changes) {
        const [, name, value] = change.match(/^([a-z-]+)=(.+)$/) ?? [];
        if (name === undefined || query.has(name)) {
          throw new UsageError(`${change}: expected NAME=VALUE, each name once`);
        }
        query.set(name, value!);
      }
      done(await ask(address, `POST /set?${query}`, options));
    });
}

/** `understudy keygen` */
export function keygenCommand(done: Done) {
  return command("keygen", "make the keys of a pair: an authority, and a folder for each host", [
    "understudy keygen keys",
    "understudy keygen keys --host alpha --host beta --days 365",
    "understudy keygen keys --host gamma         (one host more, later)",
  ])
    .argument("<dir>", "where; nothing in it is overwritten")
    .option(
      "--host <name>",
      "a host to make keys for; can be given several times (default: a and b)",
      (name: string, before?: string[]) => [...before ?? [], name],
    )
    .option("--days <n>", "how long they are valid", parseCount, defaultDays)
    .action(async (folder, { host = ["a", "b"], days }) => {
      // Only here: no other command has a use for the library behind it.
      const { generateKeys } = await import("./keygen.ts");
      const { isNew, folders, validTo } = await generateKeys({ folder, hosts: host, days });
      show([
        `${isNew ? "a new authority" : "the authority"} in ${folder} has signed, until ${
          validTo.toISOString().slice(0, 10)
        }:`,
        ...folders.map((path) =>
          `  ${path}    copy it, whole, to that host alone: scp -pr ${path} HOST:`
        ),
        "Each command there gets it with --keys, such as: understudy backup --keys " +
        `${folders.at(-1)!.split("/").at(-1)} ...`,
        `${folder}/ca.key makes keys for further hosts. No host needs it: keep it where nobody gets at it.`,
      ]);
      done(ExitCode.ok);
    });
}

async function ask(
  address: string,
  what: `POST /${string}`,
  options: SecurityOptions,
): Promise<ExitCodeValue> {
  const { ok, text } = await askStatus(parseAddress(address), what, Security.from(options));
  Deno.stdout.writeSync(new TextEncoder().encode(text));
  return ok ? ExitCode.ok : ExitCode.failed;
}

function show(lines: readonly string[]): void {
  Deno.stdout.writeSync(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
}
