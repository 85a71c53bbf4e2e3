/**
 * A relay on the logging channel between two real sides, which can alter the log on its way, with checksums that
 * are right: what a backup replays then is not what was recorded.
 *
 * Called by healing_test.ts and healing_crash_test.ts.
 */
import { FrameDecoder, FrameKind, readHeader } from "../../codec/codec.ts";
import { parseAddress } from "../../link/address.ts";
import type { FrameLink, LinkListener } from "../../link/link.ts";
import { logFraming } from "../../link/log_framing.ts";
import { connectTcp, listenTcp } from "../../link/tcp.ts";
import { messageKind } from "../../protocol/messages.ts";
import { alterEvent } from "./alter_log.ts";
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
    await Promise.all([
      pass(primaryLink, backupLink, (frame) => this.#alter(frame)),
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

  #alter(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (!this.#isDue || readHeader(frame).kind !== FrameKind.log || !hasInput(frame)) {
      return frame;
    }
    this.#isDue = false;
    const { log, what } = alterEvent([frame], this.random);
    this.altered.push(what);
    return log[0]! as Uint8Array<ArrayBuffer>;
  }
}

/** Whether there are two events that could be altered: then each kind of alteration finds one. */
function hasInput(frame: Uint8Array): boolean {
  using decoder = new FrameDecoder();
  decoder.open(frame);
  let count = 0;
  for (let event; (event = decoder.next()) !== undefined;) {
    if (event.kind === "time" || event.kind === "data") count++;
    else if (event.kind === "state") return false;
  }
  return count > 1;
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
