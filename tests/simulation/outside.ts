/**
 * The outside world: sinks, and all that was ever seen of the machine.
 *
 * An output is seen some time after it was handed over, and the primary hears of that some time later; a
 * process that dies in between may or may not have been in time.
 */
import type { Output } from "../../protocol/output_gate.ts";
import { SINKS } from "./machine.ts";
import type { SimProcess } from "./process.ts";
import type { World } from "./world.ts";

/** What one sink has shown. */
export interface Seen {
  readonly bytes: number[];
  /** For each byte: the generation of who showed it first. */
  readonly generations: number[];
}

/** What all sinks have shown of one machine, from its first start to its guest's end. */
export type Life = readonly Seen[];

/** See the top of the file. */
export class Outside {
  /** Bytes that were seen again. */
  repeatedBytes = 0;
  /** Bytes that were seen. */
  seenBytes = 0;
  /** Where each process stands in each sink's stream. */
  readonly #shownUpTo = new Map<string, number>();

  constructor(private readonly world: World) {}

  /** A primary hands an output to its sink; `done` once it is performed. */
  perform(process: SimProcess, output: Output, done: () => void): void {
    const { world } = this;
    const { scheduler } = world;
    const slowMs = scheduler.nowMs < process.host.slowSinkUntilMs ? world.config.timeoutMs : 0;
    const draw = () => (world.config.sinkMs + slowMs) * process.random.below(100) / 100;
    const { generation } = process;
    process.say(`performs ${showOutput(output)}`);
    scheduler.after(draw(), () => {
      if (process.isGone && process.random.below(2) === 0) return;
      this.#show(process, generation, output);
      scheduler.after(draw(), () => process.onMain(done));
    });
  }

  #show(process: SimProcess, generation: number, output: Output): void {
    const { world } = this;
    const { sink, offset, bytes } = output;
    const seen = process.life[sink]!;
    process.say(`has shown ${showOutput(output)}`);
    this.#checkOrder(process, output);
    if (offset > seen.bytes.length) {
      world.fail(
        "nothing lost",
        `sink ${sink}: bytes ${seen.bytes.length} to ${offset} were never seen`,
      );
      return;
    }
    const repeated = Math.min(bytes.length, seen.bytes.length - offset);
    if (repeated > 0) {
      this.repeatedBytes += repeated;
      world.observer.repeated(process, generation, sink, offset, seen.generations[offset]!);
    }
    for (let at = 0; at < bytes.length; at++) {
      const place = offset + at;
      if (place === seen.bytes.length) {
        seen.bytes.push(bytes[at]!);
        seen.generations.push(generation);
        this.seenBytes++;
      } else if (seen.bytes[place] !== bytes[at]) {
        const what = `sink ${sink}, byte ${place}: ${seen.bytes[place]}, then ${bytes[at]}`;
        world.fail("the same bytes", what);
      }
    }
  }

  #checkOrder(process: SimProcess, { sink, offset, bytes }: Output): void {
    const key = `${process.name} ${sink}`;
    const before = this.#shownUpTo.get(key) ?? offset;
    if (offset !== before) {
      const what = `${process.name}, sink ${sink}: shows ${offset} after ${before}`;
      this.world.fail("order kept", what);
    }
    this.#shownUpTo.set(key, offset + bytes.length);
  }
}

/** A machine's life before anything is seen of it. */
export function newLife(): Life {
  return Array.from({ length: SINKS }, () => ({ bytes: [], generations: [] }));
}

/** An output in a transcript. */
export function showOutput({ sink, offset, bytes, point }: Output): string {
  return `sink ${sink} [${offset}, ${offset + bytes.length}) of point ${point}`;
}
