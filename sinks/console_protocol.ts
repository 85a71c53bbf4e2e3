/**
 * The framed console protocol: what the sink `console:ADDR` and `understudy console` say to each other.
 *
 * Both streams, output and input, are numbered by byte offset, so that either side can be replaced and the
 * other goes on exactly where it was. All numbers are little endian. A message:
 *
 * ```text
 *        0        4    5    6      8        12       16
 *        ┌────────┬────┬────┬──────┬────────┬────────┬───────────────────────────┐
 *        │ "USCN" │ver │type│  0   │payload │crc32c  │ payload, at most 64 KiB   │
 *        │        │ 1  │    │      │ bytes  │        │                           │
 *        └────────┴────┴────┴──────┴────────┴────────┴───────────────────────────┘
 *
 *        client                                                           server
 *          │ 1 CLIENT-HELLO  client u64, have u64, wants input u32          │
 *          ├───────────────────────────────────────────────────────────────▶│
 *          │ 2 SERVER-HELLO  input next u64, output next u64, generation u64,
 *          │                 machine id                                     │ or NOT-LIVE,
 *          │ 7 GAP           from u64, to u64: can't be given any more      │ or END (busy)
 *          │ 6 INPUT-ACK     offset u64: committed, and opens the window    │
 *          │◀───────────────────────────────────────────────────────────────┤
 *          │ 3 OUTPUT        offset u64, bytes                              │
 *          │◀───────────────────────────────────────────────────────────────┤
 *          │ 4 OUTPUT-ACK    offset u64: all below has been taken           │
 *          ├───────────────────────────────────────────────────────────────▶│
 *          │ 5 INPUT         offset u64, bytes                              │
 *          ├───────────────────────────────────────────────────────────────▶│
 *          │ 6 INPUT-ACK ...                                                │
 *          │◀───────────────────────────────────────────────────────────────┤
 *          │ 8 PING (the client answers with OUTPUT-ACK)                    │
 *          │ 9 NOT-LIVE: this side is not live, ask the other               │
 *          │10 END           reason u32, exit code u32, why                 │
 *          │◀───────────────────────────────────────────────────────────────┤
 * ```
 *
 * The crc32c covers the first 12 bytes and the payload. `have` of all ones asks for everything that is
 * still there. Offsets are at most 2^53 - 1, those behind the last byte of a message too.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { type Bytes, struct } from "../base/layout.ts";
import { consolePayloadBytes } from "../base/limits.ts";
import { crc32c } from "../codec/codec.ts";
import type { Framing } from "../link/link.ts";

const header = struct("console message", {
  magic: "u32",
  version: "u8",
  type: "u8",
  reserved: "u16",
  payloadBytes: "u32",
  crc: "u32",
}, 16);
const checkedBytes = header.offset("crc");
const magic = 0x4e435355;
const version = 1;

/** The most bytes of a stream that one message carries. */
export const maxStreamBytes = consolePayloadBytes - 8;

/** Why a server ends a connection. */
export const EndReason = {
  /** The guest has ended: there is nothing to come back for. */
  guestEnded: 0,
  /** Another client is attached. */
  busy: 1,
  /** This client did not acknowledge in time. */
  late: 2,
  /** This server goes away; the machine may go on elsewhere. */
  closing: 3,
  /** This client broke the protocol. */
  malformed: 4,
} as const;

/** One of {@link EndReason}'s values. */
export type EndReasonValue = (typeof EndReason)[keyof typeof EndReason];

/** A client introduces itself. */
export interface ClientHello {
  /** Which message this is. */
  readonly type: "clientHello";
  /** Drawn at random: a client that comes back takes the place of its own old connection. */
  readonly client: bigint;
  /** It has all output below this offset; undefined: from what is still there. */
  readonly have: number | undefined;
  /** It will send INPUT. */
  readonly wantsInput: boolean;
}

/** A live server answers. */
export interface ServerHello {
  /** Which message this is. */
  readonly type: "serverHello";
  /** The offset of the next input byte that it will accept. */
  readonly inputNext: number;
  /** The lowest output offset that it can give. */
  readonly outputNext: number;
  /** In which the server is live. */
  readonly generation: number;
  /** Which machine this is. */
  readonly machineId: string;
}

/** A server has nothing more to say. */
export interface End {
  /** Which message this is. */
  readonly type: "end";
  /** Tells the client whether to come back. */
  readonly reason: EndReasonValue;
  /** The guest's, if it has ended. */
  readonly exitCode: number;
  /** For people. */
  readonly why: string;
}

/** What goes over the wire. */
export type Message =
  | ClientHello
  | ServerHello
  | { readonly type: "output" | "input"; readonly offset: number; readonly bytes: Bytes }
  | { readonly type: "outputAck" | "inputAck"; readonly offset: number }
  | { readonly type: "gap"; readonly from: number; readonly to: number }
  | { readonly type: "ping" | "notLive" }
  | End;

/** A kind of field: its size, how it is written, and how it is read (or refused). */
interface Kind {
  readonly size: 4 | 8;
  write(value: never): bigint;
  read(value: bigint, what: string): unknown;
}

const everything = 2n ** 64n - 1n;

function readOffset(value: bigint, what: string): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new PeerError(`console: ${what} is ${value}, expected at most ${Number.MAX_SAFE_INTEGER}`);
}

