import assert from "node:assert/strict";
import { decodeText, showBytes, toHex } from "./bytes_text.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const SHOWN = { textBytes: 10, hexBytes: 4 };

Deno.test("text is shown as text, all else as hexadecimal digits, and both are cut", () => {
  assert.equal(showBytes(encode("get\r\n"), SHOWN), `"get\\r\\n"`);
  assert.equal(showBytes(encode("0123456789"), SHOWN), `"0123456789"`);
  assert.equal(showBytes(encode("0123456789a"), SHOWN), `"0123456789" ...`);
  assert.equal(showBytes(Uint8Array.of(0, 31, 255), SHOWN), "00 1f ff");
  assert.equal(showBytes(Uint8Array.of(0, 1, 2, 3, 4), SHOWN), "00 01 02 03 ...");
  assert.equal(showBytes(Uint8Array.of(), SHOWN), "");
  assert.equal(toHex(Uint8Array.of(0, 171)), "00ab");
});

Deno.test("what would move a cursor, or turn the direction of writing, is no text", () => {
  for (const text of ["a\x1b[2J", "a\u009b2J", "\u202eabc", "a\u2028b", "\x00", "\u200d"]) {
    assert.equal(decodeText(encode(text), 100), undefined, JSON.stringify(text));
  }
  assert.equal(decodeText(Uint8Array.of(0xc3, 0x28), 100), undefined);
});

Deno.test("a character that the cut parts is left out, and one that the bytes end within is no text", () => {
  assert.equal(decodeText(encode("größe"), 3), "gr");
  assert.equal(decodeText(encode("größe").subarray(0, 3), 3), undefined);
});
