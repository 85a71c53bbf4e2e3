import assert from "node:assert/strict";
import { OsError } from "../base/errors.ts";
import { HostClock } from "./host_clock.ts";
import { HostMemory } from "./host_memory.ts";
import { addressOf, Errno } from "./libc.ts";
import { OffsetFile } from "./offset_file.ts";

Deno.test("two views of host memory see the same bytes", () => {
  using memory = HostMemory.allocate(1 << 20);
  using view = HostMemory.view(memory.address, memory.size);
  assert.equal(memory.bytes.byteLength, 1 << 20);
  memory.bytes[12345] = 0x5a;
  assert.equal(view.bytes[12345], 0x5a);
  assert.equal(memory.address % 4096n, 0n);
});

Deno.test("memory that was asked for but not touched costs nothing", () => {
  using memory = HostMemory.allocate(64 * 2 ** 30);
  memory.bytes[memory.size - 1] = 1;
  assert.equal(memory.bytes[memory.size - 1], 1);
});

Deno.test("memory that can't be had throws ENOMEM", () => {
  assert.throws(() => HostMemory.allocate(2 ** 50), (error: unknown) => {
    assert(error instanceof OsError);
    assert.equal(error.errno, 12);
    return true;
  });
});

Deno.test("an address is that of the view, not of its buffer", () => {
  const bytes = new Uint8Array(32);
  assert.equal(addressOf(bytes.subarray(5)) - addressOf(bytes), 5n);
});

Deno.test("the host's clock starts at zero and does not go back", () => {
  const clock = new HostClock();
  let last = 0;
  for (let i = 0; i < 1000; i++) {
    const now = clock.elapsedNs();
    assert(Number.isSafeInteger(now) && now >= last);
    last = now;
  }
});

Deno.test("a file takes bytes at their offsets, twice too, and keeps the rest", async () => {
  const path = await Deno.makeTempFile();
  try {
    using file = OffsetFile.open(path);
    file.writeAt(new TextEncoder().encode("world"), 6);
    file.writeAt(new TextEncoder().encode("hello "), 0);
    file.writeAt(new TextEncoder().encode("world"), 6);
    assert.equal(await Deno.readTextFile(path), "hello world");
    using again = OffsetFile.open(path);
    again.writeAt(new TextEncoder().encode("W"), 6);
    assert.equal(await Deno.readTextFile(path), "hello World");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a file that can't be opened, or has no offsets, throws", () => {
  assert.throws(() => OffsetFile.open("/nonexistent/file"), (error: unknown) => {
    assert(error instanceof OsError);
    assert.equal(error.errno, Errno.ENOENT);
    return true;
  });
  using full = OffsetFile.open("/dev/full");
  assert.throws(() => full.writeAt(new Uint8Array(1), 0), { errno: 28 });
});
