/**
 * What to tell people when an etcd gives no answer, or none that can be used: what happened, and what to do.
 *
 * Called by `etcd_gateway.ts`.
 */
import { UnavailableError } from "../base/errors.ts";
import { etcdAnswerMs, etcdErrorLength } from "../base/arbiter_limits.ts";

/** No whole answer came in time. */
export const OVERDUE = `no answer within ${etcdAnswerMs} ms; it is cut off, hangs or has no quorum`;

/** An answer other than 200. */
export class EtcdRefusal extends UnavailableError {
  /** The token that came with the request, or the lack of one, is why: another one may be had. */
  readonly isOfToken: boolean;
  /** It knows of no passwords. */
  readonly isWithoutPasswords: boolean;

  /**
   * @param status of HTTP
   * @param location where it redirects to, if it does
   * @param text the body
   */
  constructor(status: number, location: string | undefined, text: string) {
    const said = location === undefined ? messageOf(text) : `go to ${location}`;
    const what = `HTTP ${status}: ${said}`.slice(0, etcdErrorLength);
    const [, advice] = ADVICE.find(([pattern]) => pattern.test(what))!;
    super(`${what}; ${advice}`);
    this.isOfToken = TOKEN.test(what);
    this.isWithoutPasswords = /authentication is not enabled/.test(what);
  }
}

/** What etcd says of an error in its JSON, or the first line of what something else says. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text);
    if (typeof message === "string") return message;
  } catch {
    // Not of etcd's gateway.
  }
  return text.trim().replace(/[^\x20-\x7e][^]*/, "");
}

/** That of etcd's errors which a new token helps against: it ran out, the server was started again and has
 * forgotten it, passwords or roles were changed, or passwords were switched on. */
const TOKEN = /^HTTP 401|invalid auth token|revision of auth store is old|user name is empty/;

/** What to do about an answer, by its status and what it says. The first that fits. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /CommonName of client/,
    "where it wants a password too, its clients' certificates must have no common name (CN)",
  ],
  [/invalid user ID or password/, "give its user=NAME the right password"],
  [
    /permission denied|^HTTP 403/,
    "give ?user=NAME, and that user a role with readwrite on the prefix (etcdctl role " +
    "grant-permission --prefix=true)",
  ],
  [TOKEN, "it wants a password: give ?user=NAME, and the password as docs/ARBITER.md says"],
  [
    /space exceeded/,
    "its storage is full: compact and defragment it, then run etcdctl alarm disarm",
  ],
  [/^HTTP 404/, "this is no etcd of version 3.4 or later, or its --enable-grpc-gateway is off"],
  [/^HTTP 421/, "add the name that you call it by to its --host-whitelist"],
  [/^HTTP 400.*HTTPS/, "it wants TLS: give its address with https://"],
  [/^HTTP 3/, "give etcd's own address"],
  [
    /^HTTP 503: connection error/,
    "its JSON gateway can't reach its own server: the server's certificate has to be for clients too " +
    "(extendedKeyUsage serverAuth and clientAuth)",
  ],
  [/^HTTP 5/, "it has no quorum or is overloaded: run etcdctl endpoint status --cluster"],
  [/^/, "look at its log"],
];

/**
 * Why no whole answer came, and what to do about it.
 * @param isTls it was asked with TLS
 * @throws whatever is not of a connection: a defect
 */
export function connectionFault(cause: unknown, isTls: boolean): string {
  const { code, message } = cause as { code?: string; message: string };
  if (code === undefined) throw cause;
  const [, tell] = CONNECTION.find(([pattern]) => pattern.test(code))!;
  return tell(message.replace(/[^\x20-\x7e][^]*/, "").slice(0, etcdErrorLength), isTls);
}

type Tell = (message: string, isTls: boolean) => string;

const advise = (advice: string): Tell => (message) => `${message}; ${advice}`;

/** What to tell of an error, by its code. The first that fits. */
const CONNECTION: readonly (readonly [RegExp, Tell])[] = [
  [
    /^HPE_/,
    (_, isTls) =>
      `what answers there does not speak HTTP${isTls ? "" : "; if it wants TLS, give https://"}`,
  ],
  [
    /^ECONNRESET$/,
    (_, isTls) =>
      "it hung up; look at its log; " +
      (isTls ? "does it want a certificate (cert=, key=)?" : "if it wants TLS, give https://"),
  ],
  [/^ECONNREFUSED$/, advise("start etcd there, or give its client address")],
  [/^ENOTFOUND$/, advise("give a name or an address that this host knows")],
  [/^ENETUNREACH$/, advise("look at this host's network")],
  [/^EHOSTUNREACH$/, advise("look at the network between this host and it")],
  [/^ERR_SSL_WRONG_VERSION_NUMBER$/, () => "what answers there does not speak TLS; is it http://?"],
  [
    /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_UNTRUSTED)/,
    advise("its certificate is not of an authority that is trusted here: give cacert=FILE"),
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    advise("call it by a name or an address that its certificate has (subjectAltName)"),
  ],
  [/^CERT_/, advise("give etcd a certificate that is valid now, and look at both hosts' clocks")],
  [
    /^ERR_SSL_.*(ALERT|CERTIFICATE)/,
    advise("it does not take this side's certificate: give cert= and key= that it trusts"),
  ],
  [/^/, advise("look at the network and at its log")],
];
