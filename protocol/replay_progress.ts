/**
 * How far a backup has got: the log it has received, and how much of that is replayed.
 *
 * Frames follow each other without a gap, their execution points never go back, and what is not replayed yet
 * is bounded. Used by the backup's protocol.
 */
import { PeerError } from "../base/errors.ts";
import { Fifo } from "../base/fifo.ts";
import type { ReceivedFrame } from "./backup_types.ts";

/** See the top of the file. */
export class ReplayProgress {
  #received = 0;
  #receivedThrough = 0;
  #replayed = 0;
  #point = 0;
  readonly #unreplayed = new Fifo<{ readonly sequence: number; readonly bytes: number }>();
  #unreplayedBytes = 0;
  #untoldBytes = 0;

  /** Sequence number of the last frame received; 0 if none was. */
  get received(): number {
    return this.#received;
  }

  /** Sequence number of the last frame replayed and verified; 0 if none was. */
  get replayed(): number {
    return this.#replayed;
  }

  /** The execution point at which the machine stood then. */
  get point(): number {
    return this.#point;
  }

  /** Bytes of log that have been replayed since the primary was told last. */
  get untoldBytes(): number {
    return this.#untoldBytes;
  }

  /** What an ack says. From now on the primary is told. */
  tell(): { readonly received: number; readonly replayed: number; readonly point: number } {
    this.#untoldBytes = 0;
    return { received: this.#received, replayed: this.#replayed, point: this.#point };
  }

  /** Bytes of log that have been received and not replayed. */
  get unreplayedBytes(): number {
    return this.#unreplayedBytes;
  }

  /**
   * Takes a frame in.
   * @param windowBytes as long as less than this is not replayed, one more frame may come
   * @throws PeerError if it is not the one to come now
   */
  receive(frame: ReceivedFrame, generation: number, windowBytes: number): void {
    const { sequence, through, bytes } = frame;
    require(
      frame.generation === generation && sequence === this.#received + 1,
      `frame ${sequence} of generation ${frame.generation}, expected ${this.#received + 1} of ` +
        `${generation}`,
    );
    require(
      through >= this.#receivedThrough,
      `a log through ${through}, after one through ${this.#receivedThrough}`,
    );
    require(
      this.#unreplayedBytes < windowBytes,
      `a frame on top of ${this.#unreplayedBytes} bytes ahead of the replay, expected less than ` +
        `${windowBytes} there`,
    );
    this.#received = sequence;
    this.#receivedThrough = through;
    this.#unreplayed.push({ sequence, bytes: bytes.length });
    this.#unreplayedBytes += bytes.length;
  }

  /** All up to the frame `sequence` has been replayed; the machine stands at `point`. */
  noteReplayed(sequence: number, point: number): void {
    this.#replayed = sequence;
    this.#point = point;
    while (this.#unreplayed.first !== undefined && this.#unreplayed.first.sequence <= sequence) {
      const { bytes } = this.#unreplayed.shift()!;
      this.#unreplayedBytes -= bytes;
      this.#untoldBytes += bytes;
    }
  }
}

function require(condition: boolean, otherwise: string): void {
  if (!condition) throw new PeerError(otherwise);
}
