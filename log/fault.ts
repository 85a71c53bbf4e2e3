/**
 * Where a log file is not what the format says: the place as numbers, for reports, and in the message, for people.
 *
 * Thrown by reader.ts and walk.ts; verify.ts makes its verdict of it.
 */
import { PeerError } from "../base/errors.ts";

/** A place in a log file. */
export interface FaultPlace {
  /** The frame's number in the file, from 1. */
  readonly frame: number;
  /** Of that frame's first byte, from the beginning of the file. */
  readonly offset: number;
}

/** See the top of the file. */
export class LogFault extends PeerError {
  /** Where. */
  readonly place: FaultPlace;

  /** @param reason what was found, and what was expected */
  constructor(path: string, { frame, offset }: FaultPlace, readonly reason: string) {
    super(`${path}, frame ${frame}, offset ${offset}: ${reason}`);
    this.place = { frame, offset };
  }
}
