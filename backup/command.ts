/**
 * The commands `backup` and `replay`.
 */
import { command, onStopSignals } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../base/errors.ts";
import { reporter } from "../base/reporter.ts";
import { parseAddress } from "../link/address.ts";
import { insecureOption, keysOption, Security } from "../link/security.ts";
import { serveStatus } from "../link/status_server.ts";
import { digestsEqual } from "./comparison.ts";
import { defaultReportsDirectory } from "./divergence_reporter.ts";
import { BackupProcess } from "./follow.ts";
import { replayFile } from "./replay_file.ts";

/** Tells the caller what to exit with. */
export type Done = (code: ExitCodeValue) => void;

/** `understudy backup` */
export function backupCommand(done: Done) {
  return command("backup", "follow a primary, and take over when it dies", [
    "understudy backup --primary 10.0.0.1:7000 --listen 0.0.0.0:7000 --keys keys/b --arbiter file:/srv/arbiter --console console:0.0.0.0:7001",
    "understudy backup --primary arbiter --id ledger --listen 0.0.0.0:7000 --keys keys/b --arbiter etcd:https://10.0.0.3:2379",
  ])
    .requiredOption(
      "--primary <addr>",
      "where the primary listens, HOST:PORT; or arbiter: ask that",
    )
    .requiredOption(
      "--arbiter <a>",
      "who decides which side goes on: file:DIR or etcd:URL[,URL...]",
    )
    .option("--listen <addr>", "where new backups can join after a takeover, HOST:PORT")
    .option("--advertise <addr>", "where the other side reaches --listen (default: as it says)")
    .option(
      "--console <c>",
      "stdio, file:PATH, console:ADDR (framed), tcp:ADDR (raw) or none",
      "stdio",
    )
    .option(
      "--net <n>",
      "what the machine's network card is connected to once this side is live: as with primary",
    )
    .option("--id <id>", "follow this machine only (default: whichever the primary has)")
    .option("--who <name>", "how this side is called, for people", Deno.hostname())
    .option("--status <addr>", "serve figures as JSON at http://ADDR/status")
    .option(
      "--takeover-diverged",
      "take over though the last part of the log did not replay exactly",
    )
    .option("--reports <dir>", "where divergences are described", defaultReportsDirectory())
    .addOption(keysOption())
    .addOption(insecureOption())
    .action(async (options) => {
      const say = reporter("backup");
      const security = Security.from(options);
      const backup = new BackupProcess({
        primary: options.primary,
        listen: options.listen,
        advertise: options.advertise,
        arbiter: options.arbiter,
        console: options.console,
        net: options.net,
        id: options.id,
        who: options.who,
        takeoverDiverged: options.takeoverDiverged ?? false,
        reports: options.reports,
        security,
      }, say);
      await using stack = new AsyncDisposableStack();
      if (options.status !== undefined) {
        const server = stack.use(serveStatus(parseAddress(options.status), {
          status: () => backup.role.status(),
          handover: () => backup.role.handover(),
          set: (changes) => backup.role.set(changes),
          stop: () => backup.role.stop("stopped on request"),
        }, { security, notice: say }));
        say(`status at ${server.url}`);
      }
      stack.defer(onStopSignals((signal) => backup.role.retire(`stopped by ${signal}`)));
      const { code, why } = await backup.run();
      say(why);
      done(code);
    });
}

/** `understudy replay` */
export function replayCommand(done: Done) {
  return command("replay", "replay a recorded log, verify it, show the console", [
    "understudy replay ledger.log",
    "understudy replay ledger.log --json --quiet",
  ])
    .argument("<file>", "a log that `understudy run --record` made")
    .option("--quiet", "do not show the console")
    .option("--json", "say what was found as JSON on standard output (implies --quiet)")
    .action((file, options) => {
      const show = options.quiet !== true && options.json !== true;
      const report = replayFile(file, (bytes) => {
        if (show) Deno.stdout.writeSync(bytes);
      });
      if (options.json === true) {
        Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`));
      } else {
        const { points, frames, digests, comparison, end, cutBytes } = report;
        const ending = end === null ? "the log stops before the guest's end" : end.why;
        // A writer that was killed, or a damaged length: from here nobody can tell.
        const verdict = cutBytes === 0
          ? "exact"
          : `incomplete (its last ${cutBytes} bytes are no whole frame: cut off, or damaged); before that`;
        const equal = digestsEqual(digests, comparison);
        reporter("replay")(
          `${verdict}: ${points} execution points, ${frames} frames, ${equal}; ${ending}`,
        );
      }
      done(report.cutBytes === 0 ? ExitCode.ok : ExitCode.failed);
    });
}
