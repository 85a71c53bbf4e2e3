/**
 * The server's side of one attached console client: sends it the stream, hears its acknowledgements and
 * its input, and gives it up when it falls silent.
 *
 * Outputs wait for this client, so its time is limited: an acknowledgement has 5 s, and a client that
 * trickles does not get more, because what is waited for stays put until it is reached. `console_server.ts`
 * makes these.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { consoleAckMs, consolePingMs } from "../base/limits.ts";
import type { FrameLink } from "../link/link.ts";
import type { SetTimer } from "../link/timer.ts";
import type { ConsoleInput } from "./console_input.ts";
import {
  type ClientHello,
  decodeMessage,
  encodeMessage,
  type End,
  EndReason,
  maxStreamBytes,
  type Message,
  type ServerHello,
} from "./console_protocol.ts";
import type { OutputTail } from "./output_tail.ts";

/** What a session shares with its server. */
export interface SessionContext {
  /** What can be sent. */
  readonly tail: OutputTail;
  /** Where input goes. */
  readonly input: ConsoleInput;
  /** Time. */
  readonly setTimer: SetTimer;
  /** Told, in a line, what people should know. */
  notice(text: string): void;
}

/** How many pings an acknowledgement may take. */
const patience = Math.ceil(consoleAckMs / consolePingMs);

/** See the top of the file. */
export class ConsoleSession {
  /** Whom the client says that it is. */
  readonly client: bigint;
  /** The connection. */
  readonly link: FrameLink;
  readonly #context: SessionContext;
  readonly #wantsInput: boolean;
  /** The output offsets up to which it was sent, has acknowledged, and is expected to acknowledge. */
  #sent: number;
  #acked: number;
  #expected = 0;
  /** Pings since the client was heard, and since it reached what was expected. */
  #silentPings = 0;
  #latePings = 0;
  #gone = false;
  #wake: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  /** Takes the link over. Sends nothing yet. */
  constructor(link: FrameLink, hello: ClientHello, context: SessionContext) {
    this.client = hello.client;
    this.link = link;
    this.#context = context;
    this.#wantsInput = hello.wantsInput;
    // Having more than there is means having seen what is yet to be performed here again.
    this.#sent = this.#acked = Math.max(hello.have ?? 0, context.tail.start);
  }

  /** Whether the client has been lost, or dismissed. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Greets the client, sends what it lacks, and hears it until it is gone.
   * @throws PeerError if it breaks the protocol, UnavailableError if the connection breaks */
  async run(hello: ClientHello, answer: ServerHello): Promise<void> {
    const { tail, input } = this.#context;
    this.#send(answer);
    if (hello.have !== undefined && hello.have < tail.start) {
      this.#send({ type: "gap", from: hello.have, to: tail.start });
    }
    if (this.#wantsInput) this.#send({ type: "inputAck", offset: input.committed });
    this.#sendOutput();
    this.#pingLater();
    try {
      for (let frame; (frame = await this.link.receive()) !== undefined;) {
        if (this.#gone) continue; // Waiting for its end, so that it hears the last word.
        this.#silentPings = 0;
        this.#hear(decodeMessage(frame, "client"));
      }
    } finally {
      this.#leave();
      this.#cancelTimer?.();
    }
  }

  /** Sends what the tail has gained. Resolves once the client has acknowledged it, or is gone. */
  async deliver(): Promise<void> {
    if (this.#gone) return;
    this.#sendOutput();
    const { end } = this.#context.tail;
    assert(this.#wake === undefined, "two deliveries at once to a console client");
    while (!this.#gone && this.#acked < end) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    this.#wake = undefined;
  }

  /** Tells the client how far its input is safe. */
  inputCommitted(): void {
    if (this.#gone || !this.#wantsInput) return;
    this.#send({ type: "inputAck", offset: this.#context.input.committed });
  }

  /** Says a last word and lets the client go; nobody waits for it any more. */
  dismiss(word: End): void {
    if (this.#gone) return;
    this.#leave();
    this.#cancelTimer?.();
    this.#cancelTimer = lastWord(this.link, word, this.#context.setTimer);
  }

  #leave(): void {
    this.#gone = true;
    this.#wake?.();
  }

  #send(message: Message): void {
    void this.link.send(encodeMessage(message));
  }

  #sendOutput(): void {
    const { tail } = this.#context;
    while (this.#sent < tail.end) {
      const end = Math.min(tail.end, this.#sent + maxStreamBytes);
      this.#send({ type: "output", offset: this.#sent, bytes: tail.read(this.#sent, end) });
      this.#sent = end;
    }
  }

  #hear(message: Message): void {
    if (message.type === "outputAck") {
      if (message.offset > this.#sent) {
        throw new PeerError(`console: output acknowledged to ${message.offset} of ${this.#sent}`);
      }
      this.#acked = Math.max(this.#acked, message.offset);
      this.#wake?.();
    } else if (message.type === "input" && this.#wantsInput) {
      this.#context.input.accept(message.offset, message.bytes);
    } else {
      throw new PeerError(`console: ${message.type} out of place`);
    }
  }

  /** Looks whether the client keeps up, and asks it for a sign of life. */
  #ping(): void {
    if (this.#acked >= this.#expected) {
      this.#expected = this.#sent;
      this.#latePings = 0;
    }
    if (this.#latePings++ >= patience || this.#silentPings++ >= patience) {
      const why = `no acknowledgement for ${consoleAckMs} ms`;
      this.#context.notice(`console client ${this.link.peer} dropped: ${why}`);
      this.dismiss({ type: "end", reason: EndReason.late, exitCode: 0, why });
      return;
    }
    this.#send({ type: "ping" });
    this.#pingLater();
  }

  #pingLater(): void {
    this.#cancelTimer = this.#context.setTimer(consolePingMs, () => this.#ping());
  }
}

/** Sends a last word and closes the link a little later, so that the peer can read it first. Returns what
 * calls the closing off; the caller goes on receiving until the end. */
export function lastWord(link: FrameLink, word: Message, setTimer: SetTimer): () => void {
  void link.send(encodeMessage(word));
  void link.endSending();
  return setTimer(consolePingMs, () => link.close());
}
