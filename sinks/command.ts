/**
 * The command `console`: a person's, or a pipe's, end of a framed console.
 */
import { command, onStopSignals } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../base/errors.ts";
import { inputChunkBytes } from "../base/limits.ts";
import { reporter } from "../base/reporter.ts";
import { insecureOption, keysOption, Security } from "../link/security.ts";
import { ConsoleClient } from "./console_client.ts";

/** `understudy console` */
export function consoleCommand(done: (code: ExitCodeValue) => void) {
  return command("console", "watch a machine's framed console, and type into it", [
    "understudy console 10.0.0.1:7001,10.0.0.2:7001 --keys keys/a",
    "echo 'add 5' | understudy console 127.0.0.1:7001 --keep-open",
  ])
    .argument("<addrs>", "where the sides serve the console, HOST:PORT[,HOST:PORT...]")
    .option("--no-input", "only watch")
    .option("--keep-open", "go on watching when standard input ends")
    .addOption(keysOption())
    .addOption(insecureOption())
    .action(async (addresses, options) => {
      const say = reporter("console");
      const security = Security.from(options);
      const { input } = options;
      using client = new ConsoleClient(addresses, { input, notice: say, security });
      onStopSignals(() => client.close());
      if (input) void typeInto(client, options.keepOpen === true);
      for await (const { bytes } of client.outputs()) {
        for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
      }
      if (client.ended !== undefined) say(client.ended.why);
      if (client.lostBytes > 0) {
        say(`${client.lostBytes} bytes of output could not be had any more`);
      }
      done(
        client.lostBytes > 0
          ? ExitCode.failed
          : client.ended?.exitCode === 0 || client.ended === undefined
          ? ExitCode.ok
          : ExitCode.guest,
      );
    });
}

async function typeInto(client: ConsoleClient, keepOpen: boolean): Promise<void> {
  const buffer = new Uint8Array(inputChunkBytes);
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) break;
    await client.write(buffer.slice(0, count));
  }
  if (!keepOpen) client.close();
}
