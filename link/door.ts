/**
 * Where connections come in: in the clear, or through a TLS handshake.
 *
 * Who has reached a TLS port and not yet shown a certificate is a stranger: he learns nothing, changes nothing, and
 * what he can take up is bounded in number, bytes and time. When there are too many, the one who goes is
 * the oldest of the address that has the most: an honest handshake takes milliseconds and is not among the
 * oldest, and a flood from one address drives out nobody but itself. Nothing is made for a stranger, no TLS
 * either, before his first byte.
 *
 * `tcp.ts` makes links of what comes in, sinks/ raw consoles, `status_server.ts` answers requests.
 */
import { PeerError } from "../base/errors.ts";
import { handshakeMs, refusalNoticeMs, strangerCount } from "../base/limits.ts";
import { type Address, formatAddress } from "./address.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { Keys } from "./keys.ts";
import { acceptFrom, closeListener, openListener } from "./listener.ts";
import { Security } from "./security.ts";
import { type SetTimer, wallTimer } from "./timer.ts";
import { type Secured, shakeHands } from "./tls.ts";
import { TlsStream } from "./tls_stream.ts";

/** What can be set for a door. */
export interface DoorOptions {
  /** How what comes in is protected. Default: not at all, and it listens on loopback addresses only. */
  readonly security?: Security;
  /** Told, in a line and not too often, who was turned away. */
  readonly notice?: (text: string) => void;
  /** Time, for handshakes. */
  readonly setTimer?: SetTimer;
}

/** What connections come in by. */
export interface Door<T> {
  /** Where it listens, `HOST:PORT`, with the real port. */
  readonly address: string;
  /** The next connection; undefined once closed. One call at a time. */
  accept(): Promise<T | undefined>;
  /** Stops listening; connections that were accepted live on. */
  close(): void;
}

/** Listens for streams. @throws UnavailableError if the address can't be had, UsageError if it would be open
 * to all, unasked */
export function openDoor(address: Address, options: DoorOptions = {}): Door<ByteStream> {
  const security = options.security ?? Security.loopback;
  security.permit(address);
  if (security.keys !== undefined) {
    const door = new TlsDoor(address, security.keys, options);
    return {
      address: door.address,
      close: () => door.close(),
      async accept() {
        const secured = await door.accept();
        return secured && new TlsStream(secured);
      },
    };
  }
  const listener = openListener(address);
  return {
    address: formatAddress(listener.addr),
    close: () => closeListener(listener),
    async accept() {
      const connection = await acceptFrom(listener);
      connection?.setNoDelay(true);
      return connection;
    },
  };
}

/** A connection whose handshake is not over. */
interface Stranger {
  readonly hostname: string;
  leave(why: Error): void;
}

/** See the top of the file. */
export class TlsDoor implements Door<Secured>, Disposable {
  readonly address: string;
  readonly #keys: Keys;
  readonly #listener: Deno.TcpListener;
  readonly #notice: (text: string) => void;
  readonly #setTimer: SetTimer;
  /** In the order of their coming. */
  readonly #strangers = new Set<Stranger>();
  readonly #ready: Secured[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;
  #failure: Error | undefined;
  /** Turned away since people were told last; undefined: they may be told at once. */
  #untold: number | undefined;
  #cancelQuiet: (() => void) | undefined;

  /** Listens from now on. @throws UnavailableError if the address can't be had */
  constructor(address: Address, keys: Keys, options: DoorOptions = {}) {
    this.#keys = keys;
    this.#notice = options.notice ?? (() => {});
    this.#setTimer = options.setTimer ?? wallTimer;
    this.#listener = openListener(address);
    this.address = formatAddress(this.#listener.addr);
    void this.#run();
  }

  /** How many connections have not finished their handshake: at most {@link strangerCount}. */
  get strangers(): number {
    return this.#strangers.size;
  }

  /** The next connection whose other end has shown a certificate of the pair; undefined once closed. */
  async accept(): Promise<Secured | undefined> {
    for (;;) {
      if (this.#isClosed) return undefined;
      const secured = this.#ready.shift();
      if (secured !== undefined) return secured;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** As {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Stops listening, and turns everybody away who has not been accepted. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeListener(this.#listener);
    this.#cancelQuiet?.();
    for (const stranger of this.#strangers) stranger.leave(new Error("this side is closing"));
    for (const { wire } of this.#ready.splice(0)) wire.destroy();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    try {
      for (let connection; (connection = await acceptFrom(this.#listener)) !== undefined;) {
        void this.#meet(connection);
      }
    } catch (error) {
      this.#failure = error as Error;
      this.#wake?.();
    }
  }

  async #meet(connection: Deno.TcpConn): Promise<void> {
    const { hostname } = connection.remoteAddr;
    const leaving = new AbortController();
    const stranger = { hostname, leave: (why: Error) => leaving.abort(why) };
    this.#strangers.add(stranger);
    if (this.#strangers.size > strangerCount) this.#turnAwayOne();
    const cancel = this.#setTimer(handshakeMs, () => {
      stranger.leave(new PeerError(`${hostname}: no handshake within ${handshakeMs} ms`));
    });
    try {
      const secured = await shakeHands(connection, this.#keys, "server", leaving.signal);
      if (this.#isClosed) secured.wire.destroy();
      else this.#ready.push(secured);
      this.#wake?.();
    } catch (error) {
      this.#tell((error as Error).message);
    } finally {
      cancel();
      this.#strangers.delete(stranger);
    }
  }

  #turnAwayOne(): void {
    const count = new Map<string, number>();
    for (const { hostname } of this.#strangers) count.set(hostname, (count.get(hostname) ?? 0) + 1);
    const most = Math.max(...count.values());
    const victim = this.#strangers.values().find(({ hostname }) => count.get(hostname) === most)!;
    this.#strangers.delete(victim);
    victim.leave(
      new PeerError(`${victim.hostname}: more than ${strangerCount} connections at once`),
    );
  }

  /** Says who was turned away, and then nothing for a while but how many there were. */
  #tell(why: string): void {
    if (this.#isClosed) return;
    if (this.#untold !== undefined) {
      this.#untold++;
      return;
    }
    this.#notice(`connection turned away: ${why}`);
    this.#untold = 0;
    this.#cancelQuiet = this.#setTimer(refusalNoticeMs, () => {
      const untold = this.#untold ?? 0;
      this.#untold = undefined;
      if (untold > 0) this.#tell(`${untold} more within ${refusalNoticeMs / 1000} s`);
    });
  }
}
