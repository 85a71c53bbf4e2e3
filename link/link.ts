/**
 * What a link is: a connection that moves whole frames, in order, between two processes.
 *
 * A frame is opaque here but for its length: whoever opens a link says how long a frame's header is and
 * how it tells the length of what follows. So the logging channel and the console protocol share one
 * transport, and both can run over `memory.ts` in tests.
 *
 * primary/ and backup/ open links for the logging channel, sinks/ for the console.
 */
import type { Bytes } from "../base/layout.ts";

/** How a stream of bytes falls into frames. */
export interface Framing {
  /** The length of a frame's header in bytes, the same for all frames. */
  readonly headerBytes: number;
  /** The most that may follow a header, in bytes: nothing larger is ever allocated. */
  readonly maxPayloadBytes: number;
  /**
   * Checks a header and says how many bytes follow it.
   * @param header exactly `headerBytes`; valid during the call only
   * @throws PeerError if it is not a header
   */
  readHeader(header: Bytes): { readonly payloadBytes: number };
}

/** How to receive. */
export interface ReceiveOptions {
  /** A peer that sends no whole frame for so long is given up: the link closes. Default: wait. */
  readonly timeoutMs?: number;
}

/** One end of a connection. */
export interface FrameLink extends Disposable {
  /** The other end, for messages. */
  readonly peer: string;
  /** What waits to be handed to the operating system, in bytes. */
  readonly queuedBytes: number;
  /** Resolves once a `receive` has met the end of what the peer sends, or this side has closed. Never rejects. */
  readonly ended: Promise<void>;
  /**
   * Sends one whole frame, header included; resolves once the operating system has it. The frame
   * must not change until then. Calls need not wait for each other; frames go in the order of the
   * calls, and those of one tick in one write where they are small.
   *
   * Rejects with UnavailableError once the connection is gone, of which what the peer sent before can still be
   * received; or when more than the queue's limit would wait: then the peer has stopped reading, and the link
   * closes. A caller that also receives may ignore the promise.
   */
  send(frame: Bytes): Promise<void>;
  /**
   * The next whole frame, header included; the caller's own from then on. `undefined` when the peer
   * ended in good order, or when this side has closed. One call at a time.
   *
   * @throws PeerError for a malformed header, a stream that ends inside of a frame, or the timeout;
   *   UnavailableError if the connection broke. The link is closed then.
   */
  receive(options?: ReceiveOptions): Promise<Bytes | undefined>;
  /** Sends what waits, then tells the peer that nothing follows. Receiving goes on. Never rejects. */
  endSending(): Promise<void>;
  /** Closes at once, whatever waits: sends reject, a pending `receive` resolves to `undefined`. */
  close(): void;
}

/** Waits for connections. */
export interface LinkListener extends Disposable {
  /** Where it listens, `HOST:PORT`, with the real port if 0 was asked for. */
  readonly address: string;
  /** The next connection; undefined once closed. */
  accept(): Promise<FrameLink | undefined>;
  /** Stops listening; links that were accepted live on. */
  close(): void;
}
