/**
 * Reads a 64-bit x86 ELF image with a PVH entry note: which bytes go where, and where it starts.
 *
 * Only program headers are looked at (a stripped image has no sections). Every offset and size comes
 * from a file that anyone may have made: all are checked against the file and the memory before use.
 *
 * Sources: System V ABI, ELF-64 object file format; Xen's `public/elfnote.h` (XEN_ELFNOTE_PHYS32_ENTRY).
 */
import { GuestError } from "../base/errors.ts";

const PT_LOAD = 1;
const PT_NOTE = 4;
const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const EM_X86_64 = 62;
/** The note of this type, named "Xen", holds the physical address of the 32-bit entry. */
const XEN_ELFNOTE_PHYS32_ENTRY = 18;
/** No kernel needs more; a header that says so is damaged. */
const PROGRAM_HEADERS_MAX = 64;

/** One stretch of the image: `bytes` at `address`, then zeros up to `memoryBytes`. */
export interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
}

/** What there is to know of an image in order to boot it. */
export interface Image {
  /** Physical address of the 32-bit PVH entry. */
  readonly entry: number;
  readonly segments: readonly Segment[];
}

/**
 * Parses an image.
 * @param file the whole file
 * @param name what to call it in errors
 * @throws GuestError if it is no 64-bit x86 ELF executable, is damaged, or lacks the PVH note
 */
export function parseImage(file: Uint8Array, name: string): Image {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < EHDR_BYTES || view.getUint32(0, false) !== 0x7f454c46) {
    throw new GuestError(
      `${name} is not an ELF file: a guest is a 64-bit x86 ELF image with a PVH note, such as a vmlinux (not a bzImage) with CONFIG_PVH=y`,
    );
  }
  if (file[4] !== 2 || file[5] !== 1 || view.getUint16(18, true) !== EM_X86_64) {
    throw new GuestError(`${name} is an ELF file, but not for 64-bit x86`);
  }
  const headers = programHeaders(view, name);
  const segments: Segment[] = [];
  let entry: number | undefined;
  for (const header of headers) {
    const bytes = file.subarray(header.offset, header.offset + header.fileBytes);
    if (header.type === PT_LOAD && header.memoryBytes > 0) {
      segments.push({ address: header.address, bytes, memoryBytes: header.memoryBytes });
    } else if (header.type === PT_NOTE) {
      entry ??= findEntry(bytes, header.align);
    }
  }
  if (segments.length === 0) throw new GuestError(`${name} has nothing to load`);
  if (entry === undefined) {
    throw new GuestError(
      `${name} has no PVH entry note (Xen, type 18): build a Linux kernel with CONFIG_PVH=y, or use a guest that supports PVH boot`,
    );
  }
  return { entry, segments };
}

interface ProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

function programHeaders(view: DataView, name: string): ProgramHeader[] {
  const damaged = (why: string) => new GuestError(`${name} is a damaged ELF file: ${why}`);
  const table = word(view, 32);
  const entryBytes = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (entryBytes !== PHDR_BYTES) {
    throw damaged(`program headers of ${entryBytes} bytes, expected ${PHDR_BYTES}`);
  }
  if (count > PROGRAM_HEADERS_MAX) {
    throw damaged(`${count} program headers, expected at most ${PROGRAM_HEADERS_MAX}`);
  }
  if (table + count * PHDR_BYTES > view.byteLength) {
    throw damaged(`its program headers end beyond its ${view.byteLength} bytes`);
  }
  const headers: ProgramHeader[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * PHDR_BYTES;
    const header = {
      type: view.getUint32(at, true),
      offset: word(view, at + 8),
      address: word(view, at + 24),
      fileBytes: word(view, at + 32),
      memoryBytes: word(view, at + 40),
      align: word(view, at + 48),
    };
    if (header.type !== PT_LOAD && header.type !== PT_NOTE) continue;
    if (header.offset + header.fileBytes > view.byteLength) {
      throw damaged(`segment ${index} ends beyond its ${view.byteLength} bytes`);
    }
    if (header.type === PT_LOAD && header.fileBytes > header.memoryBytes) {
      throw damaged(
        `segment ${index} has ${header.fileBytes} bytes for ${header.memoryBytes} of memory`,
      );
    }
    headers.push(header);
  }
  return headers;
}

/** A 64-bit field; beyond 2^53 it can't be right, and reads as infinite so that every check fails it. */
function word(view: DataView, offset: number): number {
  const value = view.getBigUint64(offset, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Infinity;
}

/** Walks the notes of a PT_NOTE segment for the PVH entry. */
function findEntry(notes: Uint8Array, align: number): number | undefined {
  const view = new DataView(notes.buffer, notes.byteOffset, notes.byteLength);
  const pad = (bytes: number) => align === 8 ? (bytes + 7) & ~7 : (bytes + 3) & ~3;
  let at = 0;
  while (at + 12 <= notes.length) {
    const nameBytes = view.getUint32(at, true);
    const descBytes = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const nameAt = at + 12;
    const descAt = pad(nameAt + nameBytes);
    if (nameBytes > notes.length || descBytes > notes.length || descAt + descBytes > notes.length) {
      return undefined;
    }
    const isXen = nameBytes === 4 && view.getUint32(nameAt, false) === 0x58656e00;
    if (isXen && type === XEN_ELFNOTE_PHYS32_ENTRY && (descBytes === 4 || descBytes === 8)) {
      return view.getUint32(descAt, true);
    }
    at = pad(descAt + descBytes);
  }
  return undefined;
}
