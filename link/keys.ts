/**
 * The keys of one host: what it shows to others, and whom it believes. A folder of three files:
 *
 *     cert.pem   this host's certificate
 *     key.pem    its private key, for nobody's eyes but its owner's
 *     ca.pem     the authority of the pair, or several while keys are being exchanged
 *
 * `understudy keygen` makes such folders (keygen.ts); every command that speaks over a network reads one. Whatever
 * is wrong with it is found here, before a port is opened, and said in the user's words: a TLS library says it
 * late, at the first handshake, and in its own.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { keyFileBytes } from "../base/limits.ts";

/** The files of a folder of keys. */
export const keyFiles = { certificate: "cert.pem", key: "key.pem", authority: "ca.pem" } as const;

/**
 * The name that every certificate of a pair carries (as a DNS name), and that both ends of a connection look for.
 * Addresses are not looked for: hosts get new ones, and whoever has a key of the pair's own authority belongs to
 * it wherever he is.
 */
export const pairName = "understudy";

/** What {@link loadKeys} has found, as PEM. */
export interface Keys {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
  /** Until when the certificate is valid. */
  readonly validTo: Date;
}

/**
 * Reads and checks a folder of keys.
 * @param nowMs what the validity is compared with, in milliseconds since 1970
 * @throws UnavailableError for what can't be read, UsageError for what is no use; both say what to do
 */
export function loadKeys(folder: string, nowMs: number = Date.now()): Keys {
  const path = (file: string) => `${folder.replace(/\/$/, "")}/${file}`;
  const key = readText(path(keyFiles.key));
  const certificate = readText(path(keyFiles.certificate));
  const authority = readText(path(keyFiles.authority));
  checkPrivate(path(keyFiles.key));
  const parsed = parse(path(keyFiles.certificate), certificate);
  const authorities = split(authority).map((pem) => parse(path(keyFiles.authority), pem));
  if (!parsed.checkPrivateKey(parseKey(path(keyFiles.key), key))) {
    throw new UsageError(
      `${path(keyFiles.key)} is not the key of ${path(keyFiles.certificate)}: ` +
        "copy a folder of keys as a whole",
    );
  }
  if (!authorities.some((one) => parsed.checkIssued(one) && parsed.verify(one.publicKey))) {
    throw new UsageError(
      `${path(keyFiles.certificate)} is not of the authority in ${path(keyFiles.authority)}: ` +
        "copy a folder of keys as a whole",
    );
  }
  if (parsed.checkHost(pairName) === undefined) {
    throw new UsageError(
      `${
        path(keyFiles.certificate)
      } lacks the DNS name "${pairName}", which every certificate of ` +
        "a pair carries: make it with understudy keygen",
    );
  }
  checkValid(path(keyFiles.certificate), parsed, nowMs);
  return { certificate, key, authority, validTo: new Date(parsed.validTo) };
}

function readText(path: string): string {
  try {
    const { size } = Deno.statSync(path);
    if (size > keyFileBytes) {
      throw new UsageError(`${path} has ${size} bytes, expected at most ${keyFileBytes}`);
    }
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UnavailableError(
      `can't read ${path}: ${(cause as Error).message}; --keys wants a folder with ` +
        `${Object.values(keyFiles).join(", ")}, such as understudy keygen makes for each host`,
      { cause },
    );
  }
}

/** A key that others can read is no secret. */
function checkPrivate(path: string): void {
  const { mode } = Deno.statSync(path);
  if (mode !== null && (mode & 0o077) !== 0) {
    throw new UsageError(
      `${path} is open to others (mode ${(mode & 0o777).toString(8)}): chmod 600 ${path}`,
    );
  }
}

/** The certificates of a bundle. A text without any is given back, for {@link parse} to refuse. */
function split(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [pem];
}

function parse(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new UsageError(`${path} is not a certificate in PEM`, { cause });
  }
}

function parseKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new UsageError(`${path} is not a private key in PEM`, { cause });
  }
}

function checkValid(path: string, { validFrom, validTo }: X509Certificate, nowMs: number): void {
  if (nowMs >= Date.parse(validFrom) && nowMs <= Date.parse(validTo)) return;
  throw new UsageError(
    `${path} is valid from ${validFrom} to ${validTo}, not now: ` +
      "look at this host's clock, or make new keys with understudy keygen",
  );
}
