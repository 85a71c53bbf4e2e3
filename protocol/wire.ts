/**
 * From the bytes of the logging channel to what the protocol machines take in, and back.
 *
 * Everything that is to be checked of a frame is checked here, before a protocol machine hears of it: what
 * a backup acknowledges it has whole.
 *
 * Both drivers use this, and the simulator in tests/simulation.
 */
import { FrameDecoder, FrameKind, openMessage, readHeader, sealMessage } from "../codec/codec.ts";
import { PeerError } from "../base/errors.ts";
import type { BackupInput } from "./backup_types.ts";
import { decodeMessage, encodeMessage, type Message, messageKind } from "./messages.ts";

/**
 * A message as the frame that it travels in.
 * @param generation that the sender acts in; 0 before it knows
 * @param sequence the frame's number among the sender's messages
 */
export function frameOf(
  message: Message,
  generation: number,
  sequence: number,
): Uint8Array<ArrayBuffer> {
  const header = { generation, sequence, through: 0 };
  return sealMessage(messageKind(message.type), header, encodeMessage(message));
}

/** What a backup has sent. @throws PeerError that names the `peer` if it is nothing that one sends */
export function fromBackup(frame: Uint8Array, peer: string): Message {
  const { kind } = readHeader(frame);
  if (kind === FrameKind.log) throw new PeerError(`${peer} sends a log to a primary`);
  return decodeMessage(kind, openMessage(frame).payload);
}

/**
 * What a primary has sent: a message, or a frame of the log.
 * @param frame kept as it is, if it is of the log
 * @param decoder checks the log; has opened all frames of it that came on this connection before, in their order
 * @throws PeerError if a byte of it is wrong
 */
export function fromPrimary(
  frame: Uint8Array,
  decoder: FrameDecoder,
): BackupInput & { type: "message" | "frame" } {
  const { kind } = readHeader(frame);
  if (kind !== FrameKind.log) {
    return { type: "message", message: decodeMessage(kind, openMessage(frame).payload) };
  }
  const { generation, sequence, through } = decoder.open(frame);
  return { type: "frame", frame: { generation, sequence, through, bytes: frame } };
}
