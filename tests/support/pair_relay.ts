/**
 * A relay on the logging channel between two real sides, which can keep the backup's acks back.
 *
 * Called by output_rule_test.ts.
 */
import { readHeader } from "../../codec/codec.ts";
import { parseAddress } from "../../link/address.ts";
import type { FrameLink, LinkListener } from "../../link/link.ts";
import { logFraming } from "../../link/log_framing.ts";
import { connectTcp, listenTcp } from "../../link/tcp.ts";
import { messageKind } from "../../protocol/messages.ts";

/** Takes one backup in. See the top of the file. */
export class AckRelay implements AsyncDisposable {
  readonly #listener: LinkListener = listenTcp(parseAddress("127.0.0.1:0"), logFraming);
  readonly #links: FrameLink[] = [];
  readonly #primary = Promise.withResolvers<string | undefined>();
  readonly #serving: Promise<void> = this.#serve();
  #withheld: { link: FrameLink; frame: Uint8Array<ArrayBuffer> }[] | undefined;
  #count = 0;

  /** Where the backup has to connect. */
  get address(): string {
    return this.#listener.address;
  }

  /** Where the primary listens: the backup has to wait until this is known. */
  leadTo(primary: string): void {
    this.#primary.resolve(primary);
  }

  /** Acks that have been kept back. */
  get withheld(): number {
    return this.#count;
  }

  /** From now on no ack passes. */
  withhold(): void {
    this.#withheld = [];
  }

  /** Lets all acks pass, in their order. */
  release(): void {
    const withheld = this.#withheld ?? [];
    this.#withheld = undefined;
    for (const { link, frame } of withheld) void link.send(frame);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#primary.resolve(undefined);
    for (const link of this.#links) link.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const backupLink = await this.#listener.accept();
    if (backupLink === undefined) return;
    this.#links.push(backupLink);
    const primary = await this.#primary.promise;
    if (primary === undefined) return;
    const primaryLink = await connectTcp(parseAddress(primary), logFraming);
    this.#links.push(primaryLink);
    await Promise.all([
      pass(primaryLink, backupLink, () => false),
      pass(backupLink, primaryLink, (frame) => this.#keep(primaryLink, frame)),
    ]);
  }

  #keep(link: FrameLink, frame: Uint8Array<ArrayBuffer>): boolean {
    if (this.#withheld === undefined || readHeader(frame).kind !== messageKind("ack")) return false;
    this.#withheld.push({ link, frame });
    this.#count++;
    return true;
  }
}

/** Passes frames on until an end of the connection; then closes the other one. */
async function pass(
  from: FrameLink,
  to: FrameLink,
  isKept: (frame: Uint8Array<ArrayBuffer>) => boolean,
): Promise<void> {
  try {
    for (let frame; (frame = await from.receive()) !== undefined;) {
      if (!isKept(frame)) await to.send(frame);
    }
    await to.endSending();
  } catch {
    // One of the two sides is gone; the other one has to find that out.
  }
  to.close();
}
