/**
 * The command line of Understudy. Nothing else: each command is defined in its room.
 */
import { Command } from "@commander-js/extra-typings";
import { backupCommand, replayCommand } from "./backup/command.ts";
import { runMain } from "./base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "./base/errors.ts";
import { doctorCommand } from "./machine/command.ts";
import { demoCommand } from "./demo/command.ts";
import { handoverCommand, keygenCommand, setCommand, stopCommand } from "./link/command.ts";
import { logCommand } from "./log/command.ts";
import { primaryCommand, runCommand } from "./primary/command.ts";
import { serveCommand } from "./serve/command.ts";
import { consoleCommand } from "./sinks/command.ts";

await runMain(async () => {
  let code: ExitCodeValue = ExitCode.ok;
  const done = (result: ExitCodeValue) => {
    code = result;
  };
  const program = new Command("understudy")
    .description("a second copy of a running virtual machine, ready to go on in mid-sentence")
    .addHelpText("after", "\nDocumentation: docs/CLI.md has every option and exit code.")
    .exitOverride();
  const commands = [
    doctorCommand,
    runCommand,
    replayCommand,
    logCommand,
    primaryCommand,
    backupCommand,
    serveCommand,
    consoleCommand,
    handoverCommand,
    setCommand,
    stopCommand,
    keygenCommand,
    demoCommand,
  ];
  for (const make of commands) program.addCommand(make(done) as Command);
  if (Deno.args.length === 0) program.outputHelp();
  else await program.parseAsync(Deno.args, { from: "user" });
  return code;
});
