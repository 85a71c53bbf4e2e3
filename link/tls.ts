/**
 * The handshake: TLS 1.3, certificates of the pair's authority on both ends, and nothing else.
 *
 * node:tls and not Deno's own, which asks no client for a certificate and accepts TLS 1.2. No byte of the user goes
 * out before the other end's certificate has been verified: its authority, its validity, its purpose, and
 * the name that all certificates of a pair carry, on both ends alike. (A client of TLS 1.3 is done before its own
 * certificate has been looked at: what it sends then reaches nobody if it is not accepted.)
 *
 * `door.ts` accepts with it, `connect.ts` connects; `status_client.ts` has node:https do the same.
 */
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
} from "node:tls";
import { PeerError, UnavailableError, UnderstudyError } from "../base/errors.ts";
import { connectionLeftoverBytes, handshakeLeftoverBytes } from "../base/limits.ts";
import { formatAddress } from "./address.ts";
import { type Keys, pairName } from "./keys.ts";
import { leaveBehind } from "./leftovers.ts";
import { TlsWire } from "./tls_wire.ts";

/** A connection after its handshake. */
export interface Secured {
  /** What is said in it. The receiver listens to its `error` events. */
  readonly socket: TLSSocket;
  /** What is seen from outside. Destroying it ends the connection at once. It is held: the receiver releases it. */
  readonly wire: TlsWire;
  /** Who came, or was come to. */
  readonly role: Role;
}

/** Which end this is. */
export type Role = "client" | "server";

/**
 * Shakes hands over a fresh connection, which is taken over: it is closed where this fails.
 * @param signal gives up; its reason is thrown
 * @throws UnavailableError if the other end is gone, or refuses; PeerError if it has no certificate that counts
 */
export async function shakeHands(
  connection: Deno.TcpConn,
  keys: Keys,
  role: Role,
  signal: AbortSignal,
): Promise<Secured> {
  const wire = new TlsWire(connection);
  const peer = formatAddress(wire.remoteAddr);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const giveUp = () => failed.reject(signal.reason);
  const hangUp = () => failed.reject(new Error("socket hang up"));
  let isBegun = false;
  signal.addEventListener("abort", giveUp);
  wire.once("error", failed.reject).once("end", hangUp).once("close", hangUp);
  try {
    signal.throwIfAborted();
    // The client speaks first. Nothing is made for one that does not.
    if (role === "server") await Promise.race([wire.spokenTo(), failed.promise]);
    isBegun = true;
    const shaking = role === "client" ? connected(wire, keys) : accepted(wire, keys);
    const socket = await Promise.race([shaking, failed.promise]);
    checkPeer(socket);
    wire.open();
    wire.hold();
    return { socket, wire, role };
  } catch (cause) {
    wire.destroy();
    leaveBehind(isBegun ? handshakeLeftoverBytes : connectionLeftoverBytes);
    // What was given up is told by who gave it up.
    if (cause instanceof UnderstudyError || signal.aborted) throw cause;
    throw explainHandshake(peer, cause as Error & { code?: string });
  } finally {
    signal.removeEventListener("abort", giveUp);
    wire.off("error", failed.reject).off("end", hangUp).off("close", hangUp);
  }
}

/** What node:tls takes keys as, and the only version of TLS that is spoken. */
export function credentials({ certificate, key, authority }: Keys): SecureContextOptions {
  return { cert: certificate, key, ca: authority, minVersion: "TLSv1.3" };
}

function connected(wire: TlsWire, keys: Keys): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({
    secureContext: endsOf(keys).client,
    socket: wire,
    servername: pairName,
  });
  socket.on("error", reject);
  socket.once("close", () => reject(new Error("socket hang up")));
  socket.once("secureConnect", () => resolve(socket));
  return promise;
}

