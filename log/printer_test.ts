import assert from "node:assert/strict";
import { UnavailableError } from "../base/errors.ts";
import { printBufferBytes } from "../base/limits.ts";
import { fails } from "./log_test_support.ts";
import { type Output, Printer } from "./printer.ts";

/** Takes at most so many bytes at once. */
class Taken implements Output {
  readonly #decoder = new TextDecoder();
  #text = "";

  text(): string {
    return this.#text;
  }

  constructor(private readonly most: number) {}

  write(bytes: Uint8Array): Promise<number> {
    const part = bytes.subarray(0, this.most);
    this.#text += this.#decoder.decode(part, { stream: true });
    return Promise.resolve(part.length);
  }
}

Deno.test("lines come out in order and whole, however little is taken at once", async () => {
  const output = new Taken(3);
  const printer = new Printer(output);
  printer.line("größe");
  printer.line("");
  await printer.flushIfFull();
  assert.equal(output.text(), "", "a line is not worth a write");
  await printer.flush();
  assert.equal(output.text(), "größe\n\n");
  printer.line("x".repeat(printBufferBytes));
  await printer.flushIfFull();
  assert.ok(output.text().endsWith(`\n\n${"x".repeat(printBufferBytes)}\n`));
});

Deno.test("a reader that goes away is no fault; a disk that is full is", async () => {
  const gone = new Printer({ write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")) });
  gone.line("a");
  assert.ok(gone.hasReader);
  await gone.flush();
  assert.ok(!gone.hasReader);
  gone.line("b");
  await gone.flush();
  const full = new Printer({ write: () => Promise.reject(new Error("no space")) });
  full.line("a");
  await fails(() => full.flush(), UnavailableError, /standard output: no space/);
});
