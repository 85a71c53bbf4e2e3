/**
 * `deno run -A primary/main.ts GUEST ...`: the command `understudy primary` by itself.
 */
import { runMain } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../base/errors.ts";
import { primaryCommand } from "./command.ts";

await runMain(async () => {
  let code: ExitCodeValue = ExitCode.ok;
  await primaryCommand((result) => code = result).parseAsync(Deno.args, { from: "user" });
  return code;
});
