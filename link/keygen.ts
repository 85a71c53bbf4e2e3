/**
 * Makes all the keys that a pair needs, as folders to copy:
 *
 *     DIR/ca.key, DIR/ca.pem            the authority: makes further keys, is needed on no host
 *     DIR/HOST/cert.pem, key.pem, ca.pem    for each host: what --keys wants there
 *
 * Nothing is ever overwritten. All files are their owner's alone.
 *
 * `understudy keygen` calls it (command.ts).
 */
import { UnavailableError, UsageError } from "../base/errors.ts";
import { type Issued, makeAuthority, makeHost, readAuthority } from "./certificates.ts";
import { keyFiles } from "./keys.ts";

/** The authority's own files. */
const authorityFiles = { certificate: "ca.pem", key: "ca.key" } as const;

const dayMs = 24 * 3600 * 1000;

/** What is asked for. */
export interface KeygenOptions {
  /** Where; made if need be. */
  readonly folder: string;
  /** A folder of keys each. */
  readonly hosts: readonly string[];
  /** How long the certificates are valid, in days from now. */
  readonly days: number;
}

/** What was made. */
export interface Keygen {
  /** Whether an authority was made, or one that was there has signed. */
  readonly isNew: boolean;
  /** The hosts' folders. */
  readonly folders: readonly string[];
  readonly validTo: Date;
}

/** See the top of the file. @throws UsageError if something is there that would be overwritten, UnavailableError
 * if the folder can't be written */
export async function generateKeys(options: KeygenOptions): Promise<Keygen> {
  const { folder, hosts, days } = options;
  checkHosts(hosts);
  const folders = hosts.map((host) => `${folder}/${host}`);
  for (const path of folders) {
    if (exists(path)) throw new UsageError(`${path} is there already, and is not overwritten`);
  }
  // An hour ago: clocks differ.
  const validity = {
    from: new Date(Date.now() - 3600 * 1000),
    to: new Date(Date.now() + days * dayMs),
  };
  const isNew = !exists(`${folder}/${authorityFiles.key}`);
  makeFolder(folder);
  const { authority, certificate } = isNew
    ? await newAuthority(folder, validity)
    : await oldAuthority(folder);
  for (const [index, host] of hosts.entries()) {
    const issued = await makeHost(authority, host, validity);
    const path = folders[index]!;
    makeFolder(path);
    writeNew(`${path}/${keyFiles.certificate}`, issued.certificate);
    writeNew(`${path}/${keyFiles.key}`, issued.key);
    writeNew(`${path}/${keyFiles.authority}`, certificate);
  }
  return { isNew, folders, validTo: validity.to };
}

/** They become names of folders, and names in certificates. */
function checkHosts(hosts: readonly string[]): void {
  for (const host of hosts) {
    if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/.test(host) || /\.\.|^ca\./.test(host)) {
      throw new UsageError(
        `host ${JSON.stringify(host)}: expected a name of up to 63 letters, digits, "-" and "."`,
      );
    }
  }
  if (new Set(hosts).size < hosts.length) throw new UsageError("a host was named twice");
}

async function newAuthority(folder: string, validity: { from: Date; to: Date }) {
  // Its name tells authorities apart where two are believed while keys are being exchanged.
  const name = `understudy ${crypto.randomUUID().slice(0, 8)}`;
  const made = await makeAuthority(name, validity);
  writeNew(`${folder}/${authorityFiles.certificate}`, made.certificate);
  writeNew(`${folder}/${authorityFiles.key}`, made.key);
  return made;
}

async function oldAuthority(folder: string) {
  const path = (file: string) => `${folder}/${file}`;
  try {
    const issued: Issued = {
      certificate: Deno.readTextFileSync(path(authorityFiles.certificate)),
      key: Deno.readTextFileSync(path(authorityFiles.key)),
    };
    return { ...issued, authority: await readAuthority(issued) };
  } catch (cause) {
    throw new UsageError(
      `${folder} holds no authority that can be used: ${(cause as Error).message}; ` +
        "give a folder of its own for new keys",
      { cause },
    );
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw failed(path, cause as Error);
  }
}

function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw failed(path, cause as Error);
  }
}

function writeNew(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text, { createNew: true, mode: 0o600 });
  } catch (cause) {
    throw failed(path, cause as Error);
  }
}

function failed(path: string, cause: Error): UnavailableError {
  return new UnavailableError(
    `can't make ${path}: ${cause.message}; give a folder that can be written, and without keys in it`,
    { cause },
  );
}
