import assert from "node:assert/strict";
import { progressMs } from "../base/limits.ts";
import { fileOf, Scratch, session } from "./log_test_support.ts";
import { Progress, totalBytesOf } from "./progress.ts";

Deno.test("a bar shows up for long work only, moves now and then, counts all files, and goes away", () => {
  const said: string[] = [];
  let nowMs = 0;
  {
    using progress = new Progress({ live: (text) => said.push(text) }, 200, () => nowMs);
    progress.at(10);
    nowMs = progressMs.after;
    progress.at(50);
    progress.at(60);
    nowMs += progressMs.every;
    progress.at(100);
    progress.next();
    nowMs += progressMs.every;
    progress.at(50);
  }
  assert.deepEqual(said.map((text) => text.replace(/^[█░]+ /, "")), ["25 %", "50 %", "75 %", ""]);
});

Deno.test("of what has no length there is no bar", () => {
  using scratch = new Scratch();
  const bytes = fileOf(session());
  const path = scratch.file("log", bytes);
  assert.equal(totalBytesOf([path, path]), 2 * bytes.length);
  assert.equal(totalBytesOf([path, "/dev/null"]), 0);
  assert.equal(totalBytesOf([path, scratch.file("nothing")]), 0);
  const said: string[] = [];
  let nowMs = 0;
  const progress = new Progress({ live: (text) => said.push(text) }, 0, () => nowMs);
  nowMs = 10 * progressMs.after;
  progress.at(1000);
  assert.deepEqual(said, []);
});
