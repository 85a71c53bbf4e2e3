/**
 * Logs with something wrong in them, sealed so that their frames are right.
 *
 * Called by bad_primary_test.ts.
 */
import { FrameDecoder, FrameEncoder, type LogEvent } from "../../codec/codec.ts";
import { MACHINE_HEAD_BYTES, StateSection } from "../../machine/state.ts";
import { recordGuest } from "./record.ts";

/** Of the machine that the logs are of. */
export const MEMORY_BYTES = 8 << 20;

/** Adds events to a frame. */
export type Add = (encoder: FrameEncoder) => void;

/** A log frame of generation 1 with the events that `add` adds. */
export function sealed(add: Add, through: number, sequence = 1): Uint8Array<ArrayBuffer> {
  using encoder = new FrameEncoder();
  add(encoder);
  return encoder.close({
    generation: 1,
    sequence,
    through,
    exitsChecksum: 0,
    outputsChecksum: 0,
  });
}

/** A log of one section of a state. */
export function stateFrames(section: number, bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  return [sealed((encoder) => encoder.state(0, section, bytes), 0)];
}

/** A frame with a bit of its payload flipped. */
export function flipped(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  frame[frame.length - 1]! ^= 1;
  return frame;
}

/** A section with one page that is zero: the tag of a page that is more than 30 behind the first, and how many more. */
export function page(number: number): Uint8Array {
  const skip = number - 31;
  return Uint8Array.of(31 << 3, skip & 0x7f | 0x80, skip >>> 7);
}

/** A copy with some bytes changed. */
export function withBytes(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  const changed = bytes.slice();
  changed.set(values, at);
  return changed;
}

/** SREGS are the vCPU's first part: CR4 and EFER with bits that no processor has. */
export function noVcpu(machine: Uint8Array): Uint8Array {
  const vcpuAt = MACHINE_HEAD_BYTES + 4;
  return withBytes(machine, vcpuAt + 8 * 24 + 2 * 16, new Array(48).fill(0xff));
}

/** The beginning of a log that a recorder wrote. */
export interface RecordedLog {
  /** The frames of the state that it begins with. */
  readonly state: readonly Uint8Array<ArrayBuffer>[];
  /** The section that makes the state valid. */
  readonly machine: Uint8Array;
  readonly boardBytes: number;
  /** The point at which the state was taken. */
  readonly end: number;
}

/** Records a guest's first state. */
export async function recordedLog(): Promise<RecordedLog> {
  const { logs } = await recordGuest({ guest: "hello", memoryBytes: MEMORY_BYTES });
  using decoder = new FrameDecoder();
  const state: Uint8Array<ArrayBuffer>[] = [];
  for (const frame of logs[0]!) {
    const header = decoder.open(frame);
    state.push(frame);
    let event: LogEvent | undefined = decoder.next();
    for (; event !== undefined; event = decoder.next()) {
      if (event.kind !== "state" || event.section !== StateSection.machine) continue;
      const { bytes } = event;
      const view = new DataView(bytes.buffer);
      const vcpuBytes = view.getUint32(MACHINE_HEAD_BYTES, true);
      const boardAt = MACHINE_HEAD_BYTES + 4 + vcpuBytes + 4;
      return { state, machine: bytes, boardBytes: bytes.length - boardAt, end: header.through };
    }
  }
  throw new Error("a log without a state");
}
