/**
 * The errors of this project, and the exit code that each of them ends a process with.
 *
 * One class for each party that can be at fault, so that a handler can tell them apart by type:
 * the peer, the guest, the operating system, the two machines that no longer agree, the user at the
 * command line. A message names what was found, what was expected, and what to do about it.
 *
 * Every room throws these; `main.ts` turns them into exit codes. docs/CLI.md lists the codes.
 */

/** Exit codes of every command. Values above 64 follow sysexits.h where it has a word for it. */
export const ExitCode = {
  ok: 0,
  /** A check that the command was asked to make found a fault (demo, replay, log, doctor). */
  failed: 1,
  /** The command line could not be understood. */
  usage: 2,
  /** Bytes from a peer, or from a log file, were not what the format says. */
  peer: 65,
  /** The guest image can't be loaded, or the guest did what ends a machine. */
  guest: 66,
  /** Something this command needs is not there: /dev/kvm, a permission, an address, a directory. */
  unavailable: 69,
  /** A defect of Understudy itself: an assertion failed. */
  defect: 70,
  /** The operating system refused a call. */
  os: 71,
  /** This side lost the arbitration: the other one goes on. */
  lost: 80,
  /** The machine already reigns elsewhere, or has ended. */
  reigns: 81,
  /** The replay differs from the log, and this side may not go on. */
  diverged: 82,
} as const;

/** One of {@link ExitCode}'s values. */
export type ExitCodeValue = (typeof ExitCode)[keyof typeof ExitCode];

/** What all errors of this project have in common: an exit code. */
export abstract class UnderstudyError extends Error {
  /** What a process that dies of this error exits with. */
  abstract readonly exitCode: ExitCodeValue;
  override get name(): string {
    return this.constructor.name;
  }
}

/** Bytes from outside (the other side, a console client, a log file) break the format. */
export class PeerError extends UnderstudyError {
  readonly exitCode = ExitCode.peer;
}

/** The guest image is unfit, or the guest did what a machine can't go on from. */
export class GuestError extends UnderstudyError {
  readonly exitCode = ExitCode.guest;
}

/** The command line, or a file it names, asks for something that makes no sense. */
export class UsageError extends UnderstudyError {
  readonly exitCode = ExitCode.usage;
}

/** Something needed is not there; the message says how to get it. */
export class UnavailableError extends UnderstudyError {
  readonly exitCode = ExitCode.unavailable;
}

/** A system call failed. */
export class OsError extends UnderstudyError {
  readonly exitCode = ExitCode.os;
  /**
   * @param call the C call that failed, with what it was applied to
   * @param errno its errno, 0 if it left none
   * @param advice what to do about it
   */
  constructor(readonly call: string, readonly errno: number, advice = "") {
    const why = errno === 0 ? "" : `: errno ${errno}`;
    super(`${call} failed${why}${advice === "" ? "" : `; ${advice}`}`);
  }
}

/** A field of a machine that is not what was recorded. */
export interface Difference {
  /** E.g. `regs.rbx`. */
  readonly name: string;
  readonly recorded: string;
  readonly replayed: string;
}

/** The replay does not do what the log says that the recorded machine did. */
export class DivergenceError extends UnderstudyError {
  readonly exitCode = ExitCode.diverged;
  /**
   * @param point the first execution point known to differ
   * @param place the part of the machine that differs, e.g. `regs.rbx`, `uart0.ier`, `memory page 0x1f4`
   * @param recorded what the log says
   * @param replayed what this side has
   * @param differences all that is known to differ, if that is more than the place
   */
  constructor(
    readonly point: number,
    readonly place: string,
    readonly recorded: string,
    readonly replayed: string,
    readonly differences: readonly Difference[] = [{ name: place, recorded, replayed }],
  ) {
    super(
      `the replay diverged at execution point ${point}, ${place}: recorded ${recorded}, replayed ${replayed}`,
    );
  }
}
