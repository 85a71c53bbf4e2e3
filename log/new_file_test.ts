import assert from "node:assert/strict";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { fails, Scratch } from "./log_test_support.ts";
import { NewFile } from "./new_file.ts";

const BYTES = Uint8Array.of(1, 2, 3);

Deno.test("a file has its name once it is whole, and not before", async () => {
  using scratch = new Scratch();
  const path = scratch.file("log");
  const frame = new Uint8Array(1 << 20).fill(7);
  using file = NewFile.create({ path, force: false });
  for (let count = 0; count < 5; count++) await file.write(frame);
  assert.match(scratch.names().join(), /^log\.[0-9a-f]{8}\.part$/);
  await file.finish();
  assert.deepEqual(scratch.names(), ["log"]);
  assert.equal(file.bytes, 5 << 20);
  assert.ok(Deno.readFileSync(path).every((byte) => byte === 7));
  assert.equal(Deno.statSync(path).size, 5 << 20);
});

Deno.test("a file that is given up leaves nothing", async () => {
  using scratch = new Scratch();
  {
    using file = NewFile.create({ path: scratch.file("log"), force: false });
    await file.write(BYTES);
  }
  assert.deepEqual(scratch.names(), []);
});

Deno.test("what is there is replaced on request only, and only if it is a file", async () => {
  using scratch = new Scratch();
  const path = scratch.file("log", Uint8Array.of(9));
  const create = (path: string, force: boolean) => () =>
    Promise.resolve().then(() => NewFile.create({ path, force }));
  await fails(create(path, false), UsageError, /log is there: choose another name, or .*--force/);
  assert.deepEqual(Deno.readFileSync(path), Uint8Array.of(9));
  await fails(create(scratch.path, true), UsageError, /is there, and is no file/);
  await fails(create("/dev/null", true), UsageError, /is there, and is no file/);
  await fails(create(scratch.file("no/where"), true), UnavailableError, /can't write .*no\/where/);
  using file = NewFile.create({ path, force: true });
  await file.write(BYTES);
  await file.finish();
  assert.deepEqual(Deno.readFileSync(path), BYTES);
  assert.deepEqual(scratch.names(), ["log"]);
});

Deno.test("a file that turns up in the meantime stays as it is", async () => {
  using scratch = new Scratch();
  const path = scratch.file("log");
  {
    using file = NewFile.create({ path, force: false });
    await file.write(BYTES);
    Deno.writeFileSync(path, Uint8Array.of(9));
    await fails(() => file.finish(), UsageError, /log is there/);
  }
  assert.deepEqual(Deno.readFileSync(path), Uint8Array.of(9));
  assert.deepEqual(scratch.names(), ["log"]);
});

Deno.test("a signal that comes right after the file was made leaves nothing", async () => {
  using scratch = new Scratch();
  const script = `
    const { NewFile } = await import(${JSON.stringify(import.meta.resolve("./new_file.ts"))});
    const { openSync } = Deno;
    Deno.openSync = (...args) => {
      const file = openSync(...args);
      Deno.kill(Deno.pid, "SIGTERM");
      return file;
    };
    NewFile.create({ path: ${JSON.stringify(scratch.file("log"))}, force: false });
    console.log("made");
    await new Promise((resolve) => setTimeout(resolve, 20_000));
  `;
  const config = new URL(import.meta.resolve("../deno.json")).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--config", config, script],
  }).output();
  assert.equal(code, 143);
  assert.equal(
    new TextDecoder().decode(stdout),
    "made\n",
    "the signal is heard, not obeyed at once",
  );
  assert.deepEqual(scratch.names(), []);
});
