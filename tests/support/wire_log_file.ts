/**
 * The wire campaign's log files: made of frames, altered, and read to their last event.
 *
 * Called by wire_fuzz.ts.
 */
import { PeerError } from "../../base/errors.ts";
import { FrameDecoder } from "../../codec/codec.ts";
import { encodeLogFileHeader, framesOf, readLogFileHeader } from "../../codec/log_file.ts";
import type { Random } from "./random.ts";
import { logFrame } from "./wire_primary_voice.ts";
import { require, type Step, type Tally, type WireTarget } from "./wire_target.ts";
import { Alterer, joined, logFormat, oddNumber, randomBytes, WILDNESS } from "./wire_values.ts";

/** See the top of the file. */
export class LogFileTarget implements WireTarget {
  readonly isOver = false;
  readonly #decoder = new FrameDecoder();
  readonly #alterer: Alterer;

  constructor(private readonly random: Random, private readonly tally: Tally) {
    this.#alterer = new Alterer(random, logFormat, random.pick(WILDNESS));
  }

  /** A file of one frame or a few, its header altered now and then. */
  draw(): Step {
    const { random } = this;
    const header = encodeLogFileHeader(8 << 20);
    if (random.below(10) === 0) header[random.below(header.length)]! ^= 1 << random.below(8);
    const frames = Array.from(
      { length: random.below(3) },
      (_, at) =>
        this.#alterer.pass(logFrame(random, {
          generation: 1,
          sequence: at + 1,
          through: oddNumber(random, at),
        })),
    );
    const end = randomBytes(random, random.pick([0, 0, 0, 1, 60]));
    const file = joined(header, ...frames, end);
    const length = random.below(10) === 0 ? random.below(file.length) : file.length;
    return { what: "bytes", amount: 0, bytes: file.subarray(0, length) };
  }

  take({ bytes }: Step): Promise<void> {
    try {
      this.#read(bytes!);
      this.tally.accepted++;
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.tally.refuse(error.message);
    }
    return Promise.resolve();
  }

  #read(file: Uint8Array): void {
    readLogFileHeader(file, "file");
    const frames = framesOf(file, "file");
    let cutBytes = file.length;
    for (let next = frames.next();; next = frames.next()) {
      if (next.done) {
        require(cutBytes - 16 === next.value, () => `${next.value} bytes left over of ${cutBytes}`);
        return;
      }
      cutBytes -= next.value.length;
      this.#decoder.open(next.value);
      while (this.#decoder.next() !== undefined);
    }
  }

  check(): void {}

  finish(): Promise<void> {
    this.#decoder[Symbol.dispose]();
    return Promise.resolve();
  }
}
