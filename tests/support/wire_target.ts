/**
 * What the wire campaign drives: something that takes messages in, a step at a time, and is looked at after each.
 *
 * Steps are drawn from where things stand, and can be taken again, with some of them left out: so an episode that
 * fails can be repeated and made smaller. Implemented by the wire_*.ts beside it.
 */
import type { Bytes } from "../../base/layout.ts";
import type { Random } from "./random.ts";

/** One thing that happens. What can't happen where things stand is passed over. */
export interface Step {
  /** What: `bytes` from the peer, or an affair of this side's own. */
  readonly what: string;
  /** How much, which, or how: by its kind. */
  readonly amount: number;
  /** Of a `bytes` step: what arrives, in pieces of this size, on which connection. */
  readonly bytes?: Bytes;
  readonly pieceBytes?: number;
}

/** See the top of the file. */
export interface WireTarget {
  /** Nothing more can happen. */
  readonly isOver: boolean;
  /** Draws what happens next. */
  draw(): Step;
  /** Lets it happen. @throws whatever is a fault */
  take(step: Step): Promise<void>;
  /** Looks at every bound and every rule. @throws Error for one that does not hold */
  check(): void;
  /** Gives everything back. @throws Error if that can't be done */
  finish(): Promise<void>;
}

/** Makes a target for an episode. */
export type MakeTarget = (random: Random, tally: Tally) => WireTarget;

/** A rule of the campaign does not hold. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Throws {@link Violation} unless `holds`. */
export function require(holds: boolean, otherwise: () => string): void {
  if (!holds) throw new Violation(otherwise());
}

/** Every reason there is to refuse a message: a refusal that is none of these is a fault. */
const REFUSALS: readonly (readonly [kind: string, text: RegExp])[] = [
  ["stream: ends inside of a frame", /the stream ends inside of a frame/],
  ["stream: no whole frame in time", /sent no whole frame for/],
  ["stream: TLS, where it is not expected", /the other end speaks TLS/],
  ["header: magic", /wrong magic|console: magic/],
  ["header: version", /console: version/],
  ["header: chain, level", /not a chain and level|continues a chain that is not open/],
  ["header: reserved", /console: reserved/],
  ["header: kind", /no frame kind 0|not the kind of frame|message of kind|message of type/],
  ["header: length", /payload too long|payload is \d+ bytes, limit|length is not what its header/],
  ["header or log: number too large", /number too large/],
  ["log file: header", /is not a log: it does|is a log of version/],
  ["checksum", /CRC32C mismatch|crc32c is/],
  [
    "log: payload",
    /ends inside a field|varint longer|too many events|event too long|carry too much|bytes behind the last event/,
  ],
  ["log: predictions", /events in a row|nothing is predicted|a residual, but|the clock goes back/],
  ["log: packed bytes", /not LZ4|unpacks to the wrong length|a fast payload|coded bytes of/],
  ["message: payload", /^(peer:1: )?\w+ message, \w+: .*, expected/],
  ["message: payload", /console: \w+ is too (short|long)|console: a text is|console: \w+'s \w+ is/],
  [
    "place: not a message of this side",
    /sends a log to a primary|begins with a|before CLIENT-HELLO/,
  ],
  [
    "place: not now",
    /message outside of a session|which no backup sends now|which a primary does not send now/,
  ],
  [
    "place: not now",
    /expected a welcome|out of place|no SERVER-HELLO|which was not offered|while this side may take over/,
  ],
  [
    "place: not now",
    /without a divergence|which is not replayed here|a handover after|while this side may take over|after it said protected/,
  ],
  ["order: frames", /^frame \d+ of generation|a log through|bytes ahead of the replay/],
  ["order: acks", /an ack with|acknowledged to/],
  [
    "order: outputs, notices",
    /sink \d+: output|bytes of output without a notice|sink \d+: outputs done/,
  ],
  ["order: pages", /^hashes of /],
  ["order: console stream", /input at|input to|output at|gap from/],
  [
    "rules: welcome, hello",
    /welcome to|expected 1 to \d+$|expected twice the heartbeat|a lag of at most|a slice of|an epoch of|^mode .*, expected auto|^digests .*, expected every|divergences, expected|protocol version|this is machine/s,
  ],
  [
    "rules: no place for it",
    /is the backup already|can't take a backup while|another console|still not live/,
  ],
  ["rules: another machine, a past generation", /serves machine|past generation/],
];

/** What a run has seen. */
export class Tally {
  messages = 0;
  bytes = 0;
  /** Whole messages that reached a protocol. */
  accepted = 0;
  readonly refused = new Map<string, number>();

  /** A message was refused. @throws Violation if nobody foresaw why */
  refuse(why: string): void {
    const kind = REFUSALS.find(([, text]) => text.test(why))?.[0];
    if (kind === undefined) throw new Violation(`refused for what is no reason: ${why}`);
    this.refused.set(kind, (this.refused.get(kind) ?? 0) + 1);
  }
}
