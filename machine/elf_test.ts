import assert from "node:assert/strict";
import fc from "fast-check";
import { GuestError } from "../base/errors.ts";
import { type Image, parseImage } from "./elf.ts";
import { guestFile } from "./testing.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`elf_test: SEED=${seed}`);

const PT_LOAD = 1;
const PT_NOTE = 4;
const ENTRY = 0x10_0040;
const NOTE_AT = 64 + 2 * 56;
const CODE_AT = NOTE_AT + 20;

/** A file of two program headers: a note with the entry, four bytes of code. */
function smallImage(): { file: Uint8Array<ArrayBuffer>; view: DataView } {
  const file = new Uint8Array(CODE_AT + 4);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x7f454c46);
  file.set([2, 1, 1], 4);
  view.setUint16(18, 62, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  putHeader(view, 0, {
    type: PT_NOTE,
    offset: NOTE_AT,
    address: 0,
    fileBytes: 20,
    memoryBytes: 20,
  });
  const load = { offset: CODE_AT, address: 0x10_0000, fileBytes: 4, memoryBytes: 8 };
  putHeader(view, 1, { type: PT_LOAD, ...load });
  view.setUint32(NOTE_AT, 4, true);
  view.setUint32(NOTE_AT + 4, 4, true);
  view.setUint32(NOTE_AT + 8, 18, true);
  file.set(new TextEncoder().encode("Xen\0"), NOTE_AT + 12);
  view.setUint32(NOTE_AT + 16, ENTRY, true);
  file.set([0x90, 0x90, 0x90, 0xf4], CODE_AT);
  return { file, view };
}

interface Header {
  type: number;
  offset: number;
  address: number;
  fileBytes: number;
  memoryBytes: number;
}

function putHeader(view: DataView, index: number, header: Header): void {
  const at = 64 + 56 * index;
  view.setUint32(at, header.type, true);
  view.setBigUint64(at + 8, BigInt(header.offset), true);
  view.setBigUint64(at + 24, BigInt(header.address), true);
  view.setBigUint64(at + 32, BigInt(header.fileBytes), true);
  view.setBigUint64(at + 40, BigInt(header.memoryBytes), true);
  view.setBigUint64(at + 48, 4n, true);
}

function refused(file: Uint8Array, message: RegExp): void {
  assert.throws(() => parseImage(file, "it"), (error) => {
    assert.ok(error instanceof GuestError, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("an image's segments and its PVH entry are found", () => {
  const { file } = smallImage();
  const image: Image = parseImage(file, "it");
  assert.equal(image.entry, ENTRY);
  assert.deepEqual(image.segments, [
    { address: 0x10_0000, bytes: file.subarray(CODE_AT), memoryBytes: 8 },
  ]);
});

Deno.test("an image is parsed where it lies inside of a larger buffer", () => {
  const { file } = smallImage();
  const larger = new Uint8Array(file.length + 100);
  larger.set(file, 50);
  const image = parseImage(larger.subarray(50, 50 + file.length), "it");
  assert.deepEqual(image, parseImage(file, "it"));
});

Deno.test("the bundled guests are images that start above 1 MiB", () => {
  for (const name of ["hello", "hostile", "kv", "ledger", "rogue", "spin", "stress"]) {
    const { entry, segments } = parseImage(guestFile(name), name);
    assert.ok(
      segments.some(({ address, memoryBytes }) =>
        address >= 0x10_0000 && address <= entry && entry < address + memoryBytes
      ),
    );
  }
});

Deno.test("what is no ELF file is refused, and the advice says what is one", () => {
  refused(new Uint8Array(0), /not an ELF file.*vmlinux/);
  refused(new Uint8Array(4096), /not an ELF file/);
  refused(smallImage().file.subarray(0, 63), /not an ELF file/);
});

Deno.test("an ELF file for another processor is refused", () => {
  const narrow = smallImage();
  narrow.file[4] = 1;
  refused(narrow.file, /not for 64-bit x86/);
  const arm = smallImage();
  arm.view.setUint16(18, 183, true);
  refused(arm.file, /not for 64-bit x86/);
});

Deno.test("an image without a PVH note is refused, and the advice says how to get one", () => {
  const { file, view } = smallImage();
  view.setUint32(NOTE_AT + 8, 17, true);
  refused(file, /no PVH entry note.*CONFIG_PVH=y/);
});

Deno.test("an image that loads nothing is refused", () => {
  const { file, view } = smallImage();
  view.setBigUint64(64 + 56 + 32, 0n, true);
  view.setBigUint64(64 + 56 + 40, 0n, true);
  refused(file, /nothing to load/);
});

Deno.test("headers and segments beyond the file's end are refused", () => {
  for (const at of [32, 64 + 8, 64 + 32, 64 + 56 + 8, 64 + 56 + 32]) {
    for (const value of [4096n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      const { file, view } = smallImage();
      view.setBigUint64(at, value, true);
      refused(file, /damaged ELF file/);
    }
  }
  for (let length = 64; length < CODE_AT + 4; length++) {
    refused(smallImage().file.subarray(0, length), /damaged ELF file/);
  }
});

Deno.test("more program headers than any kernel has are refused before they are read", () => {
  const { file, view } = smallImage();
  view.setUint16(56, 0xffff, true);
  refused(file, /65535 program headers/);
});

Deno.test("a segment with more bytes than memory is refused", () => {
  const { file, view } = smallImage();
  view.setBigUint64(64 + 56 + 40, 3n, true);
  refused(file, /4 bytes for 3 of memory/);
});

Deno.test("a note whose lengths lead out of its segment has no entry", () => {
  for (const at of [NOTE_AT, NOTE_AT + 4]) {
    for (const value of [21, 0x7fff_ffff, 0xffff_ffff]) {
      const { file, view } = smallImage();
      view.setUint32(at, value, true);
      refused(file, /no PVH entry note/);
    }
  }
});

Deno.test("whatever is damaged in an image, it is parsed or refused as a guest's fault", () => {
  const good = [smallImage().file, guestFile("hello").slice(0, 4096)];
  const damage = fc.array(
    fc.record({ at: fc.nat({ max: 4095 }), value: fc.constantFrom(0, 1, 4, 0x7f, 0x80, 0xff) }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...good), damage, fc.nat({ max: 4096 }), (file, bytes, cut) => {
      const damaged = file.slice(0, cut % 3 === 0 ? cut : file.length);
      // Most of what is damaged is a header: there the parser looks.
      for (const { at, value } of bytes) damaged[at % Math.min(damaged.length, 256)] = value;
      try {
        for (const { bytes, memoryBytes } of parseImage(damaged, "it").segments) {
          assert.ok(bytes.length <= memoryBytes);
        }
      } catch (error) {
        assert.ok(error instanceof GuestError, `${error}`);
      }
    }),
    { seed, numRuns: 5000 },
  );
});
