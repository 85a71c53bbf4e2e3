/**
 * Replays a recorded log from a file and verifies it: `understudy replay`.
 */
import { framesOf, readLogFileHeader } from "../codec/log_file.ts";
import { UnavailableError } from "../base/errors.ts";
import type { GuestEnd } from "../machine/machine.ts";
import { Machine } from "../machine/machine.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { Replayer } from "./replayer.ts";

/** What a replay found. */
export interface ReplayReport {
  readonly points: number;
  readonly frames: number;
  readonly digests: number;
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
    throw new UnavailableError(`can't read the log ${path}: ${(cause as Error).message}`, { cause });
  }
  const { memoryBytes } = readLogFileHeader(file, path);
  using machine = Machine.create(memoryBytes, 0);
  const frames = framesOf(file, path);
  let cutBytes = 0;
  let count = 0;
  const replayer = new Replayer(machine, {
    nextFrame: () => {
      const next = frames.next();
      if (next.done) {
        cutBytes = next.value ?? cutBytes;
        return undefined;
      }
      count++;
      return next.value;
    },
    output: (_sink, _offset, _point, bytes) => output(bytes),
    replayed: () => {},
  });
  new VcpuLoop(machine, replayer).run();
  return {
    points: machine.point,
    frames: count,
    digests: replayer.digests,
    clockUs: machine.clockUs,
    end: machine.end ?? null,
    cutBytes,
  };
}
