/**
 * What a network is, to a machine's side: where the frames that its guest sends are performed, and where those that
 * arrive come from.
 *
 * A backup has its own from the start: what arrives there is dropped, and what its replay puts out is only looked at,
 * until it goes live. Then it says on the network that the machine is here now.
 *
 * primary/ performs, backup/ goes live; `open.ts` makes them.
 */
import type { Bytes } from "../base/layout.ts";
import type { Channel } from "../machine/channel.ts";

/** See the top of the file. */
export interface Network {
  /** Sends frames (devices/net_frames.ts). Best effort, as a wire is; resolves when they are on it. */
  perform(offset: number, frames: Bytes): Promise<void>;
  /** On a backup: the guest has put out these frames, which are the primary's to perform. */
  watch(frames: Bytes): void;
  /** From now on what arrives goes to the machine behind this channel. Who takes a machine over announces it. */
  goLive(channel: Channel, isTakeover: boolean): void;
  /** Figures for the status address. */
  status(): Record<string, unknown>;
  /** Gives everything back. */
  close(): Promise<void>;
}
