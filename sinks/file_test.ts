import assert from "node:assert/strict";
import { UnavailableError } from "../base/errors.ts";
import { openSink } from "./open.ts";

const options = { machineId: "m" };
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("two sinks on one file, whose outputs overlap, make the file that one would", async () => {
  const path = Deno.makeTempFileSync({ prefix: "understudy-sink-" });
  try {
    const primary = openSink(`file:${path}`, options);
    const backup = openSink(`file:${path}`, options);
    await primary.goLive(0, 0, 1);
    await primary.perform(0, bytes("one "));
    await backup.done(0, bytes("one "));
    await primary.perform(4, bytes("two "));
    await backup.goLive(4, 0, 2);
    await backup.perform(4, bytes("two "));
    await backup.perform(8, bytes("three"));
    assert.equal(Deno.readTextFileSync(path), "one two three");
    assert.equal(await backup.readInput(), undefined);
    await primary.close();
    await backup.close();
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("a file that exists is not truncated; one that can't be opened is unavailable", async () => {
  const path = Deno.makeTempFileSync({ prefix: "understudy-sink-" });
  try {
    Deno.writeTextFileSync(path, "older and longer");
    const sink = openSink(`file:${path}`, options);
    await sink.goLive(0, 0, 1);
    await sink.perform(0, bytes("newer"));
    await sink.close();
    assert.equal(Deno.readTextFileSync(path), "newer and longer");
    assert.throws(() => openSink(`file:${path}/x`, options), UnavailableError);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("a full disk is told, with advice", async () => {
  const sink = openSink("file:/dev/full", options);
  await assert.rejects(
    sink.perform(0, bytes("x")),
    (error: Error) => error instanceof UnavailableError && /make room/.test(error.message),
  );
  await sink.close();
});
