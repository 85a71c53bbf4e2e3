/**
 * What the two sides say to each other besides the log itself: one row a message, one column a field.
 *
 * A message travels as the payload of a frame (codec/codec.ts draws the header), its number in the
 * frame's `kind`. Fields follow one another, little endian:
 *
 * ```
 * u8 1 │ u32 4 │ u53 8 (at most 2^53 - 1) │ flag 1 (0 or 1) │ text u16 length, UTF-8 │ bytes u32 length
 * ```
 *
 * Encoding and decoding follow the table; so do the types. What comes in is checked against it to the
 * last byte: a message that is short, long or out of range is a PeerError. A text has at most
 * {@link messageTextBytes} bytes; a longer one is cut when it is sent. (Texts quote the peer and the guest:
 * a long one must not be this side's defect.)
 *
 * Both protocol machines speak in these; their drivers encode and decode.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { messageTextBytes } from "../base/limits.ts";

/** Raised whenever a message or its meaning changes: the two sides must run the same. */
export const PROTOCOL_VERSION = 1;

type FieldType = "u8" | "u32" | "u53" | "flag" | "text" | "bytes";

const MESSAGES = {
  /** Backup to primary, first of all: I want to join. */
  hello: { kind: 2, fields: { protocol: "u32", who: "text", machineId: "text" } },
  /** Primary to backup: you may; this is the machine, and these are the rules. */
  welcome: {
    kind: 3,
    fields: {
      machineId: "text",
      generation: "u32",
      memoryBytes: "u53",
      commitReplayed: "flag",
      heartbeatMs: "u32",
      timeoutMs: "u32",
    },
  },
  /** Primary to backup: you may not. `retry`: but it may be worth asking again. */
  refuse: { kind: 4, fields: { why: "text", retry: "flag" } },
  /** Primary to backup: I live. `sentMs` by the primary's clock; the backup echoes it. */
  heartbeat: { kind: 5, fields: { sentMs: "u53" } },
  /** Backup to primary, cumulative: frames received, frames replayed and verified; also "I live". */
  ack: { kind: 6, fields: { received: "u53", replayed: "u53", point: "u53", echoMs: "u53" } },
  /** Primary to backup, cumulative: the sink's outputs below this offset have been performed. */
  done: { kind: 7, fields: { sink: "u8", offset: "u53" } },
  /** Primary to backup, before a state: bytes from before it that have not been performed. */
  kept: { kind: 8, fields: { sink: "u8", offset: "u53", bytes: "bytes" } },
  /** Primary to backup: from now on I hold outputs for you, and you may claim. */
  protected: { kind: 9, fields: { stateSequence: "u53" } },
  /** Backup to primary: my replay differs; I renounce my claim. */
  diverged: {
    kind: 10,
    fields: { point: "u53", place: "text", recorded: "text", replayed: "text" },
  },
  /** Backup to primary: I leave, and renounce my claim. */
  leave: { kind: 11, fields: { why: "text" } },
  /** Primary to backup: the machine stands still after this frame, all is done; win, and go on. */
  handover: { kind: 12, fields: { sequence: "u53" } },
  /** Backup to primary: I have won, the machine is mine. */
  won: { kind: 13, fields: { generation: "u32" } },
  /** Primary to backup: the guest has ended, and that is recorded. */
  ended: { kind: 14, fields: { why: "text" } },
} as const satisfies Record<string, { kind: number; fields: Record<string, FieldType> }>;

type Messages = typeof MESSAGES;
/** The name of a message. */
export type MessageType = keyof Messages;
type ValueOf<T> = T extends "text" ? string
  : T extends "bytes" ? Uint8Array
  : T extends "flag" ? boolean
  : number;
type FieldsOf<M extends MessageType> = {
  readonly [F in keyof Messages[M]["fields"]]: ValueOf<Messages[M]["fields"][F]>;
};
/** A message of one type: `type`, and its fields. */
export type MessageOf<M extends MessageType> = { readonly type: M } & FieldsOf<M>;
/** Any message. */
export type Message = { [M in MessageType]: MessageOf<M> }[MessageType];

const byKind = new Map<number, MessageType>(
  Object.entries(MESSAGES).map(([type, { kind }]) => [kind, type as MessageType]),
);

/** The frame kind that a message travels as. */
export function messageKind(type: MessageType): number {
  return MESSAGES[type].kind;
}

