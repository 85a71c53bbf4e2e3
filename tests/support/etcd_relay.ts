/**
 * A relay between a client and an etcd, which can lose what goes through it: requests on their way there, or
 * answers on their way back.
 *
 *     await using relay = new EtcdRelay(etcd.address);
 *     relay.fates.push("answer lost");
 *
 * The client makes a connection for each request, so the next connection has the next fate; when there are
 * none left all goes through. Called by the tests of the etcd arbiter.
 */
import { parseAddress } from "../../link/address.ts";

/** What becomes of a request and its answer. */
export const FATES = [
  "through",
  /** The connection ends before the request has been sent on. */
  "request lost",
  /** The request is sent on when all of this relay's are let go; the client hears nothing. */
  "request late",
  /** The request is carried out, and then the connection ends. */
  "answer lost",
  /** The request is carried out, half of the answer comes, and then the connection ends. */
  "answer cut",
  /** The request is carried out; the client hears nothing. */
  "answer kept",
] as const;

/** One of {@link FATES}. */
export type Fate = typeof FATES[number];

/** Longer than any request or answer in these tests. */
const MESSAGE_BYTES = 64 * 1024;

/** See the top of the file. */
export class EtcdRelay implements AsyncDisposable {
  /** Of the next connections, in their order. */
  readonly fates: Fate[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  #letGo = Promise.withResolvers<void>();
  #late: Promise<void>[] = [];

  /** @param address where the etcd listens, `HOST:PORT` */
  constructor(readonly address: string) {
    this.#serving = this.#serve();
  }

  /** As `--arbiter` names it. */
  get spec(): string {
    return `etcd:http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  /** Sends on the requests that are late; returns once they have been carried out. */
  async letGo(): Promise<void> {
    this.#letGo.resolve();
    await Promise.all(this.#late.splice(0));
    this.#letGo = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#letGo.resolve();
    for (const connection of this.#connections) connection.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const passing: Promise<void>[] = [];
    for await (const client of this.#listener) {
      this.#connections.add(client);
      const fate = this.fates.shift() ?? "through";
      // Whichever side is gone, its request has met its fate.
      passing.push(this.#pass(client, fate).catch(() => {}));
    }
    await Promise.all(passing);
  }

  async #pass(client: Deno.Conn, fate: Fate): Promise<void> {
    try {
      const request = await readMessage(client);
      if (fate === "request lost") return;
      if (fate === "request late") {
        const late = this.#letGo.promise.then(() => this.#ask(request)).then(() => {});
        this.#late.push(late);
        return await late;
      }
      const answer = await this.#ask(request);
      if (fate === "answer kept") return await this.#letGo.promise;
      if (fate === "answer cut") await client.write(answer.subarray(0, answer.length - 20));
      if (fate === "through") await client.write(answer);
    } finally {
      this.#close(client);
    }
  }

  /** Sends a request to the etcd; returns its answer. */
  async #ask(request: Uint8Array): Promise<Uint8Array> {
    const server = await Deno.connect(parseAddress(this.address));
    this.#connections.add(server);
    try {
      await server.write(request);
      return await readMessage(server);
    } finally {
      this.#close(server);
    }
  }

  #close(connection: Deno.Conn): void {
    if (this.#connections.delete(connection)) connection.close();
  }
}

/** Reads one HTTP message: what its headers say, and a body of the length that they state, or until the connection ends. */
async function readMessage(connection: Deno.Conn): Promise<Uint8Array> {
  const bytes = new Uint8Array(MESSAGE_BYTES);
  for (let end = 0; end < bytes.length;) {
    const count = await connection.read(bytes.subarray(end));
    if (count === null) return bytes.subarray(0, end);
    end += count;
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, end));
    const [, length] = text.match(/\r\ncontent-length: (\d+)\r\n/i) ?? [];
    const bodyAt = text.indexOf("\r\n\r\n") + 4;
    if (bodyAt >= 4 && length !== undefined && end >= bodyAt + Number(length)) {
      return bytes.subarray(0, end);
    }
  }
  throw new Error(`a message of more than ${MESSAGE_BYTES} bytes`);
}
