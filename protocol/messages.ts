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
 * Both protocol machines speak in these; wire.ts encodes and decodes for their drivers.
 */
import { DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { messageTextBytes } from "../base/limits.ts";

/** Raised whenever a message or its meaning changes: the two sides must run the same. */
export const PROTOCOL_VERSION = 5;

type FieldType = "u8" | "u32" | "u53" | "flag" | "text" | "bytes";

/** The rules that both sides go by: rules.ts. */
const RULES = {
  commitReplayed: "flag",
  heartbeatMs: "u32",
  timeoutMs: "u32",
  lagMaxMs: "u32",
  sliceMs: "u32",
  mode: "text",
  checkpointing: "flag",
  epochLengthMs: "u32",
  verify: "text",
  divergenceMax: "text",
} as const;

const MESSAGES = {
  /** Backup to primary, first of all: I want to join. */
  hello: { kind: 2, fields: { protocol: "u32", who: "text", machineId: "text" } },
  /** Primary to backup: you may; this is the machine, and these are the rules. */
  welcome: {
    kind: 3,
    fields: { machineId: "text", generation: "u32", memoryBytes: "u53", ...RULES },
  },
  /** Primary to backup: you may not. `retry`: but it may be worth asking again. */
  refuse: { kind: 4, fields: { why: "text", retry: "flag" } },
  /** Primary to backup: I live. `sentMs` by the primary's clock; the backup echoes it. */
  heartbeat: { kind: 5, fields: { sentMs: "u53" } },
  /** Backup to primary, cumulative: frames received, frames replayed and verified; also "I live". */
  ack: { kind: 6, fields: { received: "u53", replayed: "u53", point: "u53", echoMs: "u53" } },
  /** Primary to backup, cumulative: the sink's outputs below this offset have been performed. */
  done: { kind: 7, fields: { sink: "u8", offset: "u53" } },
  /** Primary to backup: from now on I hold outputs for you, and you may claim. */
  protected: { kind: 9, fields: { stateSequence: "u53" } },
  /** Backup to primary: my replay differs; I renounce my claim. `after`: up to there it was verified;
   * `checksums`: of the exits that followed, u32 each (machine/exit_trail.ts). From here on acks are about the
   * log that begins with the next state. */
  diverged: {
    kind: 10,
    fields: {
      point: "u53",
      place: "text",
      recorded: "text",
      replayed: "text",
      after: "u53",
      checksums: "bytes",
    },
  },
  /** Backup to primary: I leave, and renounce my claim. */
  leave: { kind: 11, fields: { why: "text" } },
  /** Primary to backup: the machine stands still after this frame, all is done; win, and go on. */
  handover: { kind: 12, fields: { sequence: "u53" } },
  /** Backup to primary: I have won, the machine is mine. */
  won: { kind: 13, fields: { generation: "u32" } },
  /** Primary to backup: the guest has ended, and that is recorded. */
  ended: { kind: 14, fields: { why: "text" } },
  /** Primary to backup: how far the state transfer has come; see Transfer in primary_types.ts. */
  transfer: {
    kind: 15,
    fields: { round: "u32", sentBytes: "u53", leftBytes: "u53", pauseShare: "u32", stopUs: "u53" },
  },
  /** Primary to backup, after `diverged`: the first exit that differs, as it was recorded; empty: not known. */
  recorded: { kind: 16, fields: { point: "u53", exit: "bytes" } },
  /** Backup to primary: where the divergence is described, for people. */
  reported: { kind: 17, fields: { where: "text" } },
  /** Backup to primary, before `renew`: hashes of my memory's pages from `first` on, two u32 each. */
  pages: { kind: 18, fields: { first: "u53", hashes: "bytes" } },
  /** Backup to primary, after `diverged`: I stand still; send me the machine's state. So many pages have been
   * told; 0: I need all of them. */
  renew: { kind: 19, fields: { pages: "u53" } },
  /** Primary to backup: the log begins anew with the next frame, which has number 1, as its `session`th.
   * `mayClaim`: once you have replayed the state that it begins with, as if I had said `protected`. */
  renewing: { kind: 20, fields: { session: "u32", mayClaim: "flag" } },
  /** Primary to backup: from now on these are the rules. */
  rules: { kind: 21, fields: RULES },
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
  const writer = new Writer();
  for (const [name, type] of fieldsOf(message.type)) {
    const value = values[name]!;
    if (type === "text") writer.text(value as string);
    else if (type === "bytes") writer.bytes(value as Uint8Array);
    else writer.number(type, Number(value), message.type, name);
  }
  return writer.payload();
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

const fields = new Map<MessageType, readonly (readonly [string, FieldType])[]>(
  Object.entries(MESSAGES).map(([type, row]) => [type as MessageType, Object.entries(row.fields)]),
);

function fieldsOf(type: MessageType): readonly (readonly [string, FieldType])[] {
  return fields.get(type)!;
}

const FIXED_BYTES = { u8: 1, u32: 4, u53: 8, flag: 1 } as const;
const BITS = { u8: 8, u32: 32, u53: 53, flag: 1 } as const;

/** All messages but those with texts and outputs fit at once. */
const PAYLOAD_BYTES_USUAL = 64;

/** Writes fields one after the other. Acks hang on it: it makes nothing but the payload. */
class Writer {
  #bytes = new Uint8Array(PAYLOAD_BYTES_USUAL);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  number(type: keyof typeof BITS, value: number, message: MessageType, name: string): void {
    if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** BITS[type]) {
      throw new DefectError(`${message}.${name} is ${value}, expected ${BITS[type]} bits`);
    }
    const at = this.#take(FIXED_BYTES[type]);
    if (type === "u8" || type === "flag") return this.#view.setUint8(at, value);
    this.#view.setUint32(at, value >>> 0, true);
    if (type === "u53") this.#view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }

  /** As much of a text as may be sent: whole characters. */
  text(text: string): void {
    const at = this.#take(2 + messageTextBytes);
    const room = this.#bytes.subarray(at + 2, this.#at);
    const { written } = new TextEncoder().encodeInto(text, room);
    this.#view.setUint16(at, written, true);
    this.#at = at + 2 + written;
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#take(4 + bytes.length);
    this.#view.setUint32(at, bytes.length, true);
    this.#bytes.set(bytes, at + 4);
  }

  payload(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  #take(count: number): number {
    const at = this.#at;
    this.#at += count;
    if (this.#at > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#at);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
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
