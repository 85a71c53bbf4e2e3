import assert from "node:assert/strict";
import { UnavailableError } from "../base/errors.ts";
import { formatRegister } from "./arbiter.ts";
import { type Place, register, testContract } from "./contract_test_support.ts";
import { FileArbiter } from "./file.ts";
import { type FileOps, systemFileOps } from "./file_ops.ts";

class Scratch {
  readonly path = Deno.makeTempDirSync({ prefix: "understudy-arbiter-" });
  names(): string[] {
    return Array.from(Deno.readDirSync(this.path), (entry) => entry.name).sort();
  }
  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.path}/${name}`, text);
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code} (injected)`), { code });
}

testContract("file", () => {
  const scratch = new Scratch();
  const place: Place = {
    spec: `file:${scratch.path}`,
    plant: (id, generation, text) =>
      Promise.resolve(scratch.write(`${id}.${generation}.json`, text)),
    stored: () => Promise.resolve(scratch.names()),
    [Symbol.asyncDispose]: () => Promise.resolve(scratch[Symbol.dispose]()),
  };
  return Promise.resolve(place);
});

/** File operations of a process that dies at the `fatal`th one: half done, then nothing works. */
function dyingOps(fatal: number): FileOps {
  let count = 0;
  const step = <A extends unknown[], R>(
    whole: (...args: A) => Promise<R>,
    half: (...args: A) => Promise<unknown> = () => Promise.resolve(),
  ) =>
  async (...args: A): Promise<R> => {
    count++;
    if (count < fatal) return await whole(...args);
    if (count === fatal) await half(...args);
    throw systemError("EIO");
  };
  const ops = systemFileOps;
  return {
    create: step(ops.create, (path, text) => ops.create(path, text.slice(0, text.length / 2))),
    link: step(ops.link),
    syncDirectory: step(ops.syncDirectory),
    remove: step(ops.remove),
    read: step(ops.read),
    list: step(ops.list),
  };
}

Deno.test("a crash at any step of a claim leaves no register or a whole one, and no claim is won twice", async () => {
  for (let fatal = 1; fatal <= 12; fatal++) {
    using scratch = new Scratch();
    const dying = await new FileArbiter(scratch.path, dyingOps(fatal)).claim(register(1, "dying"));
    const arbiter = new FileArbiter(scratch.path);
    const left = await arbiter.read("m", 1);
    const next = await arbiter.claim(register(1, "next"));
    if (left === undefined) {
      assert.equal(dying.kind, "unreachable");
      assert.equal(next.kind, "won");
    } else {
      assert.deepEqual(left, register(1, "dying"));
      assert.deepEqual(next, { kind: "lost", holder: left });
    }
    assert.deepEqual(scratch.names(), ["m.1.json"], "stale temporaries are removed");
  }
});

Deno.test("an error from a link that was made is read again, and won", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path, {
    ...systemFileOps,
    async link(from, to) {
      await systemFileOps.link(from, to);
      throw systemError("EIO");
    },
  });
  assert.equal((await arbiter.claim(register(1, "mine"))).kind, "won");
  assert.equal((await arbiter.claim(register(1, "other"))).kind, "lost");
});

Deno.test("a register that a power cut could undo is not won until its directory is flushed", async () => {
  using scratch = new Scratch();
  let failures = 1;
  const arbiter = new FileArbiter(scratch.path, {
    ...systemFileOps,
    syncDirectory: (path) =>
      failures-- > 0 ? Promise.reject(systemError("EIO")) : systemFileOps.syncDirectory(path),
  });
  const first = await arbiter.claim(register(1, "mine"));
  assert.ok(first.kind === "unreachable" && /storage fails/.test(first.why));
  assert.equal((await arbiter.claim(register(1, "mine"))).kind, "won");
});

Deno.test("a full disk, a read-only or a missing directory is an arbiter out of reach, with advice", async () => {
  using scratch = new Scratch();
  for (const [code, advice] of [["ENOSPC", /make room/], ["EACCES", /let this user/]] as const) {
    const create = () => Promise.reject(systemError(code));
    const result = await new FileArbiter(scratch.path, { ...systemFileOps, create })
      .claim(register(1, "mine"));
    assert.ok(result.kind === "unreachable" && advice.test(result.why));
  }
  const missing = new FileArbiter(`${scratch.path}/missing`);
  for (const generation of [1, 2]) {
    const result = await missing.claim(register(generation, "mine"));
    assert.ok(result.kind === "unreachable" && /create the directory/.test(result.why));
  }
  await assert.rejects(missing.read("m", 1), UnavailableError);
  await assert.rejects(missing.latest("m"), UnavailableError);
  assert.deepEqual(scratch.names(), []);
});

Deno.test("a probe finds what a claim would find: a directory that is missing, or read-only, or another one", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path);
  await arbiter.claim(register(1, "mine"));
  await arbiter.probe("m");
  assert.deepEqual(scratch.names(), ["m.1.json"]);
  const create = () => Promise.reject(systemError("EROFS"));
  const readOnly = new FileArbiter(scratch.path, { ...systemFileOps, create });
  await assert.rejects(readOnly.probe("m"), /mount it writable/);
  await assert.rejects(new FileArbiter(`${scratch.path}/missing`).probe("m"), UnavailableError);
});

Deno.test("a register goes by its file's name, and other files of the directory are let be", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path);
  const first = register(1, "x");
  await arbiter.claim(first);
  assert.deepEqual(scratch.names(), ["m.1.json"]);
  scratch.write("m.x.json", "");
  scratch.write(".m.12.json.00000000-0000-0000-0000-000000000000.tmp", "");
  assert.deepEqual(await arbiter.latest("m"), first);
  assert.equal(Deno.readTextFileSync(`${scratch.path}/m.1.json`), formatRegister(first));
});
