/**
 * Compares every table of this room with the C headers: a C program made from the tables prints what the
 * compiler thinks of each field and each number.
 */
import assert from "node:assert/strict";
import { sizeOf } from "../base/layout.ts";
import { kvmCaps, kvmExits, kvmFlags, kvmIoctls } from "./kvm_numbers.ts";
import { kvmLayouts } from "./kvm_structs.ts";
import * as libc from "./libc.ts";

/** One figure: the C expression for it, and what the tables say. */
interface Figure {
  readonly expression: string;
  readonly value: bigint;
}

function* structFigures(): Generator<Figure> {
  for (const layout of kvmLayouts) {
    const c = `struct ${layout.name}`;
    yield { expression: `sizeof (${c})`, value: BigInt(layout.size) };
    for (const { path, offset, type } of layout.leaves()) {
      // `u` is the anonymous union of kvm_run.
      const member = path.replace(/^u\./, "").replace(/\.(\d+)/g, "[$1]");
      yield { expression: `offsetof(${c}, ${member})`, value: BigInt(offset) };
      yield { expression: `sizeof ((${c} *)0)->${member}`, value: BigInt(sizeOf(type)) };
    }
  }
}

function* numberFigures(): Generator<Figure> {
  const { openFlags, mapFlags, Errno, SIG_BLOCK, CLOCK_MONOTONIC } = libc;
  const host = { ...openFlags, ...mapFlags, ...Errno, SIG_BLOCK, CLOCK_MONOTONIC };
  for (const table of [kvmIoctls, kvmCaps, kvmExits, kvmFlags, host]) {
    for (const [name, value] of Object.entries(table)) {
      yield { expression: name, value: BigInt(value) };
    }
  }
  yield { expression: "sizeof (sigset_t)", value: BigInt(libc.sigsetBytes) };
  yield { expression: "sizeof (struct timespec)", value: 16n };
}

/** Compiles and runs a program that prints the expressions, one a line. */
async function printed(expressions: readonly string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const lines = expressions.map((e) => `  printf("%llu\\n", (unsigned long long)(${e}));`);
    const headers = [
      "errno",
      "fcntl",
      "signal",
      "stddef",
      "stdio",
      "sys/mman",
      "time",
      "linux/kvm",
    ];
    const source = [
      "#define _GNU_SOURCE",
      ...headers.map((header) => `#include <${header}.h>`),
      "int main(void) {",
      ...lines,
      "}\n",
    ].join("\n");
    await Deno.writeTextFile(`${folder}/figures.c`, source);
    await output("cc", ["-o", `${folder}/figures`, `${folder}/figures.c`]);
    return (await output(`${folder}/figures`, [])).trimEnd().split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  assert(success, `${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

Deno.test("every field, size and number is what the C headers say", async () => {
  const figures = [...structFigures(), ...numberFigures()];
  const values = await printed(figures.map(({ expression }) => expression));
  assert.equal(values.length, figures.length);
  const show = (value: (i: number) => unknown) =>
    figures.map(({ expression }, i) => `${expression} = ${value(i)}`);
  assert.deepEqual(show((i) => figures[i]?.value), show((i) => values[i]));
  console.log(`compared ${figures.length} figures with the headers`);
});
