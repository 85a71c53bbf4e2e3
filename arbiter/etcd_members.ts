/**
 * The endpoints of one etcd, as one that answers: whoever is asked, the answer is the cluster's.
 *
 * They are asked in turn, from the one that answered last. One that refuses the connection or gives an error
 * costs no time; one that hangs costs its share of the answer's limit, and then the next one is asked as well,
 * while the first may still answer: where all are slow, none is cut short. So one request can reach several
 * members, and can be carried out twice; those of `etcd.ts` do no harm then.
 *
 * ```
 *   0            share         2 shares                limit
 *   first ───────┼─ hangs ───────┼──────────────────────✗
 *                second ── error ▶ third ── answer ▶
 * ```
 *
 * `etcd.ts` calls this.
 */
import { PeerError, UnavailableError } from "../base/errors.ts";
import { etcdAnswerMs } from "../base/arbiter_limits.ts";
import { OVERDUE } from "./etcd_faults.ts";
import { EtcdTlsFiles } from "./etcd_files.ts";
import { EtcdGateway, type EtcdMethod } from "./etcd_gateway.ts";
import { clusterOf } from "./etcd_messages.ts";
import type { EtcdEndpoint, EtcdSpec } from "./etcd_spec.ts";

/** See the top of the file. */
export class EtcdMembers {
  readonly #gateways: readonly EtcdGateway[];
  readonly #closing = new AbortController();
  /** Which one is asked first. */
  #first = 0;
  #cluster: string | undefined;

  /**
   * Reads the files of TLS; touches nothing else yet.
   * @param name for messages: `arbiter etcd:http://10.0.0.3:2379`
   * @throws what {@link EtcdTlsFiles} throws
   */
  constructor({ endpoints, tls, user }: EtcdSpec, readonly name: string) {
    const access = { tls: tls === undefined ? undefined : new EtcdTlsFiles(tls), user };
    this.#gateways = endpoints.map((endpoint) => new EtcdGateway(endpoint, access));
  }

  /**
   * Sends a request, and returns what the first good answer says.
   * @param parse throws PeerError for an answer that is none of etcd's: then the others are asked
   * @throws UnavailableError if no endpoint gives one within {@link etcdAnswerMs}; PeerError if all of them do,
   *   and none is good
   */
  async ask<T>(method: EtcdMethod, message: object, parse: (answer: string) => T): Promise<T> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new UnavailableError(OVERDUE)), etcdAnswerMs);
    const signal = AbortSignal.any([limit.signal, this.#closing.signal]);
    const count = this.#gateways.length;
    const order = this.#gateways.map((_, i) => (this.#first + i) % count);
    let turn: Promise<void> = Promise.resolve();
    const attempts = order.map((index) => {
      const attempt = turn.then(async () => {
        signal.throwIfAborted();
        const answer = await this.#gateways[index]!.post(method, message, signal);
        const said = parse(answer);
        this.#requireSameCluster(clusterOf(answer));
        this.#first = index;
        return said;
      });
      turn = turn.then(() => failedOrAfter(attempt, etcdAnswerMs / count, signal));
      return attempt;
    });
    try {
      return await Promise.any(attempts);
    } catch (error) {
      throw this.#failure((error as AggregateError).errors, order);
    } finally {
      clearTimeout(timer);
      limit.abort();
      await turn;
    }
  }

  /** Ends the requests that wait for their answers. */
  close(): void {
    this.#closing.abort(new UnavailableError("closed"));
  }

  #requireSameCluster(cluster: string): void {
    this.#cluster ??= cluster;
    if (cluster === this.#cluster) return;
    throw new PeerError(
      `it is of cluster ${cluster}, but what answered before is of ${this.#cluster}: ` +
        "give the endpoints of one cluster",
    );
  }

  /** What to throw if none has answered. @param errors of each, in the order in which they were asked */
  #failure(errors: readonly Error[], order: readonly number[]): Error {
    const defect = errors.find((error) => !isOfEtcd(error));
    if (defect !== undefined) return defect;
    const whys = errors.map(({ message }, i) => {
      const { endpoint } = this.#gateways[order[i]!]!;
      return errors.length === 1 ? message : `${format(endpoint)}: ${message}`;
    });
    const kind = errors.every((error) => error instanceof PeerError) ? PeerError : UnavailableError;
    return new kind(`${this.name}: ${whys.join("; ")}`);
  }
}

/** Whether an error is of an etcd, or the way to it, and not a defect of this side. */
export function isOfEtcd(error: unknown): error is UnavailableError | PeerError {
  return error instanceof UnavailableError || error instanceof PeerError;
}

/** Resolves when it has failed, or so long after now, or when nobody waits any more. Never rejects. */
async function failedOrAfter(
  attempt: Promise<unknown>,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  attempt.catch(() => resolve());
  await promise;
  clearTimeout(timer);
}

function format({ host, port }: EtcdEndpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
