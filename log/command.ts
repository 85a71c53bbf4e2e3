/**
 * The command `log`, with its sub-commands: what can be done with a recorded log beside replaying it.
 */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { command } from "../base/command_line.ts";
import { ExitCode, type ExitCodeValue, UsageError } from "../base/errors.ts";
import { outputIsColoured, painter } from "../base/paint.ts";
import { reporter } from "../base/reporter.ts";
import { convertLog } from "./convert.ts";
import { cutLog, type Written } from "./cut.ts";
import { dumpLog } from "./dump.ts";
import { joinLogs } from "./join.ts";
import { Printer } from "./printer.ts";
import { Progress, totalBytesOf } from "./progress.ts";
import type { ReadProgress } from "./reader.ts";
import { statLog } from "./stat.ts";
import { formatStat } from "./stat_report.ts";
import { exitCodeOf, formatVerify, verifyLog } from "./verify.ts";

/** Tells the caller what to exit with. */
type Done = (code: ExitCodeValue) => void;

const FILE_HELP = "a log that `understudy run --record` made, or a part of one";
const CUT_NOTE = "its end is no whole frame: cut off, or damaged";

/** `understudy log` */
export function logCommand(done: Done) {
  return command("log", "look at a recorded log, check it, cut it, join it, pack it", [
    "understudy log stat ledger.log",
    "understudy log dump ledger.log --from 1000 --to 1200",
    "understudy log verify ledger.log",
    "understudy log cut ledger.log --to 1000 -o beginning.log",
    "understudy log join beginning.log rest.log -o ledger.log",
    "understudy log convert ledger.log --level dense -o kept.log",
  ])
    .addCommand(statCommand(done))
    .addCommand(dumpCommand(done))
    .addCommand(verifyCommand(done))
    .addCommand(cutCommand(done))
    .addCommand(joinCommand(done))
    .addCommand(convertCommand(done));
}

function statCommand(done: Done) {
  return command("stat", "what a log is made of: its bytes by kind of event, to the byte", [
    "understudy log stat ledger.log",
    "understudy log stat ledger.log --json | jq .rest.bytesPerSecond",
  ])
    .argument("<file>", FILE_HELP)
    .option("--json", "the figures as JSON")
    .action(async (path, { json }) => {
      const stat = await withProgress([path], (progress) => statLog(path, tellOf(progress)));
      await print(json === true ? toJson(stat) : formatStat(path, stat, paint()));
      done(codeOfCut(stat.cutBytes));
    });
}

function dumpCommand(done: Done) {
  return command("dump", "a log as text, an event a line", [
    "understudy log dump ledger.log",
    "understudy log dump ledger.log --from 1000 --to 1200",
    `understudy log dump ledger.log --json --full | jq -r 'select(.kind == "data").text'`,
  ])
    .argument("<file>", FILE_HELP)
    .option("--from <point>", "the first execution point whose events are shown", parsePoint, 0)
    .option("--to <point>", "the last one (default: the end)", parsePoint)
    .option("--json", "a line of JSON for each frame and each event")
    .option("--full", "show all bytes of an event, not only the first")
    .action(async (path, { from, to = Number.MAX_SAFE_INTEGER, json, full }) => {
      if (to < from) throw new UsageError(`--from ${from} comes after --to ${to}`);
      const options = { from, to, json: json === true, full: full === true };
      // A bar among the lines would be in the way.
      const watched = Deno.stdout.isTerminal() ? [] : [path];
      const cutBytes = await withProgress(
        watched,
        (progress) => dumpLog(path, options, new Printer(), paint(), tellOf(progress)),
      );
      if (cutBytes > 0) reporter("log")(`incomplete: ${cutBytes} bytes at ${CUT_NOTE}`);
      done(codeOfCut(cutBytes));
    });
}

function verifyCommand(done: Done) {
  return command("verify", "check a log without running the guest; say where it is cut or bad", [
    "understudy log verify ledger.log",
    "understudy log verify ledger.log --json | jq .soundBytes",
  ])
    .argument("<file>", FILE_HELP)
    .option("--json", "what was found as JSON")
    .addHelpText(
      "after",
      "\nExit code: 0 sound, 1 cut, 65 bad, or cut so early that nothing can be replayed.\n" +
        "Whether the run is the recorded one, `understudy replay` says.",
    )
    .action(async (path, { json }) => {
      const report = await withProgress([path], (progress) => verifyLog(path, tellOf(progress)));
      await print(json === true ? toJson(report) : formatVerify(path, report, paint()));
      done(exitCodeOf(report));
    });
}

