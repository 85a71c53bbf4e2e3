/**
 * Certificates for tests, made by openssl: an authority and whom it vouches for, in a directory of its own.
 *
 *     using authority = new TestAuthority();
 *     const { cert, key } = authority.issue("client");
 *
 * Leaving the scope removes them. Called by the tests of what speaks TLS to others.
 */
import assert from "node:assert/strict";
import { UnavailableError } from "../../base/errors.ts";

/** A certificate and its key: the paths of two PEM files. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says besides its name. */
export interface IssueOptions {
  /** As openssl writes subjectAltName; default: this host's loopback. */
  readonly names?: string;
  /** As openssl writes extendedKeyUsage; default: for both ends of a connection. */
  readonly usage?: string;
  /** From now; negative: it has run out. Default: 2. */
  readonly days?: number;
  /** As openssl writes it; default: the name as its common name. */
  readonly subject?: string;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** See the top of the file. */
export class TestAuthority implements Disposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "understudy-certificates-" });
  /** Its own certificate: whoever trusts it trusts all that it has issued. */
  readonly cert = `${this.#directory}/ca.pem`;
  readonly #key = `${this.#directory}/ca.key`;
  #count = 0;

  constructor() {
    const subject = ["-subj", "/CN=an authority of this test", "-days", "2"];
    openssl("req", "-x509", ...KEY, "-keyout", this.#key, "-out", this.cert, ...subject);
  }

  /** Issues a certificate. */
  issue(name: string, options: IssueOptions = {}): Identity {
    const { names = "IP:127.0.0.1,DNS:localhost", usage = "serverAuth,clientAuth" } = options;
    const { days = 2, subject = `/CN=${name}` } = options;
    const path = `${this.#directory}/${name}-${++this.#count}`;
    const [cert, key] = [`${path}.pem`, `${path}.key`];
    openssl("req", ...KEY, "-keyout", key, "-out", `${path}.csr`, "-subj", subject);
    Deno.writeTextFileSync(`${path}.ext`, `subjectAltName=${names}\nextendedKeyUsage=${usage}\n`);
    const by = ["-CA", this.cert, "-CAkey", this.#key, "-set_serial", `${this.#count}`];
    const rest = ["-extfile", `${path}.ext`, "-days", `${days}`];
    openssl("x509", "-req", "-in", `${path}.csr`, "-out", cert, ...by, ...rest);
    return { cert, key };
  }

  /** A copy of its key that wants a password. */
  lock({ key }: Identity): string {
    openssl("ec", "-in", key, "-aes128", "-passout", "pass:secret", "-out", `${key}.locked`);
    return `${key}.locked`;
  }

  /** What `Deno.createHttpClient` wants of somebody who trusts this authority. */
  credentials({ cert, key }: Identity): { caCerts: string[]; cert: string; key: string } {
    const [ca, own, secret] = [this.cert, cert, key].map((path) => Deno.readTextFileSync(path));
    return { caCerts: [ca!], cert: own!, key: secret! };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

function openssl(...args: string[]): void {
  try {
    const { success, stderr } = new Deno.Command("openssl", { args }).outputSync();
    assert.ok(success, `openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UnavailableError("this test needs openssl, which is not on PATH");
  }
}
