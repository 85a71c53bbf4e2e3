/**
 * Connections from backups: takes them in, checks what they send, and gives the protocol whole messages.
 *
 * A connection counts for the protocol from its hello on. Until then it is one of a bounded number of
 * strangers with a bounded time; what a stranger sends can't touch the machine.
 */
import { PeerError } from "../base/errors.ts";
import { helloTimeoutMs, leavingBackupCount, pendingBackupCount } from "../base/limits.ts";
import type { Say } from "../base/reporter.ts";
import type { Bytes } from "../base/layout.ts";
import { goodbye } from "../link/goodbye.ts";
import type { FrameLink, LinkListener } from "../link/link.ts";
import type { Message } from "../protocol/messages.ts";
import type { PrimaryInput } from "../protocol/primary.ts";
import type { Connection } from "../protocol/types.ts";
import { frameOf, fromBackup } from "../protocol/wire.ts";

/** All connections of one listener. */
export class BackupConnections {
  readonly #links = new Map<Connection, FrameLink>();
  readonly #serving = new Set<Promise<void>>();
  #step: (input: PrimaryInput) => void = () => {};
  #isServing = false;
  #count = 0;
  #strangers = 0;
  #leaving = 0;
  #sequence = 0;

  constructor(private readonly listener: LinkListener, private readonly say: Say) {}

  /** Where backups can connect. */
  get address(): string {
    return this.listener.address;
  }

  /** Accepts connections and tells `step` what they say, until `close`. From a second call on, `step`
   * takes the former one's place. */
  serve(step: (input: PrimaryInput) => void): void {
    this.#step = step;
    if (this.#isServing) return;
    this.#isServing = true;
    this.#track(this.#accept());
  }

  /** Accepts connections only to say why nobody can join here now. */
  refuse(why: string): void {
    this.serve((input) => {
      if (input.type !== "message") return;
      this.send(input.connection, { type: "refuse", why, retry: true }, 0);
      this.drop(input.connection, why);
    });
  }

  /** Sends a message; a connection that is gone is not an error here: its `closed` follows. */
  send(connection: Connection, message: Message, generation: number): void {
    this.sendFrame(connection, frameOf(message, generation, ++this.#sequence));
  }

  /** Sends a frame as it is. */
  sendFrame(connection: Connection, frame: Uint8Array): void {
    this.#links.get(connection)?.send(frame as Bytes).catch(() => {});
  }

  /** Closes a connection, after what was sent on it; at once if too many are being closed. */
  drop(connection: Connection, _why: string): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    this.#links.delete(connection);
    if (this.#leaving >= leavingBackupCount) return link.close();
    this.#leaving++;
    this.#track(goodbye(link).finally(() => this.#leaving--));
  }

  /** Stops listening and closes everything. */
  async close(): Promise<void> {
    this.listener.close();
    for (const connection of [...this.#links.keys()]) this.drop(connection, "closed");
    while (this.#serving.size > 0) await Promise.all(this.#serving);
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error: Error) => this.say(error.message)).finally(() => {
      this.#serving.delete(tracked);
    });
    this.#serving.add(tracked);
  }

  async #accept(): Promise<void> {
    for (;;) {
      const link = await this.listener.accept();
      if (link === undefined) return;
      if (this.#strangers >= pendingBackupCount) link.close();
      else this.#track(this.#serve(link));
    }
  }

  async #serve(link: FrameLink): Promise<void> {
    const connection = ++this.#count;
    this.#links.set(connection, link);
    let why = "closed by the other side";
    try {
      this.#strangers++;
      let hello: Message | undefined;
      try {
        hello = await receiveMessage(link, helloTimeoutMs);
      } finally {
        this.#strangers--;
      }
      if (hello !== undefined && hello.type !== "hello") {
        throw new PeerError(`${link.peer} begins with a ${hello.type} message, expected hello`);
      }
      let message: Message | undefined = hello;
      while (message !== undefined) {
        // Dropped, it is read until it closes, and heard no more: it could join, and not be answered.
        if (this.#links.has(connection)) this.#step({ type: "message", connection, message });
        message = await receiveMessage(link);
      }
    } catch (error) {
      why = (error as Error).message;
      this.say(`connection dropped: ${why}`);
    }
    this.#links.delete(connection);
    link.close();
    this.#step({ type: "closed", connection, why });
  }
}

/** The next message of a link; undefined at its end. */
async function receiveMessage(link: FrameLink, timeoutMs?: number): Promise<Message | undefined> {
  const frame = await link.receive(timeoutMs === undefined ? {} : { timeoutMs });
  return frame && fromBackup(frame, link.peer);
}
