/**
 * Connections for bench/tls.ts: both ends in this process, ours within TLS and in the clear, and node:tls
 * alone, over its own sockets and without any bound, which is what ours could come to at best.
 */
import { connect, createServer, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { parseAddress } from "../link/address.ts";
import type { ByteStream } from "../link/byte_stream.ts";
import { connectStream } from "../link/connect.ts";
import { openDoor } from "../link/door.ts";
import { type Keys, pairName } from "../link/keys.ts";
import type { Security } from "../link/security.ts";
import { credentials } from "../link/tls.ts";

/** One end. */
export interface End {
  /** Resolves when the bytes are written. */
  send(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Resolves when so many bytes have come. */
  receive(count: number): Promise<void>;
}

/** A connection. */
export interface Ends extends Disposable {
  readonly client: End;
  readonly server: End;
}

/** One of ours. */
export async function ownEnds(security: Security): Promise<Ends> {
  const door = openDoor(parseAddress("127.0.0.1:0"), { security });
  const [client, server] = await Promise.all([
    connectStream(parseAddress(door.address), { security }),
    door.accept(),
  ]);
  return {
    client: streamEnd(client),
    server: streamEnd(server!),
    [Symbol.dispose]() {
      for (const end of [client, server!, door]) end.close();
    },
  };
}

/** One of node:tls, with certificates on both ends. */
export async function bareTlsEnds(keys: Keys): Promise<Ends> {
  const server = createServer({ ...credentials(keys), requestCert: true });
  const accepted = new Promise<TLSSocket>((resolve) => server.once("secureConnection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = connect({ ...credentials(keys), host: "127.0.0.1", port, servername: pairName });
  const sockets = [client, await accepted];
  for (const socket of sockets) socket.setNoDelay(true);
  return {
    client: socketEnd(sockets[0]!),
    server: socketEnd(sockets[1]!),
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function streamEnd(stream: ByteStream): End {
  const buffer = new Uint8Array(1 << 20);
  return {
    async send(bytes) {
      for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
    },
    async receive(count) {
      for (let left = count; left > 0;) {
        left -= await stream.read(buffer.subarray(0, left)) ?? ended();
      }
    },
  };
}

function socketEnd(socket: TLSSocket): End {
  let have = 0;
  let wake: (() => void) | undefined;
  socket.on("data", (chunk) => {
    have += chunk.length;
    wake?.();
  });
  socket.on("error", () => {});
  return {
    send: (bytes) => new Promise((resolve) => socket.write(bytes, () => resolve())),
    async receive(count) {
      while (have < count) await new Promise<void>((resolve) => wake = resolve);
      have -= count;
    },
  };
}

function ended(): never {
  throw new Error("the connection ended");
}
