/**
 * Records one course of the hostile guest, replays it and compares: whatever the guest does to its machine, it has
 * to end clearly, and the replay has to do the same.
 *
 * Called by hostile_test.ts and by the campaign campaigns/hostile.ts.
 */
import { kvmRegs } from "../../ffi/kvm_structs.ts";
import type { GuestEnd, Machine } from "../../machine/machine.ts";
import { checkReplay } from "./exactness.ts";
import { Random } from "./random.ts";
import { recordGuest } from "./record.ts";
import { StalledError, StallGuard } from "./stall_guard.ts";

/** A guest that puts nothing out for so long has come to its end, or waits for nothing. */
export const HOSTILE_PATIENCE_MS = 1000;
const EXITS_PER_DIGEST = 150;
/** What tramples all over its code may print for ever. A course puts out a tenth of that. */
const OUTPUT_BYTES_MAX = 64 << 10;
/** A replay that comes to no exit for so many patiences will not come to an end. */
const STALL_PATIENCES = 10;

/** What a course came to. */
export interface HostileRun {
  readonly seed: number;
  /** What it did last: `finale ...`, or `attack ...` if it did not come to that. */
  readonly last: string;
  /** How many attacks it began. */
  readonly attacks: number;
  readonly end: GuestEnd;
  readonly points: number;
  readonly digests: number;
  readonly sessions: number;
}

/** How a course is run, where not as on hosts that are fast. */
export interface CourseOptions {
  /** The guest ends when it has put nothing out for so long. */
  readonly patienceMs?: number;
  /** After how many outputs a session begins: one of these. */
  readonly outputsPerSession?: readonly number[];
  readonly memoryBytes?: number;
}

/** For a host on which all of it takes a hundred times as long. */
export const ON_SLOW_HOSTS = {
  patienceMs: 5 * HOSTILE_PATIENCE_MS,
  outputsPerSession: [16, 1000],
  memoryBytes: 8 << 20,
} satisfies CourseOptions;

/**
 * Runs the course of `seed` in sessions, which begin anywhere in it.
 * @param rest of the guest's command line
 * @throws what the recording died of; DivergenceError, AssertionError or StalledError where the replay is not exact
 */
export async function checkHostile(
  seed: number,
  rest = "",
  options: CourseOptions = {},
): Promise<HostileRun> {
  const { patienceMs = HOSTILE_PATIENCE_MS, outputsPerSession = [1, 4, 16, 1000] } = options;
  const random = new Random(seed);
  const recording = await recordGuest({
    ...options,
    guest: "hostile",
    commandLine: `${seed} ${rest}`,
    verify: EXITS_PER_DIGEST,
    outputsPerSession: random.pick(outputsPerSession),
    patienceMs,
    outputBytesMax: OUTPUT_BYTES_MAX,
  });
  const text = new TextDecoder("latin1").decode(recording.output);
  const began = text.match(/^(attack \d+|finale) [\w ']+$/gm) ?? [];
  using guard = new StallGuard(STALL_PATIENCES * patienceMs);
  const { points, digests, sessions } = await checkReplay(recording, {
    onStart: ({ vcpu }) => guard.begin(vcpu),
    onKick: refuseStalls(`the replay of seed ${seed}`),
  });
  return {
    seed,
    last: began.at(-1)?.replace(/\d+ /, "") ?? "nothing",
    attacks: began.length,
    end: recording.end,
    points,
    digests,
    sessions,
  };
}

/** What a guard's kicks are answered with: a machine may be slow, or stopped with its host, but has to come on. */
function refuseStalls(what: string): (machine: Machine) => void {
  let last: { machine: Machine; point: number } | undefined;
  return (machine) => {
    const { point, vcpu } = machine;
    if (last?.machine === machine && last.point === point) {
      const regs = kvmRegs.view(vcpu.get("regs"));
      const [rip, rsp, rflags] = (["rip", "rsp", "rflags"] as const).map((field) =>
        `${field} 0x${kvmRegs.get(regs, field).toString(16)}`
      );
      throw new StalledError(`${what} came to nothing after ${point}: ${rip}, ${rsp}, ${rflags}`);
    }
    last = { machine, point };
  };
}
