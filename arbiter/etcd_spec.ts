/**
 * What `--arbiter etcd:URL` may say:
 *
 *     etcd:URL[,URL...][?prefix=PREFIX][&user=NAME[:PASSWORD]][&passwordfile=FILE]
 *                      [&cacert=FILE][&cert=FILE&key=FILE]
 *
 * with a URL of `http://HOST:PORT` or `https://HOST:PORT`, one for each member. A command line can be read by
 * everybody on the host, so the password may come from a file or from the environment instead.
 *
 * Called by `open.ts`.
 */
import { UsageError } from "../base/errors.ts";
import { etcdEndpointCount, etcdPasswordLength, etcdPrefixLength } from "../base/arbiter_limits.ts";
import { readTextFile } from "./etcd_files.ts";

/** Where an etcd member answers clients. */
export interface EtcdEndpoint {
  /** A name or an address; of version 6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Who asks. */
export interface EtcdUser {
  readonly name: string;
  readonly password: string;
}

/** The files that TLS takes: PEM, each by its path. */
export interface EtcdTlsPaths {
  /** Whom to trust; undefined: the authorities that Deno trusts. */
  readonly cacert: string | undefined;
  /** This side's certificate and its key; undefined: it shows none. */
  readonly own: { readonly cert: string; readonly key: string } | undefined;
}

/** An etcd, how it is asked, and where in it the registers are. */
export interface EtcdSpec {
  /** At least one. */
  readonly endpoints: readonly EtcdEndpoint[];
  /** Undefined: it is asked without TLS. */
  readonly tls: EtcdTlsPaths | undefined;
  /** Undefined: it is asked without a password. */
  readonly user: EtcdUser | undefined;
  /** What the keys begin with, without the slash that follows. */
  readonly prefix: string;
  /** As it was given, as far as it says which etcd this is: for messages. */
  readonly text: string;
}

/** Where the password is taken from if the specification names none. */
export const passwordVariable = "UNDERSTUDY_ETCD_PASSWORD";

const expected =
  "expected etcd:URL[,URL...][?prefix=PREFIX&user=NAME&passwordfile=FILE&cacert=FILE&cert=FILE&key=FILE] " +
  "with URLs such as https://HOST:PORT";
const defaultPrefix = "/understudy";
const prefixPattern = new RegExp(`^[A-Za-z0-9._/-]{1,${etcdPrefixLength}}$`);

const optionNames = ["prefix", "user", "passwordfile", "cacert", "cert", "key"] as const;
type Options = Readonly<Partial<Record<typeof optionNames[number], string>>>;

/**
 * Reads it, and the password's file if it names one.
 * @param environment the password's variable, for tests; default: this process's
 * @throws UsageError that says what is wrong with it, and what is expected; UnavailableError for a file that
 *   can't be read
 */
export function parseEtcdSpec(
  text: string,
  environment: string | undefined = Deno.env.get(passwordVariable),
): EtcdSpec {
  try {
    const [, urls, query = ""] = text.match(/^etcd:([^?#]*)(\?[^#]*)?$/) ?? [];
    if (urls === undefined) throw new Fault("not a URL");
    const { isTls, endpoints } = parseUrls(urls);
    const options = parseOptions(query);
    return {
      endpoints,
      tls: tlsOf(options, isTls),
      user: userOf(options, environment),
      prefix: prefixOf(options),
      text: `etcd:${urls}${options.prefix === undefined ? "" : `?prefix=${options.prefix}`}`,
    };
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    const shown = JSON.stringify(withoutPassword(text));
    throw new UsageError(`arbiter ${shown}: ${cause.message}; ${expected}`);
  }
}

/** What is wrong, without what it is wrong with. */
class Fault extends Error {}

/** A password is not for a log. */
function withoutPassword(text: string): string {
  return text.replace(/\/\/[^?]*@/s, "//...@").replace(/([?&]user=[^&:]*)(:|%3a)[^&]*/gi, "$1:...");
}

function parseUrls(urls: string): { isTls: boolean; endpoints: EtcdEndpoint[] } {
  const schemes = new Set<string>();
  const endpoints = urls.split(",").map((url) => {
    const [, scheme, authority = "", path = ""] = url.match(/^([a-z]+):\/\/([^/]*)(.*)$/s) ?? [];
    if (scheme === undefined) throw new Fault(`${JSON.stringify(url)} is not a URL`);
    if (scheme !== "http" && scheme !== "https") throw new Fault(`${scheme} is not supported`);
    schemes.add(scheme);
    if (authority.includes("@")) throw new Fault("a user is given with ?user=NAME");
    if (path !== "" && path !== "/") throw new Fault(`a path (${path}) says nothing here`);
    return parseAuthority(authority);
  });
  if (schemes.size > 1) throw new Fault("http and https do not mix: what is for one is for all");
  if (endpoints.length > etcdEndpointCount) {
    throw new Fault(`${endpoints.length} endpoints, at most ${etcdEndpointCount} are asked`);
  }
  const names = endpoints.map(({ host, port }) => `${host.toLowerCase()} ${port}`);
  if (new Set(names).size < names.length) throw new Fault("an endpoint is named twice");
  return { isTls: schemes.has("https"), endpoints };
}

function parseAuthority(authority: string): EtcdEndpoint {
  const [, host, port] = authority.match(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/) ?? [];
  if (host === undefined || !URL.canParse(`http://${authority}`) || Number(port) === 0) {
    throw new Fault(`${JSON.stringify(authority)} is not HOST:PORT`);
  }
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

function parseOptions(query: string): Options {
  const options: Partial<Record<string, string>> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!(optionNames as readonly string[]).includes(name)) {
      throw new Fault(`${name}= is not known`);
    }
    if (options[name] !== undefined) throw new Fault(`more than one ${name}`);
    if (value === "" && name !== "prefix") throw new Fault(`${name}= is empty`);
    options[name] = value;
  }
  return options;
}

function prefixOf({ prefix = defaultPrefix }: Options): string {
  if (prefixPattern.test(prefix) && !prefix.endsWith("/")) return prefix;
  throw new Fault(
    `a prefix is 1 to ${etcdPrefixLength} of A-Z a-z 0-9 . _ - /, with no slash at its end`,
  );
}

function tlsOf({ cacert, cert, key }: Options, isTls: boolean): EtcdTlsPaths | undefined {
  if ((cert === undefined) !== (key === undefined)) {
    throw new Fault("cert= and key= come together: a certificate, and the key that it is for");
  }
  if (isTls) {
    return {
      cacert,
      own: cert === undefined || key === undefined ? undefined : { cert, key },
    };
  }
  const name = cacert !== undefined ? "cacert" : cert !== undefined ? "cert" : undefined;
  if (name !== undefined) throw new Fault(`${name}= is for https://, and this is http://`);
  return undefined;
}

function userOf(
  { user, passwordfile }: Options,
  environment: string | undefined,
): EtcdUser | undefined {
  if (user === undefined) {
    if (passwordfile === undefined) return undefined;
    throw new Fault("passwordfile= without user=: whose password is it?");
  }
  const [, name = "", inline] = user.match(/^([^:]*)(?::(.*))?$/s)!;
  if (name === "") throw new Fault("user= has no name");
  if (inline !== undefined && passwordfile !== undefined) {
    throw new Fault("a password in user= and another one by passwordfile=");
  }
  const password = passwordfile === undefined
    ? inline ?? environment ?? ""
    : readTextFile(passwordfile, "passwordfile").replace(/\r?\n$/, "");
  if (password === "") {
    throw new Fault(`no password for ${name}: give passwordfile=FILE or set ${passwordVariable}`);
  }
  if (Math.max(name.length, password.length) > etcdPasswordLength) {
    throw new Fault(`user= or its password is longer than ${etcdPasswordLength} characters`);
  }
  return { name, password };
}
