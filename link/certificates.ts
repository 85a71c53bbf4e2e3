/**
 * Makes certificates (X.509, RFC 5280): an authority, and what it signs for a host.
 *
 * Keys are P-256: small, and quick to sign with, so that a flood of handshakes costs little. One certificate
 * serves both ends of a connection, because each host accepts and connects.
 *
 * `keygen.ts` writes them to files; tests make odd ones.
 */
import { BitString, Integer, Utf8String } from "asn1js";
import {
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
} from "pkijs";
import { pairName } from "./keys.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;

/** Object identifiers of RFC 5280: section 4.2.1 for extensions, appendix A for the name. */
const oid = {
  commonName: "2.5.4.3",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Bits of the extension KeyUsage, from the first byte's highest one on (section 4.2.1.3). */
const KeyUsage = { digitalSignature: 0x80, keyCertSign: 0x04, cRLSign: 0x02 } as const;

/** `GeneralName`'s choice `dNSName` (section 4.2.1.6). */
const dnsName = 2;

/** Who signs. */
export interface Authority {
  readonly name: string;
  readonly key: CryptoKey;
}

/** A certificate and its private key, as PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** From when until when. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

/** Makes an authority, which vouches for itself. */
export async function makeAuthority(
  name: string,
  validity: Validity,
): Promise<Issued & { readonly authority: Authority }> {
  const { publicKey, privateKey } = await makeKeyPair();
  const authority = { name, key: privateKey };
  const certificate = await sign(authority, name, publicKey, validity, [
    extension(oid.basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    keyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign),
  ]);
  return { certificate, key: await privatePem(privateKey), authority };
}

/** Reads an authority's files again. @throws what the library throws for what is none */
export async function readAuthority(issued: Issued): Promise<Authority> {
  const key = await crypto.subtle.importKey("pkcs8", unarmor(issued.key), algorithm, false, [
    "sign",
  ]);
  const { subject } = Certificate.fromBER(unarmor(issued.certificate));
  return { name: String(subject.typesAndValues[0]!.value.valueBlock.value), key };
}

/** Makes a host's key, and a certificate for both ends of a connection. */
export async function makeHost(
  authority: Authority,
  host: string,
  validity: Validity,
  dnsNames: readonly string[] = [pairName, host],
): Promise<Issued> {
  const { publicKey, privateKey } = await makeKeyPair();
  const names = dnsNames.map((value) => new GeneralName({ type: dnsName, value }));
  const certificate = await sign(authority, host, publicKey, validity, [
    extension(oid.basicConstraints, true, new BasicConstraints({ cA: false })),
    keyUsage(KeyUsage.digitalSignature),
    extension(
      oid.extKeyUsage,
      false,
      new ExtKeyUsage({ keyPurposes: [oid.serverAuth, oid.clientAuth] }),
    ),
    extension(oid.subjectAltName, false, new GeneralNames({ names })),
  ]);
  return { certificate, key: await privatePem(privateKey) };
}

async function makeKeyPair(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function sign(
  issuer: Authority,
  subject: string,
  publicKey: CryptoKey,
  validity: Validity,
  extensions: Extension[],
): Promise<string> {
  const certificate = new Certificate({ version: 2, serialNumber: serialNumber(), extensions });
  certificate.issuer.typesAndValues.push(commonName(issuer.name));
  certificate.subject.typesAndValues.push(commonName(subject));
  certificate.notBefore.value = validity.from;
  certificate.notAfter.value = validity.to;
  await certificate.subjectPublicKeyInfo.importKey(publicKey);
  await certificate.sign(issuer.key, "SHA-256");
  return armor("CERTIFICATE", certificate.toSchema(true).toBER());
}

/** Positive, random, and of 16 bytes: section 4.1.2.2 allows 20. */
function serialNumber(): Integer {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = bytes[0]! & 0x3f | 0x40;
  return new Integer({ valueHex: bytes.buffer });
}

function commonName(value: string): AttributeTypeAndValue {
  return new AttributeTypeAndValue({ type: oid.commonName, value: new Utf8String({ value }) });
}

function extension(
  extnID: string,
  critical: boolean,
  value: { toSchema(): { toBER(): ArrayBuffer } },
): Extension {
  return new Extension({ extnID, critical, extnValue: value.toSchema().toBER() });
}

function keyUsage(bits: number): Extension {
  const unusedBits = Math.log2(bits & -bits);
  const value = new BitString({ valueHex: Uint8Array.of(bits).buffer, unusedBits });
  return new Extension({ extnID: oid.keyUsage, critical: true, extnValue: value.toBER() });
}

async function privatePem(key: CryptoKey): Promise<string> {
  return armor("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", key));
}

/** PEM (RFC 7468): lines of 64 characters. */
function armor(label: string, der: ArrayBuffer): string {
  const lines = new Uint8Array(der).toBase64().match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

function unarmor(pem: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(pem.replace(/-----[^-]+-----/g, ""));
}
