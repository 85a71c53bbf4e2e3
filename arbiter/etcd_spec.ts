/**
 * What `--arbiter etcd:URL` may say: `etcd:http://HOST:PORT[?prefix=PREFIX]`.
 *
 * Called by `open.ts`.
 */
import { UsageError } from "../base/errors.ts";
import { etcdPrefixLength } from "../base/limits.ts";
import type { EtcdEndpoint } from "./etcd_gateway.ts";

/** An etcd, and where in it the registers are. */
export interface EtcdSpec {
  readonly endpoint: EtcdEndpoint;
  /** What the keys begin with, without the slash that follows. */
  readonly prefix: string;
  /** As it was given. */
  readonly text: string;
}

const defaultPrefix = "/understudy";
const prefixPattern = new RegExp(`^[A-Za-z0-9._/-]{1,${etcdPrefixLength}}$`);

/** Reads it. @throws UsageError that says what is wrong with it, and what is expected */
export function parseEtcdSpec(text: string): EtcdSpec {
  const refuse = (why: string) => {
    // A password is not for a log.
    const shown = JSON.stringify(text.replace(/\/\/.*@/s, "//...@"));
    return new UsageError(
      `arbiter ${shown}: ${why}; expected etcd:http://HOST:PORT[?prefix=PREFIX]`,
    );
  };
  const [, scheme, authority = "", path = "", query = ""] =
    text.match(/^etcd:([a-z]+):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?$/) ?? [];
  if (scheme === undefined) throw refuse("not a URL");
  if (scheme !== "http") throw refuse(`${scheme} is not supported`);
  if (authority.includes("@")) throw refuse("a user and a password are not supported");
  if (authority.includes(",")) throw refuse("several endpoints are not supported");
  if (path !== "" && path !== "/") throw refuse(`a path (${path}) says nothing here`);
  const [, host, port] = authority.match(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/) ?? [];
  if (host === undefined || !URL.canParse(`http://${authority}`) || Number(port) === 0) {
    throw refuse(`${JSON.stringify(authority)} is not HOST:PORT`);
  }
  const prefixes = [...new URLSearchParams(query)].map(([name, value]) => {
    if (name !== "prefix") throw refuse(`${name}= is not known`);
    return value;
  });
  if (prefixes.length > 1) throw refuse("more than one prefix");
  const [prefix = defaultPrefix] = prefixes;
  if (!prefixPattern.test(prefix) || prefix.endsWith("/")) {
    throw refuse(
      `a prefix is 1 to ${etcdPrefixLength} of A-Z a-z 0-9 . _ - /, with no slash at its end`,
    );
  }
  const endpoint = { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  return { endpoint, prefix, text };
}
