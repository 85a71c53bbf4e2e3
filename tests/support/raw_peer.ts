/**
 * The other end of a logging channel, by hand: frames that are right, frames that are not, and what comes back.
 *
 * Called by bad_input_test.ts and bad_primary_test.ts.
 */
import {
  FrameEncoder,
  FrameKind,
  HEADER_BYTES,
  openMessage,
  readHeader,
  sealMessage,
} from "../../codec/codec.ts";
import { parseAddress } from "../../link/address.ts";
import type { FrameLink } from "../../link/link.ts";
import { logFraming } from "../../link/log_framing.ts";
import { connectTcp } from "../../link/tcp.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  messageKind,
  type MessageOf,
  type MessageType,
  PROTOCOL_VERSION,
} from "../../protocol/messages.ts";
import { logFormat } from "./wire_values.ts";

/** Where a frame's header has what: the magic is the version as well, the kind shares its byte with chain and level. */
export const HEADER = { magic: 0, kind: 1 } as const;

/** A message as the frame that it travels in. */
export function frameOf(message: Message, generation = 0, sequence = 1): Uint8Array<ArrayBuffer> {
  const header = { generation, sequence, through: 0 };
  return sealMessage(messageKind(message.type), header, encodeMessage(message));
}

/** What a backup of any machine says first. */
export const HELLO: MessageOf<"hello"> = {
  type: "hello",
  protocol: PROTOCOL_VERSION,
  who: "a stranger",
  machineId: "",
};

/** A log frame without events. */
export function emptyLogFrame(generation = 1, sequence = 1): Uint8Array<ArrayBuffer> {
  using encoder = new FrameEncoder();
  return encoder.close({
    generation,
    sequence,
    through: 0,
    exitsChecksum: 0,
    outputsChecksum: 0,
  });
}

/** A copy of a frame with a byte of its header changed, and the checksum to fit. */
export function withByte(
  frame: Uint8Array<ArrayBuffer>,
  at: number,
  value: number,
): Uint8Array<ArrayBuffer> {
  const changed = frame.slice();
  changed[at] = value;
  logFormat.reseal(changed);
  return changed;
}

/** A header that announces a payload of this size. */
export function announcing(payloadBytes: number): Uint8Array<ArrayBuffer> {
  const header = frameOf(HELLO).slice(0, HEADER_BYTES);
  logFormat.announce(header, payloadBytes);
  return header;
}

/**
 * Sends bytes to a listener, and hears it until it closes the connection.
 * @param thenEnd ends the stream after them; else it stays open, and silent
 * @returns what came back
 * @throws Error if it is not closed
 */
export async function tell(
  address: string,
  bytes: Uint8Array,
  thenEnd = true,
): Promise<Uint8Array> {
  using connection = await Deno.connect(parseAddress(address));
  const watchdog = setTimeout(() => connection.close(), 20_000);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  try {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    if (thenEnd) await connection.closeWrite();
    const buffer = new Uint8Array(4096);
    for (let count; (count = await connection.read(buffer)) !== null;) {
      parts.push(buffer.slice(0, count));
    }
  } catch (error) {
    // It closed while we still had something to say.
    const isGone = error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.NotConnected;
    if (!isGone) throw error;
  } finally {
    clearTimeout(watchdog);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** The messages in the frames that came back. */
export function messagesIn(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + HEADER_BYTES + readHeader(bytes.subarray(at)).payloadBytes;
    const { header, payload } = openMessage(bytes.subarray(at, end));
    messages.push(decodeMessage(header.kind, payload));
    at = end;
  }
  return messages;
}

/** One end of a logging channel. */
export class RawPeer implements Disposable {
  #sequence = 0;

  constructor(readonly link: FrameLink) {}

  /** Connects to a primary. */
  static async connect(address: string): Promise<RawPeer> {
    return new RawPeer(await connectTcp(parseAddress(address), logFraming));
  }

  /** Sends a message. */
  async send(message: Message, generation = 0): Promise<void> {
    await this.link.send(frameOf(message, generation, ++this.#sequence));
  }

  /** The next message of a type; what comes before it is passed over. @throws Error at the end */
  async next<T extends MessageType>(type: T): Promise<MessageOf<T>> {
    for (let frame; (frame = await this.link.receive({ timeoutMs: 20_000 })) !== undefined;) {
      if (readHeader(frame).kind === FrameKind.log) continue;
      const { header, payload } = openMessage(frame);
      const message = decodeMessage(header.kind, payload);
      if (message.type === type) return message as unknown as MessageOf<T>;
    }
    throw new Error(`the connection ended before a ${type} message`);
  }

  /** Hears the other side until it closes. */
  async untilClosed(): Promise<void> {
    try {
      while (await this.link.receive({ timeoutMs: 20_000 }) !== undefined);
    } catch {
      // Reset: closed, too.
    }
  }

  [Symbol.dispose](): void {
    this.link.close();
  }
}