const id: Kind = { size: 8, write: (value: bigint) => value, read: (value) => value };
const offset: Kind = { size: 8, write: (value: number) => BigInt(value), read: readOffset };
const have: Kind = {
  size: 8,
  write: (value: number | undefined) => value === undefined ? everything : BigInt(value),
  read: (value, what) => value === everything ? undefined : readOffset(value, what),
};
const u32: Kind = { size: 4, write: (value: number) => BigInt(value), read: Number };
const flag: Kind = {
  size: 4,
  write: (value: boolean) => BigInt(value),
  read: (value, what) => {
    if (value > 1n) throw new PeerError(`console: ${what} is ${value}, expected 0 or 1`);
    return value === 1n;
  },
};
const reason: Kind = {
  size: 4,
  write: (value: number) => BigInt(value),
  read: (value, what) => {
    const known = Object.values(EndReason).find((reason) => BigInt(reason) === value);
    if (known === undefined) throw new PeerError(`console: ${what} is ${value}`);
    return known;
  },
};

/** Who may say what, and its payload: fields one after the other, then what is left. */
interface Form {
  readonly code: number;
  readonly from: "client" | "server";
  readonly fields: Readonly<Record<string, Kind>>;
  readonly rest?: { readonly name: string; readonly is: "bytes" | "text" };
}

const bytes = { name: "bytes", is: "bytes" } as const;
const machineId = { name: "machineId", is: "text" } as const;
const why = { name: "why", is: "text" } as const;
const serverFields = { inputNext: offset, outputNext: offset, generation: offset };
const forms: Readonly<Record<Message["type"], Form>> = {
  clientHello: { code: 1, from: "client", fields: { client: id, have, wantsInput: flag } },
  serverHello: { code: 2, from: "server", fields: serverFields, rest: machineId },
  output: { code: 3, from: "server", fields: { offset }, rest: bytes },
  outputAck: { code: 4, from: "client", fields: { offset } },
  input: { code: 5, from: "client", fields: { offset }, rest: bytes },
  inputAck: { code: 6, from: "server", fields: { offset } },
  gap: { code: 7, from: "server", fields: { from: offset, to: offset } },
  ping: { code: 8, from: "server", fields: {} },
  notLive: { code: 9, from: "server", fields: {} },
  end: { code: 10, from: "server", fields: { reason, exitCode: u32 }, rest: why },
};
const typeOf = new Map(Object.entries(forms).map(([type, form]) => [form.code, { type, form }]));

/** How the protocol's stream falls into messages, for a link. */
export const consoleFraming: Framing = {
  headerBytes: header.size,
  maxPayloadBytes: consolePayloadBytes,
  readHeader(bytes) {
    const view = header.view(bytes);
    expect("magic", header.get(view, "magic"), magic);
    expect("version", header.get(view, "version"), version);
    expect("reserved", header.get(view, "reserved"), 0);
    return { payloadBytes: header.get(view, "payloadBytes") };
  },
};

/** A message as it goes over the wire. */
export function encodeMessage(message: Message): Bytes {
  const { code, fields, rest } = forms[message.type];
  const values = message as unknown as Readonly<Record<string, unknown>>;
  const value = rest && values[rest.name];
  const tail = typeof value === "string" ? new TextEncoder().encode(value) : value as Bytes;
  const kinds = Object.entries(fields);
  const size = kinds.reduce((sum, [, kind]) => sum + kind.size, 0);
  const payloadBytes = size + (tail?.length ?? 0);
  assert(payloadBytes <= consolePayloadBytes, `${message.type} of ${payloadBytes} bytes`);

  const bytes = new Uint8Array(header.size + payloadBytes);
  const view = new DataView(bytes.buffer);
  header.set(view, "magic", magic);
  header.set(view, "version", version);
  header.set(view, "type", code);
  header.set(view, "payloadBytes", payloadBytes);
  let at = header.size;
  for (const [name, { size, write }] of kinds) {
    const value = write(values[name] as never);
    if (size === 8) view.setBigUint64(at, value, true);
    else view.setUint32(at, Number(value), true);
    at += size;
  }
  if (tail) bytes.set(tail, at);
  header.set(view, "crc", checksum(bytes));
  return bytes;
}

/**
 * Reads a message that a link has received with {@link consoleFraming}.
 * @param from who has sent it
 * @throws PeerError for whatever the protocol does not allow `from` to say
 */
export function decodeMessage(bytes: Bytes, from: "client" | "server"): Message {
  const head = header.view(bytes);
  expect("crc32c", header.get(head, "crc"), checksum(bytes));
  const code = header.get(head, "type");
  const known = typeOf.get(code);
  if (known?.form.from !== from) {
    throw new PeerError(`console: message of type ${code} from a ${from}`);
  }
  const { type, form: { fields, rest } } = known;
  const message: Record<string, unknown> = { type };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = header.size;
  for (const [name, { size, read }] of Object.entries(fields)) {
    if (at + size > bytes.length) throw new PeerError(`console: ${type} is too short`);
    const value = size === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
    message[name] = read(value, `${type}'s ${name}`);
    at += size;
  }
  const tail = bytes.subarray(at);
  if (rest) message[rest.name] = rest.is === "text" ? readText(tail) : tail;
  else if (tail.length > 0) throw new PeerError(`console: ${type} is too long`);
  // The offset behind its last byte is counted on, too.
  const end = Number(message.offset) + tail.length;
  if (rest?.is === "bytes" && !Number.isSafeInteger(end)) {
    throw new PeerError(`console: ${type} is too long: it ends at ${end}`);
  }
  return message as unknown as Message;
}

function checksum(bytes: Bytes): number {
  return crc32c(bytes.subarray(header.size), crc32c(bytes.subarray(0, checkedBytes)));
}

function readText(bytes: Bytes): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new PeerError("console: a text is not UTF-8");
  }
}

function expect(what: string, found: number, expected: number): void {
  if (found !== expected) {
    throw new PeerError(`console: ${what} is ${found}, expected ${expected}`);
  }
}
