import assert from "node:assert/strict";
import { Cache } from "./cache.ts";

async function withCache(test: (cache: Cache) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "understudy-test-" });
  try {
    await test(new Cache(`${folder}/cache`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = (cache: Cache) => [...Deno.readDirSync(cache.path)].map(({ name }) => name);

Deno.test("a file is made once for a key, and anew for another", async () => {
  await withCache(async (cache) => {
    let count = 0;
    const make = (path: string) => Deno.writeTextFileSync(path, `${++count}`);
    const first = await cache.file("base", "one", make);
    assert.equal(await cache.file("base", "one", make), first);
    const second = await cache.file("base", "two", make);
    assert.deepEqual([first, second].map((path) => Deno.readTextFileSync(path)), ["1", "2"]);
  });
});

Deno.test("what fails on the way leaves nothing", async () => {
  await withCache(async (cache) => {
    const fail = async (path: string) => {
      await Deno.writeTextFile(`${path}/half`, "");
      throw new Error("enough");
    };
    await assert.rejects(cache.folder("package", fail), /enough/);
    assert.deepEqual(names(cache), []);
  });
});

Deno.test("two that make the same at the same time both get it", async () => {
  await withCache(async (cache) => {
    const make = async (path: string) => await Deno.writeTextFile(`${path}/file`, "content");
    const paths = await Promise.all([cache.folder("package", make), cache.folder("package", make)]);
    assert.equal(paths[0], paths[1]);
    assert.deepEqual(names(cache), ["package"]);
    assert.equal(await Deno.readTextFile(`${paths[0]}/file`), "content");
  });
});

Deno.test("old files of a kind go, the last few stay", async () => {
  await withCache(async (cache) => {
    const make = (path: string) => Deno.writeTextFileSync(path, "");
    for (const key of ["1", "2", "3", "4", "5"]) {
      const path = await cache.file("project", key, make);
      await Deno.utime(path, Number(key), Number(key));
    }
    await cache.file("base", "1", make);
    const latest = await cache.file("project", "6", make);
    const kept = names(cache).filter((name) => name.startsWith("project-"));
    assert.equal(kept.length, 3);
    assert.ok(kept.some((name) => latest.endsWith(name)));
    assert.equal(names(cache).length, 4);
  });
});
