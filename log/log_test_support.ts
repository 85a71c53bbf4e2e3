/** Log files of frames that nobody recorded, for the tests of this room. */
import assert from "node:assert/strict";
import {
  type EncoderOptions,
  FrameDecoder,
  FrameEncoder,
  type LogEvent,
  type LogHeader,
} from "../codec/codec.ts";
import { encodeLogFileHeader, framesOf } from "../codec/log_file.ts";
import { ControlCode, DataDevice } from "../machine/control.ts";
import { StateSection } from "../machine/state.ts";

/** Of the machine that the logs are of. */
export const MEMORY_BYTES = 8 << 20;

/** Adds events to a frame. */
export type Add = (encoder: FrameEncoder) => void;

/** A frame of the log. */
export function frame(
  sequence: number,
  through: number,
  add: Add = () => {},
  generation = 1,
): Uint8Array<ArrayBuffer> {
  using encoder = new FrameEncoder();
  add(encoder);
  return encoder.close({
    generation,
    sequence,
    through,
    exitsChecksum: 0,
    outputsChecksum: 0,
  });
}

/** Adds sections of a state at a point; the last one makes it whole. */
export function state(point: number, ...sections: (keyof typeof StateSection)[]): Add {
  return (encoder) => {
    for (const name of sections) encoder.state(point, StateSection[name], Uint8Array.of(1, 2, 3));
  };
}

/** The frames of a short session: a state in two frames, events, a state in two frames, the guest's end. */
export function session(): Uint8Array<ArrayBuffer>[] {
  return [
    frame(1, 0, state(0, "pages")),
    frame(2, 0, state(0, "pages", "machine")),
    frame(3, 20, (encoder) => {
      encoder.time(7, 1000);
      encoder.data(7, DataDevice.console, new TextEncoder().encode("get\r\n"));
      encoder.time(20, 1500);
    }),
    frame(4, 30),
    frame(5, 30, state(30, "pages")),
    frame(6, 31, state(30, "pages", "outputs", "machine")),
    frame(7, 200, (encoder) => {
      encoder.time(190, 2_000_000);
      encoder.control(200, ControlCode.digest, new Uint8Array(200));
    }),
    frame(8, 200, (encoder) => {
      encoder.control(200, ControlCode.end, new TextEncoder().encode(`{"why":"well","code":0}`));
    }),
  ];
}

/** These frames in chains, or packed harder. */
export function recoded(
  frames: readonly Uint8Array[],
  options: EncoderOptions,
): Uint8Array<ArrayBuffer>[] {
  using encoder = new FrameEncoder(options);
  return contentOf(frames).map(({ header, events }) => {
    for (const event of events) encoder.event(event);
    return encoder.close(header);
  });
}

/** What frames say, however they are encoded. */
export function contentOf(
  frames: Iterable<Uint8Array>,
): { header: LogHeader; events: LogEvent[] }[] {
  using decoder = new FrameDecoder();
  return Array.from(frames, (frame) => {
    const header = decoder.open(frame);
    const events: LogEvent[] = [];
    for (let event; (event = decoder.next()) !== undefined;) events.push(event);
    return { header, events };
  });
}

/** What the frames of a log file say. */
export function contentOfFile(file: Uint8Array): ReturnType<typeof contentOf> {
  return contentOf(framesOf(file, "log"));
}

/** A log file. */
export function fileOf(frames: readonly Uint8Array[], memoryBytes = MEMORY_BYTES): Uint8Array {
  return joined([encodeLogFileHeader(memoryBytes), ...frames]);
}

/** Bytes one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A directory that is gone at the end. */
export class Scratch implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "understudy-log-test-" });

  /** The path of a file in it; written, if there are bytes for it. */
  file(name: string, bytes?: Uint8Array): string {
    const path = `${this.path}/${name}`;
    if (bytes !== undefined) Deno.writeFileSync(path, bytes);
    return path;
  }

  /** What is in it. */
  names(): string[] {
    return Array.from(Deno.readDirSync(this.path), ({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Asserts that something fails with an error of this class, and says something like `message`. */
export async function fails(
  act: () => Promise<unknown>,
  // deno-lint-ignore no-explicit-any -- constructors take what they like
  kind: new (...args: any[]) => Error,
  message: RegExp,
): Promise<void> {
  await assert.rejects(act, (error: Error) => {
    assert.ok(error instanceof kind, error.stack);
    assert.match(error.message, message);
    return true;
  });
}
