import assert from "node:assert/strict";
import { type CpioEntry, encodeCpio } from "./cpio.ts";

/** What a reader of the format finds, written from its description alone. */
function parse(archive: Uint8Array) {
  const text = (from: number, to: number) => new TextDecoder().decode(archive.subarray(from, to));
  const found: { name: string; mode: number; inode: number; content: string }[] = [];
  for (let at = 0; at < archive.length;) {
    assert.equal(text(at, at + 6), "070701");
    const number = (index: number) => parseInt(text(at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const [size, nameSize] = [number(6), number(11)];
    const nameAt = at + 110;
    const contentAt = (nameAt + nameSize + 3) & ~3;
    assert.equal(archive[nameAt + nameSize - 1], 0);
    found.push({
      name: text(nameAt, nameAt + nameSize - 1),
      mode: number(1),
      inode: number(0),
      content: text(contentAt, contentAt + size),
    });
    at = (contentAt + size + 3) & ~3;
  }
  return found;
}

function archiveOf(entries: readonly CpioEntry[]): Uint8Array {
  return new Uint8Array(encodeCpio(entries).toArray().flatMap((bytes) => [...bytes]));
}

const file = (path: string, content: string, executable = false): CpioEntry => ({
  kind: "file",
  path,
  executable,
  content: new TextEncoder().encode(content),
});

Deno.test("a file comes behind the folders on the way to it, each once", () => {
  const found = parse(archiveOf([file("/a/b/one", "1"), file("/a/b/two", "22"), file("/a/c", "")]));
  const names = found.map(({ name }) => name);
  assert.deepEqual(names, ["a", "a/b", "a/b/one", "a/b/two", "a/c", "TRAILER!!!"]);
});

Deno.test("content of any length comes out as it went in", () => {
  const contents = Array.from({ length: 9 }, (_, length) => "x".repeat(length));
  const entries = contents.map((content, index) => file(`/${"n".repeat(index + 1)}`, content));
  const found = parse(archiveOf(entries)).slice(0, -1);
  assert.deepEqual(found.map(({ content }) => content), contents);
});

Deno.test("files, programs, folders and links have their modes", () => {
  const found = parse(archiveOf([
    file("/file", ""),
    file("/program", "", true),
    { kind: "folder", path: "/folder" },
    { kind: "link", path: "/link", target: "program" },
  ]));
  const modes = found.map(({ name, mode }) => [name, mode.toString(8)]);
  assert.deepEqual(modes.slice(0, -1), [
    ["file", "100644"],
    ["program", "100755"],
    ["folder", "40755"],
    ["link", "120777"],
  ]);
  assert.equal(found.at(-2)!.content, "program");
});

Deno.test("no two entries share an inode: Linux would take them for one file", () => {
  const inodes = parse(archiveOf([file("/a/b", ""), file("/a/c", "")])).map(({ inode }) => inode);
  assert.equal(new Set(inodes).size, inodes.length);
});

Deno.test("two archives one behind the other can still be read to the end", () => {
  const both = [...archiveOf([file("/a", "1")]), ...archiveOf([file("/a", "22")])];
  const contents = parse(new Uint8Array(both)).map(({ content }) => content);
  assert.deepEqual(contents, ["1", "", "22", ""]);
});
