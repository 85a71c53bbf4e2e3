/**
 * `deno run -A backup/main.ts --primary ADDR ...`: the command `understudy backup` by itself.
 */
import { runMain } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../base/errors.ts";
import { backupCommand } from "./command.ts";

await runMain(async () => {
  let code: ExitCodeValue = ExitCode.ok;
  await backupCommand((result) => code = result).parseAsync(Deno.args, { from: "user" });
  return code;
});
