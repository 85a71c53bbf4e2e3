/**
 * A state in the middle of a log, on its way into the backup's machine: gathered until its last section has come,
 * so that it is applied whole or not at all. What a primary sent of it before it died has changed nothing.
 *
 * It carries the outputs of the stretch that the backup does not run (codec/state_output.ts).
 *
 * Pure. Used by the recorder and the replayer, and by those of tests/simulation.
 */
import { PeerError } from "../base/errors.ts";
import { keptOutputBytes } from "../base/limits.ts";
import { decodeStateOutput, type StateOutput } from "../codec/state_output.ts";

/** See the top of the file. */
export class StagedState {
  #pages: Uint8Array<ArrayBuffer>[] = [];
  #pagesBytes = 0;
  #outputs: StateOutput[] = [];
  #outputBytes = 0;

  /** @param pagesBytesMax what all PAGES sections of one state may come to */
  constructor(private readonly pagesBytesMax: number) {}

  /** Whether no section waits. */
  get isEmpty(): boolean {
    return this.#pages.length === 0 && this.#outputs.length === 0;
  }

  /** A PAGES section. @throws PeerError if it is one too many */
  addPages(bytes: Uint8Array<ArrayBuffer>): void {
    this.#pagesBytes += bytes.length;
    if (this.#pagesBytes > this.pagesBytesMax) {
      throw new PeerError(
        `a state with ${this.#pagesBytes} bytes of pages, expected at most ${this.pagesBytesMax}`,
      );
    }
    this.#pages.push(bytes);
  }

  /** An OUTPUTS section. @throws PeerError if it is malformed or one too many */
  addOutput(section: Uint8Array<ArrayBuffer>): void {
    const output = decodeStateOutput(section);
    this.#outputBytes += output.bytes.length;
    if (this.#outputBytes > keptOutputBytes) {
      throw new PeerError(
        `a state with ${this.#outputBytes} bytes of output, expected at most ${keptOutputBytes}`,
      );
    }
    this.#outputs.push(output);
  }

  /** All PAGES sections, in their order; from then on they don't wait. */
  takePages(): Uint8Array<ArrayBuffer>[] {
    const pages = this.#pages;
    this.#pages = [];
    this.#pagesBytes = 0;
    return pages;
  }

  /**
   * All outputs, in their order; from then on they don't wait.
   * @param before where each sink's stream stood before the state
   * @param after where the state has it
   * @throws PeerError unless the outputs are what came in between
   */
  takeOutputs(before: readonly number[], after: readonly number[]): StateOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    this.#outputBytes = 0;
    const ends = [...before];
    for (const { sink, offset, bytes } of outputs) {
      if (offset !== ends[sink]) {
        throw new PeerError(
          `a state with output of sink ${sink} at ${offset}, expected ${ends[sink] ?? "none"}`,
        );
      }
      ends[sink] = offset + bytes.length;
    }
    for (const [sink, end] of ends.entries()) {
      if (end === after[sink]) continue;
      throw new PeerError(
        `a state with output of sink ${sink} up to ${end}, expected up to ${after[sink]}`,
      );
    }
    return outputs;
  }
}
