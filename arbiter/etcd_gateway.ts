/**
 * One etcd member's JSON gateway, over HTTP or HTTPS: one request, one answer, and what to tell people if there
 * is none.
 *
 * A connection for each request. Claims are rare, so some more round trips cost nothing that counts, and a
 * connection that a firewall has forgotten meanwhile, or a server that was started again, can't hold up a
 * takeover. Nothing is held between two requests but a token. `node:http` and `node:https`, because `fetch`
 * would go through a proxy that the environment names: an arbiter is asked directly.
 *
 * Where passwords are on, a name and a password are exchanged for a token (`/v3/auth/authenticate`), which
 * etcd forgets: after its `--auth-token-ttl`, and when it is started again. A request that is refused for its
 * token was not carried out, and is sent once more with a new one.
 *
 * Whether a request whose answer is missing was carried out can't be known here; `etcd.ts` finds out.
 * `etcd_members.ts` calls this.
 */
import { type IncomingMessage, request as requestPlainly } from "node:http";
import { request as requestByTls } from "node:https";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { etcdAnswerBytes } from "../base/arbiter_limits.ts";
import { connectionFault, EtcdRefusal } from "./etcd_faults.ts";
import type { EtcdTlsFiles } from "./etcd_files.ts";
import { parseToken } from "./etcd_messages.ts";
import type { EtcdEndpoint, EtcdUser } from "./etcd_spec.ts";

/** What can be asked of it. */
export type EtcdMethod = "kv/range" | "kv/txn";

/** How it is asked. */
export interface EtcdAccess {
  /** Undefined: without TLS. */
  readonly tls: EtcdTlsFiles | undefined;
  /** Undefined: without a password. */
  readonly user: EtcdUser | undefined;
}

/** See the top of the file. */
export class EtcdGateway {
  /** Empty: it knows of no passwords. Undefined: none yet. */
  #token: string | undefined;

  /** Touches nothing yet. */
  constructor(readonly endpoint: EtcdEndpoint, private readonly access: EtcdAccess) {}

  /**
   * Sends a request and returns the body of its answer, of at most {@link etcdAnswerBytes}.
   * @param signal ends it; its reason is thrown
   * @throws UnavailableError if there is no answer, or it is an error; PeerError if it is too long, or is no
   *   token where one is asked for. Their messages do not name the endpoint.
   */
  async post(method: EtcdMethod, message: object, signal: AbortSignal): Promise<string> {
    if (this.access.user === undefined) return await this.#ask(method, message, signal);
    const token = this.#token ??= await this.#authenticate(this.access.user, signal);
    try {
      return await this.#ask(method, message, signal, token);
    } catch (error) {
      // Without one, any refusal may be for the lack of it: behind TLS etcd takes its own certificate's name then.
      if (!(error instanceof EtcdRefusal && (error.isOfToken || token === ""))) throw error;
    }
    this.#token = await this.#authenticate(this.access.user, signal);
    return await this.#ask(method, message, signal, this.#token);
  }

  async #authenticate(user: EtcdUser, signal: AbortSignal): Promise<string> {
    try {
      return parseToken(await this.#ask("auth/authenticate", user, signal));
    } catch (error) {
      // They may be switched on later, and then it will say so.
      if (error instanceof EtcdRefusal && error.isWithoutPasswords) return "";
      throw error;
    }
  }

  async #ask(method: string, message: object, signal: AbortSignal, token = ""): Promise<string> {
    const body = new TextEncoder().encode(JSON.stringify(message));
    const { tls } = this.access;
    try {
      const response = await this.#send(`/v3/${method}`, body, signal, token);
      const text = await read(response);
      if (response.statusCode === 200) return text;
      throw new EtcdRefusal(response.statusCode!, response.headers.location, text);
    } catch (cause) {
      if (cause instanceof UnavailableError || cause instanceof PeerError) throw cause;
      signal.throwIfAborted();
      throw new UnavailableError(connectionFault(cause, tls !== undefined));
    }
  }

  /** Resolves when the answer begins. */
  #send(
    path: string,
    body: Uint8Array,
    signal: AbortSignal,
    token: string,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = {
      "content-type": "application/json",
      "content-length": body.length,
      ...(token === "" ? {} : { authorization: token }),
    };
    const options = { ...this.endpoint, path, method: "POST", agent: false, headers, signal };
    const { tls } = this.access;
    const sending = tls === undefined
      ? requestPlainly(options)
      : requestByTls({ ...options, ...tls.current() });
    sending.on("response", resolve);
    sending.on("error", reject);
    // The last event of all, and the only one of an answer that is not HTTP's any more (101).
    sending.on("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
    sending.end(body);
    return promise;
  }
}

async function read(response: IncomingMessage): Promise<string> {
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
  throw new PeerError(`its answer is longer than ${etcdAnswerBytes} bytes`);
}
