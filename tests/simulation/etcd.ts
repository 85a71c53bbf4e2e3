/**
 * The arbiter as an etcd: what the production EtcdArbiter talks to here, in etcd's own JSON. One member that
 * never forgets: what a road does to requests and answers is trouble enough.
 */
import { UnavailableError } from "../../base/errors.ts";
import { etcdAnswerMs } from "../../base/arbiter_limits.ts";
import type { Members } from "../../arbiter/etcd.ts";
import type { EtcdMethod } from "../../arbiter/etcd_gateway.ts";
import type { Random } from "../support/random.ts";
import type { SimProcess } from "./process.ts";
import { type Registers, Traveller } from "./roads.ts";

interface Range {
  readonly key: string;
  readonly range_end?: string;
}

interface Transaction {
  readonly compare: readonly { readonly key: string; readonly result: "EQUAL" | "GREATER" }[];
  readonly success: readonly { readonly request_put: { key: string; value: string } }[];
  readonly failure: readonly { readonly request_range: Range }[];
}

const HEADER = { cluster_id: "1", revision: "1" };

/** The keys and their values, both in base64 as they come. */
export class SimEtcd {
  readonly #values = new Map<string, string>();

  constructor(private readonly registers: Registers) {}

  /** Answers a request, as etcd's JSON gateway does. */
  answer(method: EtcdMethod, message: object): string {
    if (method === "kv/range") {
      return JSON.stringify({ header: HEADER, ...this.#range(message as Range) });
    }
    const { compare, success, failure } = message as Transaction;
    const succeeded = compare.every(({ key, result }) =>
      this.#values.has(key) === (result === "GREATER")
    );
    if (!succeeded) {
      const responses = failure.map(({ request_range }) => ({
        response_range: this.#range(request_range),
      }));
      return JSON.stringify({ header: HEADER, responses });
    }
    for (const { request_put: { key, value } } of success) {
      this.#values.set(key, value);
      this.registers.note(atob(value));
    }
    return JSON.stringify({ header: HEADER, succeeded, responses: [{ response_put: {} }] });
  }

  /** A key, or the last one before an end: generations have keys of one length, so text order will do. */
  #range({ key, range_end }: Range): { kvs?: { key: string; value: string }[] } {
    const keys = range_end === undefined
      ? [key]
      : [...this.#values.keys()].sort((one, other) => atob(one) < atob(other) ? 1 : -1);
    const found = keys[0];
    const value = found && this.#values.get(found);
    return found === undefined || value === undefined ? {} : { kvs: [{ key: found, value }] };
  }
}

/** The road there, as a process's production code goes it. */
export class SimMembers implements Members {
  readonly #traveller: Traveller;
  readonly #etcd: SimEtcd;

  constructor(process: SimProcess, random: Random) {
    this.#etcd = process.world.etcd;
    const failure = () => new UnavailableError("no answer (simulated)");
    this.#traveller = new Traveller(process, random, { failure, patienceMs: etcdAnswerMs });
  }

  async ask<T>(method: EtcdMethod, message: object, parse: (answer: string) => T): Promise<T> {
    return parse(await this.#traveller.operate(() => this.#etcd.answer(method, message)));
  }

  close(): void {}
}