const CUT_HELP = `
A log is parted between two frames: behind the first one that makes it complete up to
POINT or later. (Never in the middle of a state; --to 0 is the first state alone.)
  --to POINT    what comes before: a log that replays up to there
  --from POINT  what comes after: a piece, which can't be replayed by itself, only joined
                with what comes before
  both          what is between the two
  neither       all whole frames: leaves out what is no frame at the end of a cut log
--to POINT and --from POINT with the same POINT are the whole log, in two parts.`;

function cutCommand(done: Done) {
  return command("cut", "a part of a log as a new one", [
    "understudy log cut ledger.log --to 1000 -o beginning.log",
    "understudy log cut ledger.log --from 1000 -o rest.log",
    "understudy log cut killed.log -o whole-frames.log",
  ])
    .argument("<file>", FILE_HELP)
    .option("--from <point>", "only what comes after this execution point", parsePoint)
    .option("--to <point>", "only what comes up to this execution point", parsePoint)
    .requiredOption("-o, --output <file>", "where the part goes")
    .option("--force", "replace the file that is there", false)
    .addHelpText("after", CUT_HELP)
    .action(async (path, { from, to, output, force }) => {
      const range = {
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      };
      const target = { path: output, force };
      const written = await withProgress(
        [path],
        (progress) => cutLog(path, range, target, tellOf(progress)),
      );
      tellWritten(output, written);
      done(codeOfCut(written.cutBytes));
    });
}

function joinCommand(done: Done) {
  return command("join", "the pieces of one session, cut by `log cut`, as one log", [
    "understudy log join beginning.log rest.log -o ledger.log",
  ])
    .argument("<piece...>", "logs that follow on one another, in order")
    .requiredOption("-o, --output <file>", "where the log goes")
    .option("--force", "replace the file that is there", false)
    .action(async (paths, { output, force }) => {
      const target = { path: output, force };
      const written = await withProgress(paths, (progress) => joinLogs(paths, target, progress));
      tellWritten(output, written);
      done(ExitCode.ok);
    });
}

const CONVERT_HELP = `
  fast   as it is recorded and sent: packed no harder than a guest's exits leave time for
  dense  for keeping: smaller, and slower to write and to read
Frames and events stay the same; all of \`understudy log\` and \`understudy replay\` take either.`;

function convertCommand(done: Done) {
  return command("convert", "the same log, packed harder for keeping, or less hard again", [
    "understudy log convert ledger.log --level dense -o kept.log",
    "understudy log convert ledger.log --level dense -o kept.log --json | jq .bytes/.readBytes",
  ])
    .argument("<file>", FILE_HELP)
    .addOption(
      new Option("--level <level>", "how hard its frames are packed")
        .choices(["fast", "dense"] as const)
        .makeOptionMandatory(),
    )
    .requiredOption("-o, --output <file>", "where the log goes")
    .option("--force", "replace the file that is there", false)
    .option("--json", "what was written as JSON")
    .addHelpText("after", CONVERT_HELP)
    .action(async (path, { level, output, force, json }) => {
      const target = { path: output, force };
      const written = await withProgress(
        [path],
        (progress) => convertLog(path, level, target, tellOf(progress)),
      );
      if (json === true) await print(toJson(written));
      else tellWritten(output, written);
      done(codeOfCut(written.cutBytes));
    });
}

function tellWritten(path: string, { frames, bytes, through, isPiece, cutBytes }: Written): void {
  const piece = isPiece ? "; a piece: it can't be replayed by itself, only joined" : "";
  const leftOut = cutBytes > 0 ? `; left out: ${cutBytes} bytes, as ${CUT_NOTE}` : "";
  reporter("log")(
    `${path}: ${frames} frames, ${bytes} bytes, complete up to execution point ${through}${piece}${leftOut}`,
  );
}

/** An execution point. */
function parsePoint(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("expected an execution point");
  return Number(text);
}

/** What a command ends with that has read so many bytes that are no whole frame: as `understudy replay`. */
function codeOfCut(cutBytes: number): ExitCodeValue {
  return cutBytes === 0 ? ExitCode.ok : ExitCode.failed;
}

/** Reads these files with a bar, which is gone before anything is said of what came of it. */
async function withProgress<T>(
  paths: readonly string[],
  read: (progress: Progress) => Promise<T>,
): Promise<T> {
  using progress = new Progress(reporter("log"), totalBytesOf(paths));
  return await read(progress);
}

function tellOf(progress: Progress): ReadProgress {
  return (bytes) => progress.at(bytes);
}

function paint() {
  return painter(outputIsColoured());
}

function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

async function print(text: string): Promise<void> {
  const printer = new Printer();
  printer.line(text);
  await printer.flush();
}