/** The payload of a message. Numbers out of their field's range are defects. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const values = message as unknown as Record<string, string | number | boolean | Uint8Array>;
  const parts: Uint8Array[] = [];
  for (const [name, type] of fieldsOf(message.type)) {
    parts.push(encodeField(type, values[name]!, `${message.type}.${name}`));
  }
  const payload = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    payload.set(part, at);
    at += part.length;
  }
  return payload;
}

/**
 * The message in a frame's payload.
 * @throws PeerError if there is no message of this kind, or the payload is not what its row says
 */
export function decodeMessage(kind: number, payload: Uint8Array): Message {
  const type = byKind.get(kind);
  if (type === undefined) {
    throw new PeerError(`a message of kind ${kind}, expected one of ${[...byKind.keys()]}`);
  }
  const message: Record<string, unknown> = { type };
  const reader = new Reader(payload, type);
  for (const [name, fieldType] of fieldsOf(type)) message[name] = reader.field(name, fieldType);
  reader.end();
  return message as unknown as Message;
}

function fieldsOf(type: MessageType): [string, FieldType][] {
  return Object.entries(MESSAGES[type].fields);
}

const FIXED_BYTES = { u8: 1, u32: 4, u53: 8, flag: 1 } as const;

function encodeField(
  type: FieldType,
  value: string | number | boolean | Uint8Array,
  name: string,
): Uint8Array {
  if (type === "text" || type === "bytes") {
    const bytes = typeof value === "string" ? encodeText(value) : value as Uint8Array;
    const lengthBytes = type === "text" ? 2 : 4;
    const field = new Uint8Array(lengthBytes + bytes.length);
    const view = new DataView(field.buffer);
    if (type === "text") view.setUint16(0, bytes.length, true);
    else view.setUint32(0, bytes.length, true);
    field.set(bytes, lengthBytes);
    return field;
  }
  const number = Number(value);
  const bits = { u8: 8, u32: 32, u53: 53, flag: 1 }[type];
  assert(
    Number.isSafeInteger(number) && number >= 0 && number < 2 ** bits,
    `${name} is ${number}, expected ${bits} bits`,
  );
  const view = new DataView(new ArrayBuffer(FIXED_BYTES[type]));
  if (type === "u53") view.setBigUint64(0, BigInt(number), true);
  else if (type === "u32") view.setUint32(0, number, true);
  else view.setUint8(0, number);
  return new Uint8Array(view.buffer);
}

/** As much of a text as may be sent: whole characters. */
function encodeText(text: string): Uint8Array {
  const bytes = new Uint8Array(messageTextBytes);
  return bytes.subarray(0, new TextEncoder().encodeInto(text, bytes).written);
}

/** Reads fields one after the other, each checked against what is left. */
class Reader {
  readonly #view: DataView;
  #at = 0;

  constructor(private readonly payload: Uint8Array, private readonly message: MessageType) {
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  field(name: string, type: FieldType): string | number | boolean | Uint8Array {
    if (type === "text") return this.#text(name);
    if (type === "bytes") return this.#bytes(this.#view.getUint32(this.#take(4, name), true), name);
    const at = this.#take(FIXED_BYTES[type], name);
    if (type === "u32") return this.#view.getUint32(at, true);
    if (type === "u8") return this.#view.getUint8(at);
    if (type === "flag") {
      const value = this.#view.getUint8(at);
      if (value > 1) throw this.#bad(name, `${value}`, "0 or 1");
      return value === 1;
    }
    const value = this.#view.getBigUint64(at, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.#bad(name, `${value}`, `at most ${Number.MAX_SAFE_INTEGER}`);
    }
    return Number(value);
  }

  end(): void {
    if (this.#at !== this.payload.length) {
      throw this.#bad("payload", `${this.payload.length} bytes`, `${this.#at}`);
    }
  }

  #text(name: string): string {
    const length = this.#view.getUint16(this.#take(2, name), true);
    if (length > messageTextBytes) {
      throw this.#bad(name, `a text of ${length} bytes`, `at most ${messageTextBytes}`);
    }
    const bytes = this.#bytes(length, name);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.#bad(name, `bytes ${bytes.slice(0, 16)}...`, "UTF-8");
    }
  }

  #bytes(length: number, name: string): Uint8Array {
    const at = this.#take(length, name);
    return this.payload.slice(at, at + length);
  }

  #take(bytes: number, name: string): number {
    const at = this.#at;
    if (at + bytes > this.payload.length) {
      throw this.#bad(name, `end of payload at ${this.payload.length}`, `${bytes} bytes at ${at}`);
    }
    this.#at += bytes;
    return at;
  }

  #bad(field: string, found: string, expected: string): PeerError {
    return new PeerError(`${this.message} message, ${field}: ${found}, expected ${expected}`);
  }
}
