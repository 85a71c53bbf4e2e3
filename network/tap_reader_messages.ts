/**
 * What a TAP device's reader is told, and what it says.
 */
import type { ChannelBuffers } from "../machine/channel.ts";

/** Once, at the start: descriptors that stay open until it is done. */
export interface ReaderStart {
  readonly type: "start";
  /** The TAP device. */
  readonly fd: number;
  /** With what main wakes it, before each further order. */
  readonly wakeup: number;
  /** Where it counts: by {@link ReaderFigure}. */
  readonly figures: SharedArrayBuffer;
}

/** Then any of these. Until the first one, what arrives is dropped. */
export type ReaderOrder =
  | { readonly type: "feed"; readonly buffers: ChannelBuffers }
  | { readonly type: "quit" };

/** What it says: that it is over. It would else have gone on. */
export interface ReaderDone {
  /** Why, unless it was told to. */
  readonly failure?: string;
}

/** Its figures, as 64-bit floats: it alone writes them. */
export const ReaderFigure = { received: 0, dropped: 1 } as const;

/** How many {@link ReaderFigure}s there are. */
export const READER_FIGURES = 2;
