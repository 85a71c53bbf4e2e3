/**
 * A relay on the logging channel between two real sides, which can alter the log on its way, with checksums that
 * are right: what a backup replays then is not what was recorded.
 *
 * Called by healing_test.ts and healing_crash_test.ts.
 */
import { FrameDecoder, FrameKind, type LogEvent, readHeader } from "../../codec/codec.ts";
import { parseAddress } from "../../link/address.ts";
import type { FrameLink, LinkListener } from "../../link/link.ts";
import { logFraming } from "../../link/log_framing.ts";
import { connectTcp, listenTcp } from "../../link/tcp.ts";
import { messageKind } from "../../protocol/messages.ts";
import { alterFrame, type ReadFrame, readFrame, sealFrame } from "./alter_log.ts";
import type { Random } from "./random.ts";

/** Takes in one backup after the other. See the top of the file. */
export class AlteringRelay implements AsyncDisposable {
  readonly #listener: LinkListener = listenTcp(parseAddress("127.0.0.1:0"), logFraming);
  readonly #links = new Set<FrameLink>();
  readonly #primary = Promise.withResolvers<string | undefined>();
  readonly #serving: Promise<void>;
  #isDue = false;
  /** How often a backup has said that it diverged. */
  divergences = 0;
  /** What was altered. */
  readonly altered: string[] = [];

  constructor(private readonly random: Random) {
    this.#serving = this.#serve();
  }

  /** Where the backup has to connect. */
  get address(): string {
    return this.#listener.address;
  }

  /** Where the primary listens: the backup has to wait until this is known. */
  leadTo(primary: string): void {
    this.#primary.resolve(primary);
  }

  /** Alters one event of the next frame that has one that can be; not once a backup has diverged before that. */
  alterNext(): void {
    this.#isDue = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#primary.resolve(undefined);
    for (const link of this.#links) link.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const sessions: Promise<void>[] = [];
    for (let link; (link = await this.#listener.accept()) !== undefined;) {
      sessions.push(this.#session(link));
    }
    await Promise.all(sessions);
  }

  async #session(backupLink: FrameLink): Promise<void> {
    this.#links.add(backupLink);
    const primary = await this.#primary.promise;
    if (primary === undefined) return backupLink.close();
    let primaryLink: FrameLink;
    try {
      primaryLink = await connectTcp(parseAddress(primary), logFraming);
    } catch {
      // It is not there any more: neither is this.
      return backupLink.close();
    }
    this.#links.add(primaryLink);
    using log = new AlterableLog((frame) => this.#alter(frame));
    await Promise.all([
      pass(primaryLink, backupLink, (frame) => log.pass(frame)),
      pass(backupLink, primaryLink, (frame) => this.#hear(frame)),
    ]);
    primaryLink.close();
    backupLink.close();
  }

  #hear(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (readHeader(frame).kind === messageKind("diverged")) {
      this.divergences++;
      this.#isDue = false;
    }
    return frame;
  }

  /** Alters an event of this frame, if one is to be altered. @returns whether it was */
  #alter(frame: ReadFrame): boolean {
    if (!this.#isDue || !hasInput(frame.events)) return false;
    this.#isDue = false;
    let what: string | undefined;
    while (what === undefined) what = alterFrame(frame, this.random);
    this.altered.push(what);
    return true;
  }
}

/** The log of one connection, which can be altered on its way. */
class AlterableLog implements Disposable {
  readonly #decoder = new FrameDecoder();
  /** A frame of this chain was altered: what continues it has to be encoded anew. */
  #isTorn = false;

  constructor(private readonly alter: (frame: ReadFrame) => boolean) {}

  /** The next frame from the primary, as the backup gets it. */
  pass(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { kind, chain } = readHeader(bytes);
    if (kind !== FrameKind.log) return bytes;
    const frame = readFrame(this.#decoder, bytes);
    this.#isTorn &&= chain === "continues";
    if (this.alter(frame)) this.#isTorn = true;
    return this.#isTorn ? sealFrame(frame) : bytes;
  }

  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
  }
}

/** Whether there are two events that could be altered: then each kind of alteration finds one. */
function hasInput(events: readonly LogEvent[]): boolean {
  if (events.some(({ kind }) => kind === "state")) return false;
  return events.filter(({ kind }) => kind === "time" || kind === "data").length > 1;
}

/** Passes frames on until an end of the connection, and that as well. */
async function pass(
  from: FrameLink,
  to: FrameLink,
  alter: (frame: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
): Promise<void> {
  try {
    for (let frame; (frame = await from.receive()) !== undefined;) await to.send(alter(frame));
    await to.endSending();
  } catch {
    // One of the two sides is gone; the other one has to find that out.
    to.close();
  }
}
