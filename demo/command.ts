/**
 * The command `demo`.
 */
import { Option } from "@commander-js/extra-typings";
import { command } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue, UnderstudyError } from "../base/errors.ts";
import { runDemo } from "./demo.ts";
import { showReport } from "./report.ts";
import { Show } from "./show.ts";

/** By 128 and its number, a shell knows which signal ended a process. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Somebody wants it to end. */
class Interrupted extends Error {
  constructor(readonly signal: keyof typeof SIGNALS) {
    super(`ended by ${signal}`);
  }
}

/** `understudy demo` */
export function demoCommand(done: (code: ExitCodeValue) => void) {
  return command("demo", "a pair on this host, a kill of its primary, and a verdict", [
    "understudy demo",
    "understudy demo --json > demo.json",
  ])
    .addOption(
      new Option("--guest <g>", "the guest to run").choices(["ledger"] as const)
        .default("ledger" as const),
    )
    .option("--json", "say what was found as JSON on standard output, the rest on standard error")
    .action(async ({ guest, json }) => {
      const show = Show.on(json === true ? Deno.stderr : Deno.stdout);
      const print = (found: unknown) => {
        if (json === true) {
          Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(found, null, 2)}\n`));
        }
      };
      const abort = new AbortController();
      const stopListening = onSignals((signal) => abort.abort(new Interrupted(signal)));
      try {
        const report = await runDemo({ guest, show, signal: abort.signal });
        showReport(report, show);
        print(report);
        done(report.ok ? ExitCode.ok : ExitCode.failed);
      } catch (error) {
        if (error instanceof Interrupted) {
          show.line(error.message);
          Deno.exit(128 + SIGNALS[error.signal]);
        }
        if (error instanceof UnderstudyError) print({ ok: false, failure: error.message });
        throw error;
      } finally {
        stopListening();
      }
    });
}

/** All signals that ask for an end are heard until then, also a second one: the children are ended first. */
function onSignals(heard: (signal: keyof typeof SIGNALS) => void): () => void {
  const handlers = (Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]).map((signal) => {
    const handler = () => heard(signal);
    Deno.addSignalListener(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) Deno.removeSignalListener(signal, handler);
  };
}
