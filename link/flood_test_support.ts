/**
 * What strangers do at a TLS port: they connect and say nothing, say half of something, say nonsense, or finish all
 * of a handshake but the certificate.
 *
 * The tests of the door flood it with these, and so does the campaign campaigns/flood.ts.
 */
import { connect as connectTls } from "node:tls";
import { connect, type Socket } from "node:net";
import type { Address } from "./address.ts";
import { type Keys, pairName } from "./keys.ts";

/** What strangers do once they are connected. */
export const STRANGERS = [
  "say nothing",
  "stop amid a handshake",
  "send garbage",
  "show no certificate",
] as const;

/** One of {@link STRANGERS}. */
export type StrangerKind = (typeof STRANGERS)[number];

/** Connections to one port, all of one kind. */
export class Flood implements Disposable {
  readonly #sockets: Socket[] = [];
  #closed = 0;
  #receivedBytes = 0;

  private constructor(
    private readonly address: Address,
    private readonly from: string,
    private readonly authority: Keys["authority"],
  ) {}

  /**
   * Opens them, a few at a time; resolves when all have been opened.
   * @param from the address of this host that they come from
   */
  static async open(
    kind: StrangerKind,
    count: number,
    address: Address,
    { authority }: Keys,
    from = "127.0.0.1",
  ): Promise<Flood> {
    const flood = new Flood(address, from, authority);
    const first = kind === "stop amid a handshake" ? await clientHello() : garbage;
    for (let begun = 0; begun < count; begun += 20) {
      const some = Array.from({ length: Math.min(20, count - begun) }, () => {
        return flood.#one(kind, first);
      });
      await Promise.all(some);
    }
    return flood;
  }

  /** How many were closed by the port, or refused by the system. */
  get closed(): number {
    return this.#closed;
  }

  /** What they were told within TLS, in all: nothing of it is theirs to know. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #one(kind: StrangerKind, first: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { hostname: host, port } = this.address;
    const socket = connect({ host, port, localAddress: this.from });
    this.#sockets.push(socket);
    socket.on("error", () => {}).on("close", () => {
      this.#closed++;
      resolve();
    });
    if (kind === "show no certificate") {
      const tls = connectTls({ socket, ca: this.authority, servername: pairName });
      tls.on("error", () => {}).on("data", (data) => this.#receivedBytes += data.length);
      tls.on("secureConnect", resolve);
      return promise;
    }
    socket.resume();
    socket.on("connect", () => {
      if (kind !== "say nothing") socket.write(first);
      resolve();
    });
    return promise;
  }
}

const garbage = new Uint8Array(300).fill(0x47);

/** The first record of a client that would go on: all of it but its last byte. */
async function clientHello(): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = connectTls({ host: "127.0.0.1", port: listener.addr.port, servername: pairName });
  client.on("error", () => {});
  using connection = await listener.accept();
  const buffer = new Uint8Array(4096);
  const count = await connection.read(buffer) ?? 0;
  client.destroy();
  return buffer.slice(0, count - 1);
}
