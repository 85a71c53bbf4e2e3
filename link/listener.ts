/**
 * Listening sockets, with errors that say what to do.
 *
 * `door.ts` makes connections of what they accept.
 */
import { UnavailableError } from "../base/errors.ts";
import { type Address, formatAddress } from "./address.ts";

/** A listening socket. @throws UnavailableError if the address can't be had */
export function openListener(address: Address): Deno.TcpListener {
  try {
    return Deno.listen({ ...address });
  } catch (cause) {
    const { message } = cause as Error;
    const advice = "give an address of this host, and a port that is free";
    throw new UnavailableError(`listen on ${formatAddress(address)}: ${message}; ${advice}`, {
      cause,
    });
  }
}

/** The next connection; undefined once the listener is closed. */
export async function acceptFrom(listener: Deno.TcpListener): Promise<Deno.TcpConn | undefined> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (cause) {
      if (cause instanceof Deno.errors.BadResource) return undefined;
      // A peer that gave up while it waited in the queue is no fault of the listener.
      if (!(cause instanceof Deno.errors.ConnectionAborted)) throw cause;
    }
  }
}

/** Closes a listener, once or more. */
export function closeListener(listener: Deno.TcpListener): void {
  try {
    listener.close();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.BadResource)) throw cause;
  }
}
