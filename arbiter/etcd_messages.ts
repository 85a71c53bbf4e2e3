/**
 * What is said to etcd's JSON gateway and what it answers: the shapes of etcd 3.4's `/v3/kv/range`,
 * `/v3/kv/txn` and `/v3/auth/authenticate`, as far as an arbiter needs them.
 *
 *     /v3/kv/range  {key, range_end?, limit?, sort_order?, sort_target?}
 *                   {header, kvs?: [{key, value, ...}]}
 *     /v3/kv/txn    {compare: [{key, target, result, create_revision}], success: [{request_put: {key, value}}],
 *                    failure: [{request_range: {key}}]}
 *                   {header, succeeded?, responses: [{response_put} or {response_range: {kvs?}}]}
 *     /v3/auth/authenticate  {name, password}
 *                   {header, token}
 *
 * Keys and values are base64, 64-bit integers are decimal strings, and what is false, zero or empty is left
 * out: an answer without `kvs` says that there is no such key. So that no other server's `{}` passes for
 * that, the header is looked at too. (gRPC gateway's mapping of etcd's api/etcdserverpb/rpc.proto.) What is
 * wrong with an answer is told without who gave it: the caller knows.
 *
 * Pure. Called by `etcd.ts`; `etcd_gateway.ts` carries the texts.
 */
import { PeerError } from "../base/errors.ts";

/** A key and its value, as text. */
export interface Entry {
  readonly key: string;
  readonly value: string;
}

/** What a transaction came to: it was carried out, or these keys' entries spoke against it. */
export type TxnAnswer =
  | { readonly succeeded: true }
  | { readonly succeeded: false; readonly found: readonly (Entry | undefined)[] };

/** Asks for one key. Linearizable, as is whatever does not ask to be serializable. */
export function readRequest(key: string): object {
  return { key: base64(key) };
}

/** Asks for the last key, in the order of bytes, from `first` on and before `end`. */
export function lastRequest(first: string, end: string): object {
  const order = { limit: "1", sort_order: "DESCEND", sort_target: "KEY" };
  return { key: base64(first), range_end: base64(end), ...order };
}

/**
 * Asks to create a key if it does not exist and those of `needed` do; if not, asks for `entry.key` and for
 * those of `needed`, in this order. All in one transaction.
 */
export function createRequest(entry: Entry, needed: readonly string[]): object {
  const compare = (key: string, result: "EQUAL" | "GREATER") => {
    return { key: base64(key), target: "CREATE", result, create_revision: "0" };
  };
  const range = (key: string) => ({ request_range: readRequest(key) });
  return {
    compare: [compare(entry.key, "EQUAL"), ...needed.map((key) => compare(key, "GREATER"))],
    success: [{ request_put: { key: base64(entry.key), value: base64(entry.value) } }],
    failure: [entry.key, ...needed].map(range),
  };
}

/**
 * The entry in an answer to {@link readRequest} or {@link lastRequest}; undefined if there is none.
 * @param text the answer's body
 * @throws PeerError if this is no such answer
 */
export function parseRange(text: string): Entry | undefined {
  return reading(() => entryOf(parseAnswer(text)));
}

/**
 * The answer to {@link createRequest}.
 * @param keys how many keys are told of if it was not carried out
 * @throws PeerError as {@link parseRange}
 */
export function parseTxn(text: string, keys: number): TxnAnswer {
  return reading(() => {
    const answer = parseAnswer(text);
    const { succeeded = false } = answer;
    if (typeof succeeded !== "boolean") throw fault("succeeded", succeeded);
    const responses = listOf(answer, "responses");
    const count = succeeded ? 1 : keys;
    if (responses.length !== count) throw fault(`expected ${count} responses`, responses.length);
    const name = succeeded ? "response_put" : "response_range";
    const parts = responses.map((response) => objectOf(objectOf({ response }, "response"), name));
    return succeeded ? { succeeded } : { succeeded, found: parts.map(entryOf) };
  });
}

/** The token in an answer to a name and a password. @throws PeerError as {@link parseRange} */
export function parseToken(text: string): string {
  return reading(() => {
    const { token } = parseAnswer(text);
    if (typeof token === "string" && tokenPattern.test(token)) return token;
    // A token is not for a log.
    throw new Malformed("its token is not a short text of one line");
  });
}

/** Which cluster answers. @throws PeerError as {@link parseRange} */
export function clusterOf(text: string): string {
  return reading(() => objectOf(parseAnswer(text), "header").cluster_id as string);
}

/** It goes into a header. */
const tokenPattern = /^[\x21-\x7e]{1,4096}$/;

/** A part of an answer that is not as it should be. */
class Malformed extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    const advice = "what answers there is not etcd, or not of a version that is known";
    throw new PeerError(`its answer is malformed: ${cause.message}; ${advice}`);
  }
}

function parseAnswer(text: string): Fields {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Malformed("not JSON");
  }
  const fields = objectOf({ answer }, "answer");
  const header = objectOf(fields, "header");
  for (const name of ["cluster_id", "revision"]) {
    const value = header[name];
    if (typeof value !== "string" || !/^\d{1,20}$/.test(value)) throw fault(name, value);
  }
  return fields;
}

/** The only entry of an answer with a `kvs`, which is left out where there is none. */
function entryOf(answer: Fields): Entry | undefined {
  if (answer.kvs === undefined) return undefined;
  const entries = listOf(answer, "kvs");
  if (entries.length > 1) throw fault("expected one of kvs", entries.length);
  if (entries.length === 0) return undefined;
  const entry = objectOf({ entry: entries[0] }, "entry");
  return { key: textOf(entry, "key"), value: textOf(entry, "value") };
}

function objectOf(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw fault(name, value);
}

function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (Array.isArray(value)) return value;
  throw fault(name, value);
}

/** The text in a field that holds base64; an empty one is left out. */
function textOf(fields: Fields, name: string): string {
  const value = fields[name] ?? "";
  try {
    if (typeof value === "string") return decoder.decode(Uint8Array.fromBase64(value));
  } catch {
    // Not base64, or not UTF-8.
  }
  throw fault(name, value);
}

/** A damaged value in a message: not longer than a line. */
function fault(name: string, value: unknown): Malformed {
  const shown = value === undefined ? "missing" : JSON.stringify(value).slice(0, 60);
  return new Malformed(`${name} is ${shown}`);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}
