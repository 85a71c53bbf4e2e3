import assert from "node:assert/strict";
import { printable, printableLine } from "./printable.ts";

Deno.test("what a peer says can't move the cursor, colour the terminal or turn the writing around", () => {
  assert.equal(
    printable("a\x1b[2Jb\rc\x07\x9b1m\u202ed"),
    "a\\x1b[2Jb\\x0dc\\x07\\x9b1m\\u{202e}d",
  );
  assert.equal(printable("größer als 3 €\nzweite Zeile"), "größer als 3 €\nzweite Zeile");
});

Deno.test("what a peer says can't forge a line, nor fill the screen", () => {
  assert.equal(printableLine("lost\nbackup: protected"), "lost\\nbackup: protected");
  const long = printableLine("x".repeat(100_000));
  assert.ok(long.length < 5000 && long.endsWith("(96000 characters more)"), long.slice(-40));
});
