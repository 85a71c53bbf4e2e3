/**
 * Connections that this side makes: TCP, and within it TLS where there are keys, all in one time limit.
 *
 * `tcp.ts` makes links of them.
 */
import { UnavailableError, UnderstudyError } from "../base/errors.ts";
import { connectTimeoutMs } from "../base/limits.ts";
import { type Address, formatAddress } from "./address.ts";
import type { ByteStream } from "./byte_stream.ts";
import { Security } from "./security.ts";
import { type SetTimer, wallTimer } from "./timer.ts";
import { shakeHands } from "./tls.ts";
import { TlsStream } from "./tls_stream.ts";

/** What can be set for a connection that this side makes. */
export interface ConnectOptions {
  /** How it is protected. Default: not at all, and to loopback addresses only. */
  readonly security?: Security;
  /** How long it may take. */
  readonly timeoutMs?: number;
  /** Gives it up before. */
  readonly signal?: AbortSignal;
  /** Time. */
  readonly setTimer?: SetTimer;
}

/**
 * Connects.
 * @throws UnavailableError if there is no connection in time, or it is refused; PeerError if the other end is not
 *   of the pair; UsageError if the connection would be open to others, unasked
 */
export async function connectStream(
  address: Address,
  options: ConnectOptions = {},
): Promise<ByteStream> {
  const security = options.security ?? Security.loopback;
  security.permit(address);
  const { keys } = security;
  return await inTime(address, options, async (signal) => {
    const connection = await Deno.connect({ ...address, signal });
    if (keys !== undefined) {
      return new TlsStream(await shakeHands(connection, keys, "client", signal));
    }
    connection.setNoDelay(true);
    return connection;
  });
}

async function inTime(
  address: Address,
  options: ConnectOptions,
  connect: (signal: AbortSignal) => Promise<ByteStream>,
): Promise<ByteStream> {
  const abort = new AbortController();
  const giveUp = () => abort.abort();
  const timeoutMs = options.timeoutMs ?? connectTimeoutMs;
  const cancel = (options.setTimer ?? wallTimer)(timeoutMs, giveUp);
  options.signal?.addEventListener("abort", giveUp);
  try {
    options.signal?.throwIfAborted();
    return await connect(abort.signal);
  } catch (cause) {
    // What a handshake came to is said as it is; it names the address.
    if (cause instanceof UnderstudyError) throw cause;
    const why = options.signal?.aborted
      ? "given up"
      : abort.signal.aborted
      ? `no answer for ${timeoutMs} ms`
      : (cause as Error).message;
    throw new UnavailableError(`no connection to ${formatAddress(address)}: ${why}`, { cause });
  } finally {
    cancel();
    options.signal?.removeEventListener("abort", giveUp);
  }
}
