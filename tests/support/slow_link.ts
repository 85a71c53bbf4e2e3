/**
 * A link of a certain rate between two real sides: a relay that passes bytes on no faster, each way.
 *
 * What waits, waits where it would on a real road: in the sender's socket and in the relay's, which hold megabytes.
 *
 * Called by the tests of flow control.
 */
import { parseAddress } from "../../link/address.ts";

/** The link passes bytes on in pieces of this size: what a frame of Ethernet holds. */
const PIECE_BYTES = 1460;

/** See the top of the file. */
export class SlowLink implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #target = Promise.withResolvers<Deno.ConnectOptions | undefined>();
  readonly #serving: Promise<void> = this.#serve();
  /** Bytes that passed, both ways together. */
  passedBytes = 0;

  /** @param bitsPerSecond of each direction; may be changed while bytes pass */
  constructor(public bitsPerSecond: number) {}

  /** Where it leads, HOST:PORT: who connects has to wait until this is known. */
  leadTo(target: string): void {
    this.#target.resolve(parseAddress(target));
  }

  /** Where it begins. */
  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Ends all connections through it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#target.resolve(undefined);
    for (const connection of this.#connections) connection.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const flows: Promise<void>[] = [];
    for await (const here of this.#listener) {
      this.#connections.add(here);
      const target = await this.#target.promise;
      if (target === undefined) break;
      let there: Deno.TcpConn;
      try {
        there = await Deno.connect(target);
      } catch {
        // Nobody listens there any more: who connects will see that.
        here.close();
        continue;
      }
      this.#connections.add(there);
      for (const connection of [here, there]) connection.setNoDelay(true);
      flows.push(this.#flow(here, there), this.#flow(there, here));
    }
    await Promise.all(flows);
  }

  async #flow(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const piece = new Uint8Array(PIECE_BYTES);
    let freeAtMs = 0;
    try {
      for (let count; (count = await from.read(piece)) !== null;) {
        // The road is taken for as long as the piece needs, from when it was free.
        freeAtMs = Math.max(freeAtMs, performance.now()) + count * 8000 / this.bitsPerSecond;
        const waitMs = freeAtMs - performance.now();
        if (waitMs >= 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
        for (let at = 0; at < count;) at += await to.write(piece.subarray(at, count));
        this.passedBytes += count;
      }
      await to.closeWrite();
    } catch {
      // Cut, or an end that is gone: the other flow sees it, too.
    }
  }
}
