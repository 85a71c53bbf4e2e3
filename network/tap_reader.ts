/**
 * The worker that reads a TAP device, and feeds what arrives to the vCPU's thread: straight into its ring of frames, by
 * way of no other thread.
 *
 * It blocks until there is a frame or an order. A guest that takes no frames fills the ring; what arrives then is
 * dropped, as by any card without a free buffer.
 *
 * Started by tap_network.ts.
 */
import { FRAME_BYTES_MAX, isFrameLength } from "../devices/net_frames.ts";
import { TapEnd } from "../ffi/tap.ts";
import { Wait } from "../ffi/wakeup.ts";
import { Channel } from "../machine/channel.ts";
import { RecordKind } from "../machine/records.ts";
import {
  type ReaderDone,
  ReaderFigure,
  type ReaderOrder,
  type ReaderStart,
} from "./tap_reader_messages.ts";

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ReaderStart | ReaderOrder>) => void) | null;
  postMessage(message: ReaderDone): void;
};

/** Reads until it is woken; where to may change in between. */
class Reader {
  readonly #tap: TapEnd;
  readonly #wait: Wait;
  readonly #figures: Float64Array;
  readonly #frame = new Uint8Array(FRAME_BYTES_MAX + 1);
  #channel: Channel | undefined;

  constructor({ fd, wakeup, figures }: ReaderStart) {
    this.#tap = new TapEnd(fd);
    this.#wait = new Wait(fd, wakeup);
    this.#figures = new Float64Array(figures);
  }

  feed(channel: Channel): void {
    this.#channel = channel;
  }

  readUntilWoken(): void {
    do {
      while (this.#readBatch());
    } while (!this.#wait.block());
  }

  /** Reads what is there, as much as the ring holds, and rings the bell once. @returns whether there may be more */
  #readBatch(): boolean {
    let fed = 0;
    for (let read = 0; read < BATCH; read++) {
      const length = this.#tap.read(this.#frame);
      if (length === undefined) {
        if (fed > 0) this.#channel!.ring();
        return false;
      }
      const isFed = isFrameLength(length) && this.#channel !== undefined &&
        this.#channel.frames.tryWrite(RecordKind.input, this.#frame.subarray(0, length));
      this.#figures[isFed ? ReaderFigure.received : ReaderFigure.dropped]!++;
      if (isFed) fed++;
    }
    if (fed > 0) this.#channel!.ring();
    return true;
  }
}

/** Frames after which the guest hears of them, though more may be there. */
const BATCH = 16;

let reader: Reader | undefined;

scope.onmessage = ({ data }) => {
  try {
    if (data.type === "quit") return scope.postMessage({});
    if (data.type === "start") reader = new Reader(data);
    else reader!.feed(Channel.attach(data.buffers));
    reader!.readUntilWoken();
  } catch (error) {
    scope.postMessage({ failure: (error as Error).message });
  }
};
