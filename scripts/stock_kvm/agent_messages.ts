/**
 * What passes between a stock host's agent and the outside, over a serial port.
 *
 * ```
 *   0        4      5          9
 *   │ length │ kind │ process  │ payload: bytes, or JSON in UTF-8
 *     u32 BE   u8     u32 BE     `length` counts from kind on
 * ```
 *
 * Many processes share the one port; their numbers are given by the outside. Input is sent a piece at a
 * time: the next one when the last one was taken, so that a process that does not read holds up nobody.
 *
 * agent.ts (inside) and host.ts (outside) call it.
 */
import { PeerError } from "../../base/errors.ts";

/** The kinds of message and their numbers. */
const KINDS = {
  /** To the agent: run a {@link Start}. */
  start: 1,
  /** To the agent: standard input. Empty: its end. */
  input: 2,
  /** To the agent: a signal's name, to the process and all that it has started. */
  signal: 3,
  /** From the agent: it is there. */
  ready: 16,
  /** From the agent: standard output, standard error. */
  output: 17,
  errors: 18,
  /** From the agent: the last piece of input was taken, or nobody is there to take it. */
  taken: 19,
  /** From the agent, the process's last one: its {@link End}. */
  ended: 20,
} as const;

/** A kind of message. */
export type MessageKind = keyof typeof KINDS;

/** One message. */
export interface AgentMessage {
  readonly kind: MessageKind;
  /** The process that it is about; 0: none. */
  readonly id: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** What to run. */
export interface Start {
  readonly command: readonly string[];
  /** From the project's folder; default: that folder. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface End {
  /** 128 and more: by a signal. 126, 127: it could not be started. */
  readonly code: number;
  readonly signal: string | null;
}

/** The longest payload: reads are smaller, and no command line is that long. */
export const payloadBytes = 256 * 1024;
const HEADER_BYTES = 9;
const encoder = new TextEncoder();
const names = new Map<number, MessageKind>(
  Object.entries(KINDS).map(([name, number]) => [number, name as MessageKind]),
);

/** A message's bytes. */
export function encodeMessage(
  kind: MessageKind,
  id: number,
  content: Uint8Array | string | object = "",
): Uint8Array<ArrayBuffer> {
  const payload = content instanceof Uint8Array
    ? content
    : encoder.encode(typeof content === "string" ? content : JSON.stringify(content));
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length - 4);
  view.setUint8(4, KINDS[kind]);
  view.setUint32(5, id);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** The payload of a message that has JSON. */
export function jsonOf<T>({ payload }: AgentMessage): T {
  return JSON.parse(new TextDecoder().decode(payload));
}

/** Cuts a stream of bytes into messages. @throws PeerError if it is none */
export class MessageReader {
  #rest = new Uint8Array();

  /** The messages that are complete with these bytes. */
  *push(bytes: Uint8Array): Generator<AgentMessage> {
    const joined = new Uint8Array(this.#rest.length + bytes.length);
    joined.set(this.#rest);
    joined.set(bytes, this.#rest.length);
    this.#rest = joined;
    while (this.#rest.length >= HEADER_BYTES) {
      const view = new DataView(this.#rest.buffer, this.#rest.byteOffset);
      const length = view.getUint32(0) + 4;
      const kind = names.get(view.getUint8(4));
      if (kind === undefined || length < HEADER_BYTES || length > HEADER_BYTES + payloadBytes) {
        throw new PeerError(`a message of ${length} bytes and kind ${view.getUint8(4)} is none`);
      }
      if (this.#rest.length < length) return;
      const payload = this.#rest.slice(HEADER_BYTES, length);
      const message = { kind, id: view.getUint32(5), payload };
      this.#rest = this.#rest.slice(length);
      yield message;
    }
  }
}
