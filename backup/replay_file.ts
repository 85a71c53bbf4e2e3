/**
 * Replays a recorded log from a file and verifies it: `understudy replay`.
 */
import { PeerError, UnavailableError } from "../base/errors.ts";
import { FIRST_SEQUENCE, FrameOrder } from "../codec/frame_order.ts";
import { framesOf } from "../codec/log_file.ts";
import { memoryBytesOf } from "../log/head.ts";
import { Sink } from "../machine/control.ts";
import { Digester } from "../machine/digest.ts";
import { hostKind } from "../machine/host_kind.ts";
import type { GuestEnd } from "../machine/machine.ts";
import { Machine } from "../machine/machine.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { type Comparison, comparisonOf } from "./comparison.ts";
import { Replayer } from "./replayer.ts";

/** What a replay found. */
export interface ReplayReport {
  readonly points: number;
  readonly frames: number;
  readonly digests: number;
  /** What they compare: all, or, if the log is from another kind of host, what is the same on all kinds. */
  readonly comparison: Comparison;
  readonly clockUs: number;
  /** How the guest ended; null if the log stops before. */
  readonly end: GuestEnd | null;
  /** Bytes at the end of the file that are no whole frame. */
  readonly cutBytes: number;
}

/**
 * Replays the log in `path`.
 * @param output takes the console's bytes
 * @throws DivergenceError if the run is not the recorded one, PeerError if the file is malformed
 */
export function replayFile(path: string, output: (bytes: Uint8Array) => void): ReplayReport {
  let file: Uint8Array;
  try {
    file = Deno.readFileSync(path);
  } catch (cause) {
    throw new UnavailableError(`can't read the log ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  using machine = Machine.create(memoryBytesOf(file, path), 0, hostKind());
  const frames = framesOf(file, path);
  const order = new FrameOrder();
  let cutBytes = 0;
  let count = 0;
  let where = "";
  using digester = new Digester(machine, "nothing");
  using replayer = new Replayer(machine, {
    nextFrame: () => {
      where = "";
      const next = frames.next();
      if (next.done) {
        cutBytes = next.value ?? cutBytes;
        return undefined;
      }
      where = `frame ${++count}, offset ${next.value.byteOffset - file.byteOffset}: `;
      return next.value;
    },
    opened: (header) => {
      order.follow(header);
      if (order.isPiece) {
        throw new PeerError(
          `sequence ${header.sequence}, expected ${FIRST_SEQUENCE}: a piece of a log, ` +
            "to be joined with what comes before (understudy log join)",
        );
      }
    },
    output: (sink, _offset, _point, bytes) => {
      if (sink === Sink.console) output(bytes);
    },
    replayed: () => {},
    stateApplied: () => {},
  }, digester);
  try {
    new VcpuLoop(machine, replayer).run();
  } catch (error) {
    // What is wrong with a frame's header names its place already.
    if (!(error instanceof PeerError) || where === "") throw error;
    throw new PeerError(`${path}, ${where}${error.message}`, { cause: error });
  }
  if (!replayer.isWhole) {
    throw new PeerError(
      `${path} ends before the machine's first state is whole: nothing to replay`,
    );
  }
  return {
    points: machine.point,
    frames: count,
    digests: replayer.digests,
    comparison: comparisonOf(machine.isOtherKind),
    clockUs: machine.clockUs,
    end: machine.end ?? null,
    cutBytes,
  };
}
