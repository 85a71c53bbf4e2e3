/**
 * `understudy log verify`: whether a log file is sound, as far as that can be seen without running the guest, and if
 * it is not, up to where.
 *
 * What it says agrees with `understudy replay`: a log that is cut is one that can be replayed up to there, unless not
 * even the state that it begins with is whole. Whether the run is the recorded one, only a replay can say.
 */
import { ExitCode, type ExitCodeValue, PeerError } from "../base/errors.ts";
import type { Paint } from "../base/paint.ts";
import { printableLine } from "../base/printable.ts";
import { LogFault } from "./fault.ts";
import { LogOrder } from "./order.ts";
import { LogFile, type ReadProgress } from "./reader.ts";
import { type OpenedFrame, walk } from "./walk.ts";

/** What is wrong with a log, and where. */
export interface Fault {
  /** The frame's number in the file, from 1; 0: the head of the file. */
  readonly frame: number;
  /** Of that frame. */
  readonly offset: number;
  readonly reason: string;
}

/** The last frame that is whole and right. */
export interface LastFrame {
  /** Its number in the file, from 1. */
  readonly frame: number;
  readonly offset: number;
  readonly sequence: number;
}

/** What was found. */
export interface VerifyReport {
  /** Nothing is wrong; the file ends in the middle of a frame, or of its first state; or something is wrong. */
  readonly verdict: "sound" | "cut" | "bad";
  /** Whether it does not begin where its session does: it can't be replayed by itself. */
  readonly isPiece: boolean;
  /** Whether `understudy replay` has something to replay, up to where it is cut or bad. */
  readonly canReplay: boolean;
  /** Frames that are whole and right. */
  readonly frames: number;
  readonly lastFrame: LastFrame | null;
  /** The execution point up to which these frames make the log complete. */
  readonly through: number;
  /** Where they end. */
  readonly soundBytes: number;
  /** Bytes after that which are no whole frame, if it is cut. */
  readonly cutBytes: number;
  readonly digests: number;
  /** Whether the log has the guest's end. */
  readonly hasEnded: boolean;
  readonly fault: Fault | null;
}

/** What is known of the frames so far, all of them right. */
type Sound = Omit<VerifyReport, "verdict" | "cutBytes" | "fault">;

/** Reads a whole log. @throws UnavailableError if it can't be read */
export async function verifyLog(path: string, progress?: ReadProgress): Promise<VerifyReport> {
  let sound: Sound = {
    isPiece: false,
    canReplay: false,
    frames: 0,
    lastFrame: null,
    through: 0,
    soundBytes: 0,
    digests: 0,
    hasEnded: false,
  };
  try {
    const order = new LogOrder();
    using file = await LogFile.open(path, progress);
    sound = { ...sound, soundBytes: file.offset };
    // What a frame that turns out to be bad begins with does not count: it is only read behind its end.
    for await (const frame of walk(file, order)) sound = soundUpTo(frame, order, file.offset);
    const { cutBytes } = file;
    const isCut = cutBytes > 0 || !(sound.canReplay || sound.isPiece);
    return { verdict: isCut ? "cut" : "sound", ...sound, cutBytes, fault: null };
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    const fault = error instanceof LogFault
      ? { ...error.place, reason: error.reason }
      : { frame: 0, offset: 0, reason: error.message };
    return { verdict: "bad", ...sound, cutBytes: 0, fault };
  }
}

function soundUpTo({ frame, offset, log }: OpenedFrame, order: LogOrder, end: number): Sound {
  const { frames: { isPiece }, isWhole, through, digests, hasEnded } = order;
  return {
    isPiece,
    canReplay: isWhole && !isPiece,
    frames: frame,
    lastFrame: { frame, offset, sequence: log.sequence },
    through,
    soundBytes: end,
    digests,
    hasEnded,
  };
}

/** What `understudy log verify` ends with: as `understudy replay` would, of a cut or bad log. */
export function exitCodeOf({ verdict, isPiece, canReplay }: VerifyReport): ExitCodeValue {
  if (verdict === "sound") return ExitCode.ok;
  return verdict === "cut" && (canReplay || isPiece) ? ExitCode.failed : ExitCode.peer;
}

/** The report for people, without a newline at its end. */
export function formatVerify(path: string, report: VerifyReport, paint: Paint): string {
  const { verdict, soundBytes, cutBytes, fault } = report;
  const style = verdict === "sound" ? "green" : verdict === "cut" ? "yellow" : "red";
  const lines = [`${printableLine(path)}: ${paint(style, verdict)}`];
  if (fault !== null) {
    lines.push(fault.frame === 0 ? fault.reason : `${placeOf(fault)}: ${fault.reason}`);
  }
  if (cutBytes > 0) {
    lines.push(
      `cut at offset ${soundBytes}: the last ${cutBytes} bytes are no whole frame (cut off, or their length is damaged)`,
    );
  }
  lines.push(extent(report));
  if (report.isPiece) {
    lines.push(
      "a piece: it does not begin where its session does and can't be replayed by itself; " +
        "join it with what comes before (understudy log join)",
    );
  } else if (!report.canReplay) {
    lines.push("the machine's first state is not whole: nothing to replay");
  }
  return lines.join("\n  ");
}

function placeOf({ frame, offset }: Omit<LastFrame, "sequence">): string {
  return `frame ${frame}, offset ${offset}`;
}

function extent({ lastFrame, frames, through, digests, hasEnded, verdict }: VerifyReport): string {
  if (lastFrame === null) return "no frame is whole";
  const ending = hasEnded
    ? "up to the guest's end"
    : verdict === "sound"
    ? "stops before the guest's end"
    : "before the guest's end";
  return `${frames} frames, the last at offset ${lastFrame.offset} (sequence ${lastFrame.sequence}), complete up to ` +
    `execution point ${through}, ${digests} digests; ${ending}`;
}