/** A handshake as {@link Ends.server} sees it: the server itself, and who waits for this one. */
type Handshake = Server & {
  readonly succeed: (socket: TLSSocket) => void;
  readonly fail: (error: Error) => void;
};

function accepted(wire: TlsWire, keys: Keys): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  // Inherits all from the server; but the server's events say to their listeners, as `this`, which handshake it was.
  const handshake: Handshake = Object.create(endsOf(keys).server, {
    succeed: { value: resolve },
    fail: { value: reject },
  });
  handshake.emit("connection", wire);
  return promise;
}

/** What node:tls makes of keys, which is a good third of a handshake's cost: made once. */
interface Ends {
  readonly client: SecureContext;
  /** It is node:tls' server that enforces the verdict on a client's certificate, so there is one; it never listens. */
  readonly server: Server;
}

const ends = new WeakMap<Keys, Ends>();

function endsOf(keys: Keys): Ends {
  let made = ends.get(keys);
  if (made === undefined) {
    ends.set(
      keys,
      made = { client: createSecureContext(credentials(keys)), server: serverOf(keys) },
    );
  }
  return made;
}

function serverOf(keys: Keys): Server {
  const server = createServer({
    ...credentials(keys),
    requestCert: true,
    rejectUnauthorized: true,
    // Below zero: none. It would hold on to each handshake that has failed until it is over; the door has its own.
    handshakeTimeout: -1,
  });
  server.on("secureConnection", function (this: Server, socket) {
    socket.on("error", () => {}); // Whoever takes it over listens; until then it must not end the process.
    (this as Handshake).succeed(socket);
  });
  server.on("tlsClientError", function (this: Server, error) {
    (this as Handshake).fail(error);
  });
  return server;
}

/** Looks once more at what the library vouches for, and at the name on a client's certificate, which it does not
 * ask for. */
function checkPeer(socket: TLSSocket): void {
  if (!socket.authorized || socket.getProtocol() !== "TLSv1.3") {
    throw new Error(`${socket.authorizationError ?? socket.getProtocol()}`);
  }
  const wrongName = checkServerIdentity(pairName, socket.getPeerCertificate());
  if (wrongName !== undefined) throw wrongName;
}

/** What a failed handshake means for the user, by what the library says of it. */
const meanings: readonly { says: RegExp; means: string; isPeers?: true }[] = [
  {
    says: /UNABLE_TO_|SELF_SIGNED|CERT_(HAS|NOT)/,
    means: "its certificate is not one that this side's keys vouch for: of another authority, or " +
      "not valid now. Give both hosts keys of one pair, and look at their clocks",
    isPeers: true,
  },
  {
    says: /ALTNAME_INVALID/,
    means: `its certificate is not one of a pair (it lacks the name "${pairName}")`,
    isPeers: true,
  },
  { says: /DID_NOT_RETURN_A_CERTIFICATE/, means: "it shows no certificate", isPeers: true },
  {
    says: /WRONG_VERSION_NUMBER|corrupt message/,
    means: "it does not speak TLS: was it started without --keys?",
    isPeers: true,
  },
  { says: /Tls12NotOffered|PROTOCOL_VERSION/, means: "it does not speak TLS 1.3", isPeers: true },
  { says: /ALERT/, means: "it refuses this side's certificate" },
  {
    says: /hang up|disconnected|Unexpected(End|EOF)/i,
    means:
      "the handshake broke off: it is gone, speaks no TLS, or shows a certificate that is not of " +
      "this pair or not valid now",
  },
];

/** A failed handshake with `peer`, in the user's words. */
export function explainHandshake(peer: string, cause: Error & { code?: string }): Error {
  const said = `${cause.code ?? ""} ${cause.message}`;
  const known = meanings.find(({ says }) => says.test(said));
  const message = `${peer}: ${known?.means ?? `the handshake failed: ${cause.message}`}`;
  const Kind = known?.isPeers ? PeerError : UnavailableError;
  return new Kind(message, { cause });
}
