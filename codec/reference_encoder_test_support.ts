/**
 * An encoder of the log that writes whatever docs/LOG-FORMAT.md allows, as it is drawn: numbers that could be left
 * out, residuals of every width that fits, runs cut anywhere, events written out though they are predicted, LZ4 blocks
 * with matches of any choice. So decoders meet frames that no encoder in use makes. Tests only.
 */
import { type Draw, putBytes, putFixed, putVarint } from "./reference_bytes_test_support.ts";
import {
  Context,
  FORM_BYTES,
  isSame,
  kindOf,
  type Shape,
  shapeOf,
} from "./reference_context_test_support.ts";
import { DenseModel, encodeDense, learnDense } from "./reference_dense_test_support.ts";
import { crcIn, type ReferenceHead, sealReference } from "./reference_frame_test_support.ts";
import { packLz4 } from "./reference_lz4_test_support.ts";
import { putNetworkFrame } from "./reference_network_test_support.ts";
import type { Chain, Level, LogClosing, LogEvent } from "./codec.ts";

/** What a log frame is to say. */
export interface FrameContent {
  readonly closing: LogClosing;
  readonly events: readonly LogEvent[];
}

/** Writes the frames of a log that is known to be right. */
export class ReferenceEncoder {
  #context = new Context();
  #model = new DenseModel();
  #crc = 0;

  constructor(private readonly draw: Draw) {}

  /** The next frame; the caller says how it goes with those before it, and what `level` all of a chain has. */
  close(content: FrameContent, chain: Chain, level: Level): Uint8Array<ArrayBuffer> {
    if (chain !== "continues") {
      this.#context = new Context();
      this.#crc = 0;
      if (level === "dense") this.#model = new DenseModel();
    }
    const fast = Uint8Array.from(writeLog(content, this.#context, this.draw));
    const head: ReferenceHead = { kind: 1, chain, level };
    const payload = level === "fast" ? fast : packDense(fast, this.#model, this.draw(4) === 0);
    const frame = sealReference(head, payload, this.#crc);
    this.#crc = crcIn(frame);
    return frame;
  }
}

/** A fast payload as a dense one. */
export function packDense(
  fast: Uint8Array<ArrayBuffer>,
  model: DenseModel,
  isStored: boolean,
): number[] {
  const payload: number[] = [];
  putVarint(payload, 2 * fast.length + (isStored ? 1 : 0));
  if (isStored) {
    putBytes(payload, fast);
    learnDense(fast, model);
  } else {
    putBytes(payload, encodeDense(fast, model));
  }
  return payload;
}

function writeLog({ closing, events }: FrameContent, context: Context, draw: Draw): number[] {
  const payload: number[] = [];
  const flags = writtenFlags(closing, context, draw);
  payload.push(flags + 16 * Math.min(events.length, 15));
  if (flags & 1) putVarint(payload, closing.generation);
  if (flags & 2) putVarint(payload, closing.sequence);
  if (flags & 4) putFixed(payload, closing.exitsChecksum, 4);
  if (flags & 8) putFixed(payload, closing.outputsChecksum, 4);
  if (events.length >= 15) putVarint(payload, events.length - 15);
  putVarint(payload, closing.through - (events.at(-1)?.point ?? context.through));
  putBytes(payload, new TokenWriter(context, draw).write(events));
  for (const event of events) {
    if (event.kind !== "time") {
      putEventBytes(payload, shapeOf(event, 0).tag, event.bytes, context, draw);
    }
  }
  Object.assign(context, closing);
  return payload;
}

/** Bits 0 to 3: of what has to be said, and of what need not. */
function writtenFlags(closing: LogClosing, context: Context, draw: Draw): number {
  const isKept = [
    closing.generation === context.generation,
    closing.sequence === context.sequence + 1,
    closing.exitsChecksum === context.exitsChecksum,
    closing.outputsChecksum === context.outputsChecksum,
  ];
  return isKept.reduce((flags, kept, bit) => flags + (kept && draw(4) > 0 ? 0 : 1 << bit), 0);
}

class TokenWriter {
  readonly #tokens: number[] = [];
  /** Events at the end that are as predicted, and to be said by one token. */
  #run = 0;

  constructor(private readonly context: Context, private readonly draw: Draw) {}

  write(events: readonly LogEvent[]): number[] {
    let point = this.context.through;
    for (const event of events) {
      const stepUs = event.kind === "time" ? event.clockUs - this.context.clockUs : 0;
      const shape = shapeOf(event, event.point - point);
      this.#write(shape, stepUs);
      point = event.point;
      if (event.kind === "time") this.context.clockUs = event.clockUs;
      this.context.learn(shape, stepUs);
    }
    this.#endRun();
    return this.#tokens;
  }

  #write(shape: Shape, stepUs: number): void {
    const { prediction } = this.context;
    const isPredicted = prediction !== undefined && isSame(prediction.shape, shape);
    const residual = stepUs - (prediction?.stepUs ?? 0);
    if (isPredicted && residual === 0 && this.draw(this.#run > 0 ? 20 : 2) > 0) {
      this.#run++;
      return;
    }
    this.#endRun();
    const choices = isPredicted && shape.tag === 0 ? residualTokens(residual) : [];
    const chosen = this.draw(8) === 0 ? undefined : choices[this.draw(choices.length)];
    putBytes(this.#tokens, chosen ?? writtenOut(shape, stepUs));
  }

  #endRun(): void {
    const count = this.#run;
    this.#run = 0;
    if (count === 0) return;
    this.#tokens.push(0xa7 + Math.min(count, 24));
    if (count >= 24) putVarint(this.#tokens, count - 24);
  }
}

/** Every token that says a predicted time event with this residual. */
function residualTokens(residual: number): number[][] {
  const tokens: number[][] = [];
  const [one, two, three] = [residual + 64, residual + 4096, residual + 262_144];
  if (one >= 0 && one < 128) tokens.push([one]);
  if (two >= 0 && two < 8192) tokens.push([0x80 + (two >> 8), two & 255]);
  if (three >= 0 && three < 524_288) {
    tokens.push([0xa0 + (three >> 16), three >> 8 & 255, three & 255]);
  }
  return tokens;
}

/** The token of an event that is written out. */
export function writtenOut({ tag, points, length }: Shape, stepUs: number): number[] {
  const token = [0xc0 + tag % 4 + 4 * Math.min(points, 15)];
  if (points >= 15) putVarint(token, points - 15);
  if (tag === 0) {
    putVarint(token, stepUs);
  } else {
    token.push(tag >> 2);
    putVarint(token, length);
  }
  return token;
}

function putEventBytes(
  payload: number[],
  tag: number,
  bytes: Uint8Array,
  context: Context,
  draw: Draw,
): void {
  if (bytes.length < FORM_BYTES) {
    putBytes(payload, bytes);
  } else if (
    kindOf(tag) !== "data" || draw(4) === 0 ||
    !putNetworkFrame(payload, bytes, context.flows, draw)
  ) {
    const block = draw(4) === 0 ? [] : packLz4(bytes, context.dictionary(tag), draw);
    putVarint(payload, block.length);
    putBytes(payload, block.length === 0 ? bytes : block);
  }
  context.keep(tag, bytes);
}
