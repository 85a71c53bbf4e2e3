/**
 * What the two sides say to each other when the backup has diverged, until it has the machine's state anew.
 *
 * ```
 *   backup ── diverged ──▶ outputs are held; the claim is renounced
 *          ◀─ recorded ──  the first exit that differs, for the report
 *          ── pages … renew ──▶ a new session's log begins, on the same connection
 *          ◀─ renewing, the state ──  from here on whoever goes on alone must win
 *   replays the state: may claim again
 *          ── acks ──▶ outputs are released
 * ```
 *
 * Where the backup had no claim yet, the primary goes on alone meanwhile, and it is a join: `protected` follows.
 *
 * Used by both protocol machines, which know what else follows.
 */
import { PeerError } from "../base/errors.ts";
import type { Divergence } from "./backup_types.ts";
import type { Message, MessageOf } from "./messages.ts";
import type { PrimarySession } from "./primary_session.ts";
import type { PrimaryEffect, PrimaryMode, PrimaryRules } from "./primary_types.ts";

const PAGE_BYTES = 4096;
/** Of a page's hash. */
const HASH_BYTES = 8;

/** Of one message: heartbeats and acks get in between. */
const HASHES_BYTES = 32 * 1024;

/** What a backup says when its replay stands still. @param hashes of all its pages, two u32 each; undefined: it needs all of them */
export function renewalAsked(hashes: Uint8Array = new Uint8Array(0)): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < hashes.length; at += HASHES_BYTES) {
    const part = hashes.subarray(at, at + HASHES_BYTES);
    messages.push({ type: "pages", first: at / HASH_BYTES, hashes: part });
  }
  return [...messages, { type: "renew", pages: hashes.length / HASH_BYTES }];
}

/** It has diverged: tell people, and let it know what was recorded. */
export function divergenceTold(
  { connection }: Readonly<PrimarySession>,
  divergence: MessageOf<"diverged">,
): PrimaryEffect[] {
  const text = `the backup ${divergenceText(divergence)}`;
  return [{ type: "report", text }, { type: "recall", connection, divergence }];
}

/** A divergence in words. */
export function divergenceText({ point, place, recorded, replayed }: Divergence): string {
  const what = `diverged at execution point ${point}, ${place}`;
  return `${what}: recorded ${recorded}, replayed ${replayed}`;
}

/** What counts of a primary then. */
interface Renewing {
  readonly generation: number;
  readonly mode: PrimaryMode;
  readonly rules: Pick<PrimaryRules, "memoryBytes">;
}

/**
 * What it says on its way to a new state.
 * @throws PeerError if it has not diverged, or the pages are not this machine's, one after the other
 */
export function renewalOf(
  session: PrimarySession,
  message: MessageOf<"pages"> | MessageOf<"renew">,
  { generation, mode, rules }: Renewing,
): PrimaryEffect[] {
  if (!session.awaitsRenewal) {
    throw new PeerError(`a ${message.type} message, without a divergence`);
  }
  if (message.type === "renew") {
    if (message.pages !== session.toldPages) {
      throw new PeerError(`hashes of ${message.pages} pages, of which ${session.toldPages} came`);
    }
    session.awaitsRenewal = false;
    const { connection, number } = session;
    const mayClaim = mode === "healing";
    return [
      { type: "send", connection, message: { type: "renewing", session: number, mayClaim } },
      { type: "startLog", session: number, generation },
    ];
  }
  const { first, hashes } = message;
  const end = first + hashes.length / HASH_BYTES;
  const pages = rules.memoryBytes / PAGE_BYTES;
  if (first !== session.toldPages || hashes.length % HASH_BYTES !== 0 || end > pages) {
    const expected = `expected ${session.toldPages} to at most ${pages}`;
    throw new PeerError(`hashes of pages ${first} to ${end}, ${expected}`);
  }
  session.toldPages = end;
  return [{ type: "pages", first, hashes }];
}
