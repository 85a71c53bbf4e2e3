/**
 * The command `doctor`.
 */
import { command } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../base/errors.ts";
import { outputIsColoured } from "../base/paint.ts";
import { examineHost, formatReport } from "./doctor.ts";

/** `understudy doctor` */
export function doctorCommand(done: (code: ExitCodeValue) => void) {
  return command("doctor", "what this host offers, and what that means here", [
    "understudy doctor",
    "understudy doctor --json | jq .canRun",
  ])
    .option("--json", "the report as JSON")
    .action((options) => {
      const report = examineHost();
      const text = options.json === true
        ? `${JSON.stringify(report, null, 2)}\n`
        : formatReport(report, { colour: outputIsColoured() });
      Deno.stdout.writeSync(new TextEncoder().encode(text));
      done(report.canRun ? ExitCode.ok : ExitCode.failed);
    });
}
