/**
 * The sink that shows nothing, `none`; and what it has in common with the sinks that take bytes one way
 * only: they extend it.
 */
import type { Bytes } from "../base/layout.ts";
import type { Sink } from "./sink.ts";

/** Discards its output; its input is at its end. */
export class NoneSink implements Sink {
  readonly address: string | undefined = undefined;

  /** Opens nothing. @param spec what it was opened from */
  constructor(readonly spec: string) {}

  perform(_offset: number, _bytes: Bytes): Promise<void> {
    return Promise.resolve();
  }

  done(_offset: number, _bytes: Bytes): Promise<void> {
    return Promise.resolve();
  }

  goLive(_outputOffset: number, _inputOffset: number, _generation: number): Promise<void> {
    return Promise.resolve();
  }

  suspend(): void {}

  readInput(): Promise<Bytes | undefined> {
    return Promise.resolve(undefined);
  }

  inputCommitted(_inputOffset: number): void {}

  end(_exitCode: number, _why: string): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
