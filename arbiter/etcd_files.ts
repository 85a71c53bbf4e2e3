/**
 * The files that an `--arbiter etcd:URL` names: a password, certificates and a key, all small and local.
 *
 * Certificates are read again for each connection: those of a machine that runs for a year are renewed
 * meanwhile, and a takeover must not fail for one that has run out. What can't be read or does not fit
 * together at that moment, because it is just being written, leaves what was good before.
 *
 * Called by `etcd_spec.ts` and `etcd_members.ts`.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { UnavailableError, UnderstudyError, UsageError } from "../base/errors.ts";
import { etcdFileBytes } from "../base/arbiter_limits.ts";
import type { EtcdTlsPaths } from "./etcd_spec.ts";

/** What TLS is spoken with, as `node:tls` names it: PEM. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * A file's text.
 * @param option which names it, for the message
 * @throws UnavailableError if it can't be read, UsageError if it is too long to be what is meant
 */
export function readTextFile(path: string, option: string): string {
  const bytes = new Uint8Array(etcdFileBytes + 1);
  let end = 0;
  try {
    using file = Deno.openSync(path, { read: true });
    while (end < bytes.length) {
      const count = file.readSync(bytes.subarray(end));
      if (count === null) break;
      end += count;
    }
  } catch (cause) {
    const why = (cause as Error).message;
    throw new UnavailableError(`can't read ${option}=${path}: ${why}`, { cause });
  }
  if (end <= etcdFileBytes) return new TextDecoder().decode(bytes.subarray(0, end));
  throw new UsageError(`${option}=${path}: longer than ${etcdFileBytes} bytes; name another file`);
}

/** See the top of the file. */
export class EtcdTlsFiles {
  #good: TlsMaterial;

  /** Reads and checks them. @throws UnavailableError if one can't be read, UsageError if it is none */
  constructor(readonly paths: EtcdTlsPaths) {
    this.#good = this.#read();
  }

  /** What they say now, or said when they were good. */
  current(): TlsMaterial {
    try {
      this.#good = this.#read();
    } catch (error) {
      if (!(error instanceof UnderstudyError)) throw error;
    }
    return this.#good;
  }

  #read(): TlsMaterial {
    const { cacert, own } = this.paths;
    const ca = cacert === undefined ? {} : { ca: readCertificate(cacert, "cacert").text };
    if (own === undefined) return ca;
    const { text: cert, certificate } = readCertificate(own.cert, "cert");
    const { text: key, key: parsed } = readKey(own.key);
    if (certificate.checkPrivateKey(parsed)) return { ...ca, cert, key };
    throw new UsageError(`key=${own.key} is not the key of the certificate cert=${own.cert}`);
  }
}

function readCertificate(
  path: string,
  option: string,
): { text: string; certificate: X509Certificate } {
  const text = readTextFile(path, option);
  try {
    if (text.includes("-----BEGIN CERTIFICATE-----")) {
      return { text, certificate: new X509Certificate(text) };
    }
  } catch {
    // Named below.
  }
  throw new UsageError(`${option}=${path}: not a certificate, expected one in PEM`);
}

function readKey(path: string): { text: string; key: KeyObject } {
  const text = readTextFile(path, "key");
  try {
    return { text, key: createPrivateKey(text) };
  } catch {
    throw new UsageError(`key=${path}: not a private key, expected one in PEM, not encrypted`);
  }
}
