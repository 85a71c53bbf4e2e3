// deno-lint-ignore-file no-control-regex -- it is about them
import assert from "node:assert/strict";
import { Show } from "./show.ts";

function shown(isTerminal: boolean, isColoured: boolean): string {
  let text = "";
  const show = new Show((piece) => text += piece, isTerminal, isColoured);
  show.line(show.paint("bold", "a title"));
  show.progress("work", 0.5);
  show.progress("work", 1.5);
  show.mark(true, "work", "done");
  show.progress("more work");
  show.mark(false, "more work", "not done");
  show.note("a figure", "5");
  show.progress("at the end");
  show.close();
  return text;
}

Deno.test("a file gets whole lines of plain text", () => {
  const text = shown(false, false);
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]/);
  assert.deepEqual(text.split("\n").map((line) => line.trim().replace(/ {2,}/, "  ")), [
    "a title",
    "✓ work  done",
    "✗ more work  not done",
    "a figure  5",
    "",
  ]);
});

Deno.test("a terminal shows progress in a line that leaves nothing behind", () => {
  const text = shown(true, false);
  assert.match(text, /█/);
  const left = text.replaceAll(/[^\n]*\r\x1b\[K/g, "");
  assert.equal(left, shown(false, false));
});

Deno.test("colour ends where it should", () => {
  const text = shown(true, true);
  assert.equal(text.match(/\x1b\[\d+m/g)!.length % 2, 0);
  for (const [, , end] of text.matchAll(/\x1b\[([1-9]\d*)m[^\x1b]*(\x1b\[\d*m)/g)) {
    assert.equal(end, "\x1b[0m");
  }
});
