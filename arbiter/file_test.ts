import assert from "node:assert/strict";
import { PeerError, UnavailableError, UsageError } from "../base/errors.ts";
import { type ClaimResult, formatRegister, type Register } from "./arbiter.ts";
import { FileArbiter } from "./file.ts";
import { type FileOps, systemFileOps } from "./file_ops.ts";

function register(generation: number, nonce: string, fields: Partial<Register> = {}): Register {
  const when = "2026-01-02T03:04:05.678Z";
  const rest = { who: "host", address: "192.0.2.1:7", when, ended: false };
  return { machineId: "m", generation, nonce, ...rest, ...fields };
}

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

Deno.test("a claim is won once, lost by everybody else, and can be read", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path);
  assert.equal(await arbiter.latest("m"), undefined);
  assert.equal(await arbiter.read("m", 1), undefined);
  const mine = register(1, "mine");
  assert.deepEqual(await arbiter.claim(mine), { kind: "won", register: mine });
  assert.deepEqual(await arbiter.claim(register(1, "other")), { kind: "lost", holder: mine });
  assert.deepEqual(await arbiter.claim(mine), { kind: "won", register: mine });
  assert.deepEqual(await arbiter.read("m", 1), mine);
  assert.deepEqual(scratch.names(), ["m.1.json"]);
});

Deno.test("the end of the guest takes the generation that a takeover would need", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path);
  await arbiter.claim(register(1, "primary"));
  const end = register(2, "end", { ended: true });
  assert.equal((await arbiter.claim(end)).kind, "won");
  assert.deepEqual(await arbiter.claim(register(2, "backup")), { kind: "lost", holder: end });
});

Deno.test("of 100 claims at once in four processes exactly one wins", async () => {
  using scratch = new Scratch();
  const program = `
    import { FileArbiter } from ${JSON.stringify(import.meta.resolve("./file.ts"))};
    const [directory, who] = Deno.args;
    const arbiter = new FileArbiter(directory);
    console.log("ready");
    await Deno.stdin.read(new Uint8Array(1));
    const results = await Promise.all(Array.from({ length: 25 }, (_, i) => arbiter.claim({
      machineId: "m", generation: 1, nonce: who + "." + i, who, address: ":1",
      when: "2026-01-02T03:04:05Z", ended: false })));
    console.log(JSON.stringify(results));`;
  const script = `${scratch.path}/claim.ts`;
  Deno.writeTextFileSync(script, program);
  const config = new URL("../deno.json", import.meta.url).pathname;
  const children = Array.from({ length: 4 }, (_, i) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--config", config, script, scratch.path, `p${i}`],
      stdin: "piped",
      stdout: "piped",
    }).spawn());
  const outputs = children.map((child) =>
    child.stdout.pipeThrough(new TextDecoderStream()).getReader()
  );
  await Promise.all(outputs.map((output) => output.read()));
  const texts = await Promise.all(children.map(async (child, i) => {
    const stdin = child.stdin.getWriter();
    await stdin.write(new Uint8Array(1));
    await stdin.close();
    let text = "";
    for (let part; !(part = await outputs[i]!.read()).done;) text += part.value;
    assert.equal((await child.status).code, 0);
    return text;
  }));
  const results = texts.flatMap((text) => JSON.parse(text) as ClaimResult[]);
  assert.equal(results.length, 100);
  const winners = results.filter((result) => result.kind === "won");
  assert.equal(winners.length, 1);
  for (const result of results) {
    if (result.kind === "lost") assert.equal(result.holder.nonce, winners[0]!.register.nonce);
    else assert.equal(result.kind, "won");
  }
  assert.deepEqual(scratch.names(), ["claim.ts", "m.1.json"]);
});

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
  await assert.rejects(arbiter.probe("m"), /knows no machine m/);
  await arbiter.claim(register(1, "mine"));
  await arbiter.probe("m");
  assert.deepEqual(scratch.names(), ["m.1.json"]);
  const create = () => Promise.reject(systemError("EROFS"));
  const readOnly = new FileArbiter(scratch.path, { ...systemFileOps, create });
  await assert.rejects(readOnly.probe("m"), /mount it writable/);
  await assert.rejects(new FileArbiter(`${scratch.path}/missing`).probe("m"), UnavailableError);
});

Deno.test("a directory without the generation before is not the arbiter", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path);
  const result = await arbiter.claim(register(2, "mine"));
  assert.ok(result.kind === "unreachable" && /m\.1\.json is not there.*mounted/.test(result.why));
  assert.deepEqual(scratch.names(), []);
});

Deno.test("a malformed register is named, and nobody wins it", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path);
  const good = formatRegister(register(1, "x"));
  const cases: [string, RegExp][] = [
    ["", /m\.1\.json: not a JSON object/],
    [good.slice(0, -3), /not a JSON object/],
    ["[]", /not a JSON object/],
    [good.replace("understudy", "some"), /format is/],
    [good.replace('"version": 1', '"version": 2'), /version is 2, expected 1/],
    [good.replace('"generation": 1', '"generation": 0'), /generation is 0/],
    [good.replace('"generation": 1', '"generation": 3'), /generation 3; was it renamed/],
    [good.replace('"nonce": "x"', '"nonce": ""'), /nonce is ""/],
    [good.replace('"ended": false', '"ended": 0'), /ended is 0/],
    [good.replace('"who"', '"whom"'), /who is missing/],
    [good + " ".repeat(5000), /longer than/],
  ];
  for (const [text, message] of cases) {
    scratch.write("m.1.json", text);
    const expected = (error: Error) => error instanceof PeerError && message.test(error.message);
    await assert.rejects(arbiter.read("m", 1), expected);
    await assert.rejects(arbiter.claim(register(1, "mine")), expected);
  }
});

Deno.test("the latest register is found over gaps and among other machines' and other files", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path);
  for (const generation of [1, 3, 10]) {
    scratch.write(`m.${generation}.json`, formatRegister(register(generation, "x")));
  }
  scratch.write("m.1.11.json", formatRegister(register(11, "x", { machineId: "m.1" })));
  scratch.write("m.x.json", "");
  scratch.write(".m.12.json.00000000-0000-0000-0000-000000000000.tmp", "");
  assert.equal((await arbiter.latest("m"))?.generation, 10);
  assert.equal((await arbiter.latest("m.1"))?.generation, 11);
  assert.equal(await arbiter.latest("other"), undefined);
});

Deno.test("a machine id that could leave the directory, and a register too long, are refused", async () => {
  using scratch = new Scratch();
  const arbiter = new FileArbiter(scratch.path);
  for (const machineId of ["", "a/b", "a b", "\n", "x".repeat(65)]) {
    await assert.rejects(arbiter.claim(register(1, "x", { machineId })), UsageError);
    await assert.rejects(arbiter.latest(machineId), UsageError);
  }
  await assert.rejects(arbiter.claim(register(1, "x", { who: "x".repeat(301) })), UsageError);
});
