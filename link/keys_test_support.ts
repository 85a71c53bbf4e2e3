/**
 * Keys for tests, made anew in memory: those of a pair, and those that a pair must not accept.
 */
import { type Issued, makeAuthority, makeHost } from "./certificates.ts";
import { type Keys, pairName } from "./keys.ts";

const dayMs = 24 * 3600 * 1000;
const days = (from: number, to: number) => ({
  from: new Date(Date.now() + from * dayMs),
  to: new Date(Date.now() + to * dayMs),
});

/** Two hosts, and who is like them but for one thing. */
export interface TestKeys {
  readonly a: Keys;
  readonly b: Keys;
  /** Of the same authority, but past its time. */
  readonly expired: Keys;
  /** Of the same authority, but not yet valid. */
  readonly early: Keys;
  /** Of the same authority, but not for a pair. */
  readonly nameless: Keys;
  /** Of another pair; believes only that. */
  readonly other: Keys;
  /** The other pair's, but believes this pair: so what it shows is looked at. */
  readonly impostor: Keys;
}

/** Makes them. */
export async function makeTestKeys(): Promise<TestKeys> {
  const validity = days(-1, 1);
  const [own, foreign] = await Promise.all([
    makeAuthority("pair", validity),
    makeAuthority("pair", validity),
  ]);
  const keys = (issued: Issued, { certificate }: Issued): Keys => (
    { ...issued, authority: certificate, validTo: validity.to }
  );
  const [a, b, expired, early, nameless, other] = await Promise.all([
    makeHost(own.authority, "a", validity),
    makeHost(own.authority, "b", validity),
    makeHost(own.authority, "b", days(-2, -1)),
    makeHost(own.authority, "b", days(1, 2)),
    makeHost(own.authority, "b", validity, [`not-${pairName}`]),
    makeHost(foreign.authority, "b", validity),
  ]);
  return {
    a: keys(a, own),
    b: keys(b, own),
    expired: keys(expired, own),
    early: keys(early, own),
    nameless: keys(nameless, own),
    other: keys(other, foreign),
    impostor: keys(other, own),
  };
}
