/**
 * One etcd member's JSON gateway, over HTTP: one request, one answer, and what to tell people if there is none.
 *
 * A connection for each request. Claims are rare, so one more round trip costs nothing that counts, and a
 * connection that a firewall has forgotten meanwhile, or a server that was started again, can't hold up a
 * takeover. Nothing is held between two requests. `node:http`, because `fetch` would go through a proxy that
 * the environment names: an arbiter is asked directly.
 *
 * Whether a request whose answer is missing was carried out can't be known here; `etcd.ts`, which calls
 * this, finds out.
 */
import { type IncomingMessage, request } from "node:http";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { etcdAnswerBytes, etcdAnswerMs, etcdErrorLength } from "../base/limits.ts";

/** Where an etcd member answers clients. */
export interface EtcdEndpoint {
  /** A name or an address; of version 6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** See the top of the file. */
export class EtcdGateway {
  readonly #closing = new AbortController();

  /**
   * Touches nothing yet.
   * @param name for messages: `arbiter etcd:http://10.0.0.3:2379`
   */
  constructor(readonly endpoint: EtcdEndpoint, readonly name: string) {}

  /**
   * Sends a request and returns the body of its answer, of at most {@link etcdAnswerBytes}.
   * @param method under `/v3/kv/`
   * @throws UnavailableError if there is no answer within {@link etcdAnswerMs}, or it is an error; PeerError
   *   if it is too long
   */
  async post(method: "range" | "txn", message: object): Promise<string> {
    const body = new TextEncoder().encode(JSON.stringify(message));
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(), etcdAnswerMs);
    try {
      const signal = AbortSignal.any([overdue.signal, this.#closing.signal]);
      const response = await this.#send(`/v3/kv/${method}`, body, signal);
      const text = await this.#read(response);
      if (response.statusCode !== 200) throw this.#refusal(response, text);
      return text;
    } catch (cause) {
      if (cause instanceof UnavailableError || cause instanceof PeerError) throw cause;
      if (this.#closing.signal.aborted) throw this.#unavailable("closed");
      if (overdue.signal.aborted) throw this.#unavailable(OVERDUE);
      throw this.#unavailable(connectionFault(cause));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the requests that wait for their answers. */
  close(): void {
    this.#closing.abort();
  }

  /** Resolves when the answer begins. */
  #send(path: string, body: Uint8Array, signal: AbortSignal): Promise<IncomingMessage> {
    const { host, port } = this.endpoint;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = { "content-type": "application/json", "content-length": body.length };
    const sending = request({ host, port, path, method: "POST", agent: false, headers, signal });
    sending.on("response", resolve);
    sending.on("error", reject);
    // The last event of all, and the only one of an answer that is not HTTP's any more (101).
    sending.on("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
    sending.end(body);
    return promise;
  }

  async #read(response: IncomingMessage): Promise<string> {
    const parts: Uint8Array[] = [];
    let length = 0;
    // Leaving the loop early ends the connection.
    for await (const part of response as AsyncIterable<Uint8Array>) {
      length += part.length;
      if (length > etcdAnswerBytes) break;
      parts.push(part);
    }
    const text = new TextDecoder().decode(Buffer.concat(parts));
    if (length <= etcdAnswerBytes || response.statusCode !== 200) return text;
    throw new PeerError(`${this.name}: its answer is longer than ${etcdAnswerBytes} bytes`);
  }

  /** What an answer other than 200 means. */
  #refusal({ statusCode, headers }: IncomingMessage, text: string): UnavailableError {
    const said = headers.location === undefined ? messageOf(text) : `go to ${headers.location}`;
    const what = `HTTP ${statusCode}: ${said}`.slice(0, etcdErrorLength);
    const [, advice] = ADVICE.find(([pattern]) => pattern.test(what))!;
    return this.#unavailable(`${what}; ${advice}`);
  }

  #unavailable(what: string): UnavailableError {
    return new UnavailableError(`${this.name}: ${what}`);
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

/** What to do about an answer, by its status and what it says. The first that fits. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /^HTTP 40[13]|user name is empty|auth token|permission denied/,
    "it wants a password, which is not supported: give one without authentication",
  ],
  [
    /space exceeded/,
    "its storage is full: compact and defragment it, then run etcdctl alarm disarm",
  ],
  [/^HTTP 404/, "this is no etcd of version 3.4 or later, or its --enable-grpc-gateway is off"],
  [/^HTTP 421/, "add the name that you call it by to its --host-whitelist"],
  [/^HTTP 400.*HTTPS/, "it wants TLS, which is not supported: give an address without"],
  [/^HTTP 3/, "give etcd's own address"],
  [/^HTTP 5/, "it has no quorum or is overloaded: run etcdctl endpoint status --cluster"],
  [/^/, "look at its log"],
];

const OVERDUE = `no answer within ${etcdAnswerMs} ms; it is cut off, hangs or has no quorum`;

/** Why no whole answer came, and what to do about it. @throws whatever is not of a connection: a defect */
function connectionFault(cause: unknown): string {
  const { code, message } = cause as { code?: string; message: string };
  if (code === undefined) throw cause;
  if (code.startsWith("HPE_")) {
    return "what answers there does not speak HTTP; if it wants TLS, that is not supported";
  }
  if (code === "ECONNRESET") {
    return "it hung up; look at its log; if it wants TLS, that is not supported";
  }
  return `${message}; ${CONNECTION_ADVICE[code] ?? "look at the network and at its log"}`;
}

const CONNECTION_ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "start etcd there, or give its client address",
  ENOTFOUND: "give a name or an address that this host knows",
  ENETUNREACH: "look at this host's network",
  EHOSTUNREACH: "look at the network between this host and it",
};
