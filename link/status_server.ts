/**
 * The status address of a side: figures for programs, and the requests that an operator may make.
 *
 * ```
 * GET  /status              200, JSON
 * POST /handover            202, or 409 with why not
 * POST /set?NAME=VALUE&...  200 with what holds now, 400 with what can't be set so, or 409 with why not here
 * POST /stop                202
 * ```
 *
 * With keys it is HTTPS, for who shows a certificate of the pair, one request a connection; the same door keeps it
 * as the logging channel's. `status_client.ts` is the other end.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { statusClientCount, statusRequestBytes, statusRequestMs } from "../base/limits.ts";
import { type Address, formatAddress } from "./address.ts";
import { type DoorOptions, TlsDoor } from "./door.ts";
import type { Keys } from "./keys.ts";
import { Security } from "./security.ts";
import { wallTimer } from "./timer.ts";
import type { Secured } from "./tls.ts";

/** What a side answers with. */
export interface StatusSource {
  /** JSON-serialisable. */
  status(): unknown;
  /** Asks for a handover; returns why not, or undefined. */
  handover(): string | undefined;
  /**
   * Changes settings; returns what holds from now on, in words.
   * @throws UsageError if one of them can't be set so, UnavailableError if this side sets none
   */
  set(changes: ReadonlyMap<string, string>): string;
  /** Asks for an orderly end. */
  stop(): void;
}

/** A running status server. */
export interface StatusServer extends AsyncDisposable {
  /** Where it listens, with the real port. */
  readonly address: string;
  /** Where the figures are, for people. */
  readonly url: string;
}

/** Serves `source` at `address`. @throws UnavailableError if it can't listen there, UsageError if it would be
 * open to all, unasked */
export function serveStatus(
  address: Address,
  source: StatusSource,
  options: DoorOptions = {},
): StatusServer {
  const { keys } = permitted(address, options);
  try {
    return keys === undefined
      ? servePlain(address, source)
      : new SecuredStatus(address, source, keys, options);
  } catch (cause) {
    const where = `can't serve status at ${formatAddress(address)}`;
    const { message } = cause as Error;
    throw new UnavailableError(`${where}: ${message}; choose another --status address`, { cause });
  }
}

function permitted(address: Address, { security = Security.loopback }: DoorOptions): Security {
  security.permit(address);
  return security;
}

function servePlain(address: Address, source: StatusSource): StatusServer {
  const closing = new AbortController();
  const options = { ...address, onListen: () => {}, signal: closing.signal };
  const server = Deno.serve(options, (request) => answer(request, source));
  const served = formatAddress(server.addr);
  return {
    address: served,
    url: `http://${served}/status`,
    async [Symbol.asyncDispose]() {
      // Not `shutdown`, which would wait for a client that never finishes its request.
      closing.abort();
      await server.finished;
    },
  };
}

/** HTTPS, within connections that a door lets in. */
class SecuredStatus implements StatusServer {
  readonly address: string;
  readonly url: string;
  readonly #door: TlsDoor;
  readonly #clients = new Set<Secured>();
  readonly #server;
  readonly #serving: Promise<void>;

  constructor(address: Address, source: StatusSource, keys: Keys, options: DoorOptions) {
    this.#door = new TlsDoor(address, keys, options);
    this.address = this.#door.address;
    this.url = `https://${this.address}/status`;
    // It never listens: connections are given to it.
    this.#server = createServer((request, response) => void respond(request, response, source));
    this.#serving = this.#serve().catch((cause: Error) =>
      options.notice?.(`status is served no more: ${cause.message}`)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#door.close();
    for (const { wire } of this.#clients) wire.destroy();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    for (let secured; (secured = await this.#door.accept()) !== undefined;) {
      if (this.#clients.size < statusClientCount) this.#attend(secured);
      else secured.wire.destroy();
    }
  }

  #attend(secured: Secured): void {
    const { socket, wire } = secured;
    this.#clients.add(secured);
    const cancel = wallTimer(statusRequestMs, () => wire.destroy());
    wire.once("close", () => {
      cancel();
      this.#clients.delete(secured);
    });
    wire.limitBytes = statusRequestBytes;
    this.#server.emit("connection", socket);
    wire.release();
  }
}

/** Answers a request of node:http, and ends its connection. */
async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  source: StatusSource,
): Promise<void> {
  const url = new URL(request.url ?? "/", "https://understudy");
  const answered = answer(new Request(url, { method: request.method ?? "GET" }), source);
  const type = answered.headers.get("content-type") ?? "text/plain";
  response.writeHead(answered.status, { "content-type": type, "connection": "close" });
  response.end(await answered.text());
}

function answer(request: Request, source: StatusSource): Response {
  const { pathname, searchParams } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /status":
      return Response.json(source.status());
    case "POST /handover": {
      const why = source.handover();
      return why === undefined
        ? new Response("handing over\n", { status: 202 })
        : new Response(`${why}\n`, { status: 409 });
    }
    case "POST /set":
      return set(new Map(searchParams), source);
    case "POST /stop":
      source.stop();
      return new Response("stopping\n", { status: 202 });
    default:
      return new Response("there are GET /status and POST /handover, /set and /stop\n", {
        status: 404,
      });
  }
}

function set(changes: ReadonlyMap<string, string>, source: StatusSource): Response {
  try {
    return new Response(`${source.set(changes)}\n`);
  } catch (error) {
    const status = error instanceof UsageError ? 400 : error instanceof UnavailableError ? 409 : 0;
    if (status === 0) throw error;
    return new Response(`${(error as Error).message}\n`, { status });
  }
}
