/**
 * The output gate: where an output waits from the moment the guest made it until it has been performed.
 *
 * `held`: the log up to its execution point is not acknowledged. `released`: it is. `performing`: handed
 * to the sink. `done`: the sink has it, and the backup gets a notice. One output a sink is performed at
 * a time and in order, so "done up to offset N" says it all.
 *
 * Pure: it decides, the caller performs. Used by the primary's protocol.
 *
 * Source: Scales et al. 2010, section 2.3 (Output Rule); Fadhihansah 2017 (notice after the output).
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { Fifo } from "../base/fifo.ts";

/** Bytes that leave the machine. */
export interface Output {
  /** Number of the sink; see {@link CONSOLE_SINK}. */
  readonly sink: number;
  /** Stream offset of the first byte. */
  readonly offset: number;
  /** The execution point that it was made at. */
  readonly point: number;
  /** What leaves. */
  readonly bytes: Uint8Array;
}

/** The console's sink number. */
export const CONSOLE_SINK = 0;

interface Queue {
  readonly waiting: Fifo<Output>;
  performing: boolean;
  doneOffset: number;
  /** All of it was kept by a backup: the machine's own next output has to follow on it. */
  isAdopted: boolean;
}

/** All sinks' queues. */
export class OutputGate {
  readonly #queues = new Map<number, Queue>();
  /** Outputs made at this execution point or before are released. */
  #releasedThrough = -1;
  #takenThrough = -1;
  #bytes = 0;

  /** How many bytes wait or are being performed. */
  get heldBytes(): number {
    return this.#bytes;
  }

  /** Whether every output has been performed. */
  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** How many outputs wait or are being performed. */
  get heldOutputs(): number {
    let count = 0;
    for (const queue of this.#queues.values()) count += queue.waiting.length;
    return count;
  }

  /** The execution point of the last output that was taken; -1 if none was. */
  get takenThrough(): number {
    return this.#takenThrough;
  }

  /** Takes in an output that a backup has kept until its takeover. */
  adopt(output: Output): void {
    this.#push(this.#queue(output, true), output);
  }

  /**
   * Takes in an output; its offset must follow on the sink's last one.
   * @throws PeerError if it does not follow on what was adopted: both came from the other side
   */
  add(output: Output): void {
    const queue = this.#queue(output, false);
    const expected = endOf(queue);
    if (queue.isAdopted && output.offset !== expected) {
      throw new PeerError(
        `sink ${output.sink}: the machine taken over goes on at ${output.offset}, the outputs ` +
          `kept for it end at ${expected}`,
      );
    }
    queue.isAdopted = false;
    this.#push(queue, output);
  }

  /** Releases what was made at `point` or before; the point may go back (protection begins). */
  releaseThrough(point: number): void {
    this.#releasedThrough = point;
  }

  /** The outputs to be performed now: at most one a sink. They count as being performed. */
  take(): Output[] {
    const taken: Output[] = [];
    for (const queue of this.#queues.values()) {
      const next = queue.waiting.first;
      if (next === undefined || queue.performing || next.point > this.#releasedThrough) continue;
      queue.performing = true;
      this.#takenThrough = Math.max(this.#takenThrough, next.point);
      taken.push(next);
    }
    return taken;
  }

  /** The output that `sink` was performing is done; returns the offset up to which all are. */
  performed(sink: number): number {
    const queue = this.#queues.get(sink);
    assert(queue !== undefined && queue.performing, `sink ${sink} was performing nothing`);
    const output = queue.waiting.shift()!;
    queue.performing = false;
    queue.doneOffset = output.offset + output.bytes.length;
    this.#bytes -= output.bytes.length;
    return queue.doneOffset;
  }

  /** Every output that is not done, in order: what a state transfer has to carry. */
  undone(): Output[] {
    return [...this.#queues.values()].flatMap((queue) => [...queue.waiting]);
  }

  #push(queue: Queue, output: Output): void {
    const expected = endOf(queue);
    assert(
      output.offset === expected,
      `sink ${output.sink}: output at ${output.offset}, expected ${expected}`,
    );
    queue.waiting.push(output);
    this.#bytes += output.bytes.length;
  }

  #queue({ sink, offset }: Output, isAdopted: boolean): Queue {
    let queue = this.#queues.get(sink);
    if (queue === undefined) {
      queue = { waiting: new Fifo(), performing: false, doneOffset: offset, isAdopted };
      this.#queues.set(sink, queue);
    }
    return queue;
  }
}

/** The offset that the sink's next output has to have. */
function endOf({ waiting, doneOffset }: Queue): number {
  const last = waiting.last;
  return last === undefined ? doneOffset : last.offset + last.bytes.length;
}
