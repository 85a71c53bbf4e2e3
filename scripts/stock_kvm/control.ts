/**
 * The outside's end of a host's control port: starts processes in the host and follows them.
 *
 * host.ts has one for each host.
 */
import { UnavailableError } from "../../base/errors.ts";
import {
  type AgentMessage,
  encodeMessage,
  type End,
  jsonOf,
  type MessageKind,
  MessageReader,
  payloadBytes,
  type Start,
} from "./agent_messages.ts";
import { HostProcess, type RunOptions } from "./host_process.ts";

const READ_BYTES = 64 * 1024;

/** See the top of the file. */
export class Control {
  readonly #connection: Deno.Conn;
  readonly #processes = new Map<number, HostProcess>();
  readonly #ready = Promise.withResolvers<void>();
  #lastSend: Promise<void> = Promise.resolve();
  #lastId = 0;
  #isGone = false;

  /** Resolves when the connection has ended, and with it every process. */
  readonly closed: Promise<void>;

  /** @param connection QEMU's end of the port */
  constructor(connection: Deno.Conn) {
    this.#connection = connection;
    this.#ready.promise.catch(() => {});
    this.closed = this.#serve();
  }

  /** Resolves when the agent is there. @throws UnavailableError if it ended before */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Starts a process. */
  run(command: readonly string[], options: RunOptions): HostProcess {
    const id = ++this.#lastId;
    const process = new HostProcess(command, options, {
      input: (bytes) => this.#send("input", id, bytes),
      signal: (signal) => this.#send("signal", id, signal),
    });
    if (this.#isGone) {
      process.gone();
      return process;
    }
    this.#processes.set(id, process);
    const { cwd, env } = options;
    const start: Start = {
      command,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
    };
    void this.#send("start", id, start);
    return process;
  }

  /** Ends the connection. */
  close(): void {
    try {
      this.#connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  #send(kind: MessageKind, id: number, content: Uint8Array | string | object): Promise<void> {
    const bytes = encodeMessage(kind, id, content);
    if (bytes.length > payloadBytes) {
      throw new UnavailableError(`a command line of ${bytes.length} bytes is too long`);
    }
    this.#lastSend = this.#lastSend.then(async () => {
      for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
      // The host may be gone: then the reading end says so.
    }).catch(() => {});
    return this.#lastSend;
  }

  async #serve(): Promise<void> {
    const reader = new MessageReader();
    const chunk = new Uint8Array(READ_BYTES);
    try {
      for (let count; (count = await this.#connection.read(chunk)) !== null;) {
        for (const message of reader.push(chunk.subarray(0, count))) await this.#receive(message);
      }
    } catch (error) {
      // A killed QEMU resets the connection; we may have closed it ourselves.
      const isEnd = error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
      if (!isEnd) throw error;
    } finally {
      this.#isGone = true;
      this.#ready.reject(new UnavailableError("the host ended before its agent was there"));
      for (const process of this.#processes.values()) process.gone();
      this.#processes.clear();
      this.close();
    }
  }

  async #receive(message: AgentMessage): Promise<void> {
    const { kind, id, payload } = message;
    if (kind === "ready") return this.#ready.resolve();
    const process = this.#processes.get(id);
    if (process === undefined) return;
    if (kind === "output" || kind === "errors") await process.wrote(kind, payload);
    else if (kind === "taken") process.taken();
    else if (kind === "ended") {
      this.#processes.delete(id);
      process.ended(jsonOf<End>(message));
    }
  }
}
