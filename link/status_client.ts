/**
 * Asks a side something at its status address, as `status_server.ts` serves it: HTTP, or HTTPS with keys.
 *
 * The commands `handover`, `set` and `stop` ask, and tests do.
 */
import { request } from "node:https";
import { UnavailableError, UnderstudyError } from "../base/errors.ts";
import { statusAnswerMs } from "../base/limits.ts";
import { type Address, formatAddress } from "./address.ts";
import { type Keys, pairName } from "./keys.ts";
import { Security } from "./security.ts";
import { wallTimer } from "./timer.ts";
import { credentials, explainHandshake } from "./tls.ts";

/** What a side answers. */
export interface StatusAnswer {
  readonly ok: boolean;
  readonly text: string;
}

/**
 * Asks.
 * @param what method and path, such as `GET /status`
 * @throws UnavailableError if nobody answers, PeerError and UsageError as connections do
 */
export async function askStatus(
  address: Address,
  what: `${"GET" | "POST"} /${string}`,
  security: Security = Security.loopback,
): Promise<StatusAnswer> {
  security.permit(address);
  const [method, path] = what.split(" ") as [string, string];
  const { keys } = security;
  const where = formatAddress(address);
  try {
    if (keys !== undefined) return await askSecured(address, keys, method, path);
    const signal = AbortSignal.timeout(statusAnswerMs);
    const response = await fetch(`http://${where}${path}`, { method, signal });
    return { ok: response.ok, text: await response.text() };
  } catch (cause) {
    if (cause instanceof UnderstudyError && !(cause instanceof UnavailableError)) throw cause;
    const why = cause instanceof UnavailableError ? ` (${cause.message})` : "";
    const message = `no side answers at ${where}: is this its --status address?${why}`;
    throw new UnavailableError(message, { cause });
  }
}

async function askSecured(
  address: Address,
  keys: Keys,
  method: string,
  path: string,
): Promise<StatusAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<StatusAnswer>();
  const { hostname: host, port } = address;
  const connection = { host, port, servername: pairName, agent: false } as const;
  const asking = request({ method, path, ...connection, ...credentials(keys) });
  const cancel = wallTimer(statusAnswerMs, () => {
    asking.destroy(new Error(`no answer for ${statusAnswerMs} ms`));
  });
  asking.on("error", (cause) => reject(explainHandshake(formatAddress(address), cause)));
  asking.on("response", (response) => {
    const ok = (response.statusCode ?? 500) < 300;
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => text += part);
    response.on("error", reject);
    response.on("end", () => resolve({ ok, text }));
  });
  asking.end();
  try {
    return await promise;
  } finally {
    cancel();
    asking.destroy();
  }
}
