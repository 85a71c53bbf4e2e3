/**
 * The command `serve`.
 */
import { command, onStopSignals } from "../base/command_line.ts";
import type { ExitCodeValue } from "../base/errors.ts";
import { reporter } from "../base/reporter.ts";
import { parseAddress } from "../link/address.ts";
import { serveStatus } from "../link/status_server.ts";
import { primaryOptions, withPrimaryOptions } from "../primary/command.ts";
import { defaultReportsDirectory } from "../backup/divergence_reporter.ts";
import { ServeProcess } from "./serve.ts";

/** `understudy serve` */
export function serveCommand(done: (code: ExitCodeValue) => void) {
  return withPrimaryOptions(command("serve", "be primary or backup, as the arbiter says", [
    "understudy serve ledger --listen 10.0.0.1:7000 --keys keys/a --arbiter 'etcd:https://10.0.0.3:2379?cacert=ca.pem' --console console:10.0.0.1:7001",
    "understudy serve vmlinux --listen :7000 --advertise host1:7000 --keys keys/a --arbiter file:/srv/arbiter --require-backup",
  ]))
    .option(
      "--takeover-diverged",
      "take over though the last part of the log did not replay exactly",
    )
    .option("--reports <dir>", "where divergences are described", defaultReportsDirectory())
    .action(async (guest, options) => {
      const say = reporter("serve");
      const primary = primaryOptions(guest, options);
      const serve = new ServeProcess({
        primary,
        takeoverDiverged: options.takeoverDiverged ?? false,
        reports: options.reports,
      }, say);
      await using stack = new AsyncDisposableStack();
      if (options.status !== undefined) {
        const server = stack.use(serveStatus(parseAddress(options.status), {
          status: () => serve.status(),
          handover: () => serve.handover(),
          set: (changes) => serve.set(changes),
          stop: () => serve.stop("stopped on request"),
        }, { security: primary.security, notice: say }));
        say(`status at ${server.url}`);
      }
      stack.defer(onStopSignals((signal) => serve.retire(`stopped by ${signal}`)));
      const { code, why } = await serve.run();
      say(why);
      done(code);
    });
}
