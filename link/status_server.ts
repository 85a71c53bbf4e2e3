/**
 * The status address of a side: figures for programs, and the two requests that an operator may make.
 *
 * ```
 * GET  /status      200, JSON
 * POST /handover    202, or 409 with why not
 * POST /stop        202
 * ```
 */
import type { Address } from "./address.ts";
import { UnavailableError } from "../base/errors.ts";

/** What a side answers with. */
export interface StatusSource {
  /** JSON-serialisable. */
  status(): unknown;
  /** Asks for a handover; returns why not, or undefined. */
  handover(): string | undefined;
  /** Asks for an orderly end. */
  stop(): void;
}

/** A running status server. */
export interface StatusServer extends AsyncDisposable {
  /** Where it listens, with the real port. */
  readonly address: string;
}

/** Serves `source` at `address`. @throws UnavailableError if it can't listen there */
export function serveStatus(address: Address, source: StatusSource): StatusServer {
  let server: Deno.HttpServer<Deno.NetAddr>;
  const closing = new AbortController();
  const options = { ...address, onListen: () => {}, signal: closing.signal };
  try {
    server = Deno.serve(options, (request) => answer(request, source));
  } catch (cause) {
    throw new UnavailableError(
      `can't serve status at ${address.hostname}:${address.port}: ${
        (cause as Error).message
      }; choose another --status address`,
      { cause },
    );
  }
  const { hostname, port } = server.addr;
  return {
    address: `${hostname}:${port}`,
    async [Symbol.asyncDispose]() {
      // Not `shutdown`, which would wait for a client that never finishes its request.
      closing.abort();
      await server.finished;
    },
  };
}

function answer(request: Request, source: StatusSource): Response {
  const { pathname } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /status":
      return Response.json(source.status());
    case "POST /handover": {
      const why = source.handover();
      return why === undefined
        ? new Response("handing over\n", { status: 202 })
        : new Response(`${why}\n`, { status: 409 });
    }
    case "POST /stop":
      source.stop();
      return new Response("stopping\n", { status: 202 });
    default:
      return new Response("there are GET /status, POST /handover and POST /stop\n", {
        status: 404,
      });
  }
}
