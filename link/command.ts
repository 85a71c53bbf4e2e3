/**
 * The commands `handover` and `stop`: requests to a side's status address.
 */
import { command } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue, UnavailableError } from "../base/errors.ts";
import { type Address, parseAddress } from "./address.ts";

type Done = (code: ExitCodeValue) => void;

/** `understudy handover` */
export function handoverCommand(done: Done) {
  return command("handover", "have a primary hand its machine over to its backup", [
    "understudy handover 127.0.0.1:7002",
  ])
    .argument("<addr>", "the primary's --status address, HOST:PORT")
    .action(async (address) => done(await request(parseAddress(address), "handover")));
}

/** `understudy stop` */
export function stopCommand(done: Done) {
  return command("stop", "end the guest in good order (a primary), or leave (a backup)", [
    "understudy stop 127.0.0.1:7002",
  ])
    .argument("<addr>", "the side's --status address, HOST:PORT")
    .action(async (address) => done(await request(parseAddress(address), "stop")));
}

async function request({ hostname, port }: Address, what: string): Promise<ExitCodeValue> {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  let response: Response;
  try {
    response = await fetch(`http://${host}:${port}/${what}`, { method: "POST" });
  } catch (cause) {
    throw new UnavailableError(
      `no side answers at ${host}:${port}: is this its --status address?`,
      { cause },
    );
  }
  const text = await response.text();
  Deno.stdout.writeSync(new TextEncoder().encode(text));
  return response.ok ? ExitCode.ok : ExitCode.failed;
}
