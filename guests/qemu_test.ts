// The bundled guests that need a console alone, under QEMU: they must do there the same as in our machine. Run
// by `deno task ok`; needs qemu-system-x86 (apt-get).

import assert from "node:assert/strict";
import { checkSpin } from "../tests/support/spin.ts";
import {
  boot,
  chooseAccelerator,
  ENDED_WELL,
  exitStatus,
  linesOf,
  run,
} from "./qemu_test_support.ts";

Deno.test("hello tells its memory and command line and ends with code 0", async () => {
  const { lines, code } = await run("hello", "a b=c", await chooseAccelerator());
  assert.deepEqual(lines, [
    "hello from ring 3, with 128 MiB of memory",
    "command line: a b=c",
  ]);
  assert.equal(code, ENDED_WELL);
});

Deno.test("the ledger answers requests between its ticks and ends when told to", async () => {
  const requests = [
    ["add 5", "answer add 5 => 5"],
    ["#1 sub 7", "answer #1 sub 7 => -2"],
    ["#1 sub 7", "again #1 sub 7 => -2"],
    ["sum", "answer sum => 2 operations, total 12"],
    ["give\t5", "error give\\x095 => unknown request"],
    ["time", /^answer time => \d+ms (20\d\d-\d\d-\d\d \d\d:\d\d:\d\d|no clock)$/],
    ["quit", "bye quit => balance -2"],
  ] as const;
  const process = boot("ledger", "", await chooseAccelerator());
  const writer = process.stdin.getWriter();
  const encoder = new TextEncoder();
  let number = 0;
  let ticks = 0;
  let asked = 0;
  for await (const line of linesOf(process)) {
    const [, n, rest] = line.match(/^(\d+) (.*) ~[0-9a-f]{8}$/) ?? assert.fail(`form of: ${line}`);
    assert.equal(Number(n), ++number);
    const tick = rest?.match(/^tick (\d+) (\d+)ms$/);
    if (tick) {
      assert.equal(Number(tick[1]), ++ticks);
      assert(Number(tick[2]) >= 100 * ticks, line);
      // The next request goes out on a tick, so that both mix.
      const next = requests[asked];
      if (next) await writer.write(encoder.encode(`${next[0]}\n`));
    } else if (rest === "boot ledger 100ms") {
      assert.equal(number, 1);
    } else {
      const [, expected] = requests[asked++] ?? assert.fail(`nobody asked for: ${line}`);
      if (typeof expected === "string") assert.equal(rest, expected);
      else assert.match(rest ?? "", expected);
    }
  }
  assert.equal(asked, requests.length);
  assert.equal((await process.status).code, ENDED_WELL);
  await writer.close().catch(() => {}); // its reader is gone
});

Deno.test("stress exercises every port and interrupt source and ends with code 0", async () => {
  const { lines, code } = await run("stress", "7 20", await chooseAccelerator());
  assert.equal(code, ENDED_WELL);
  assert.equal(lines.at(0), "stress seed 7 rounds 20");
  assert.equal(lines.at(-1), "done");
  const rounds = lines.filter((line) => /^round \d+ checksum [0-9a-f]{16}$/.test(line));
  assert.equal(rounds.length, 20);
  const ports = lines.flatMap((line) => [...line.matchAll(/^port .* reads (\d+) writes (\d+)$/g)]);
  assert.equal(ports.length, 26);
  for (const [line, reads, writes] of ports) assert(Number(reads) + Number(writes) > 0, line);
  for (const vector of ["20", "24", "28"]) {
    assert(lines.some((line) => new RegExp(`^vector ${vector} count [1-9]`).test(line)), vector);
  }
});

Deno.test("a spin answers between its timer's interrupts, writes as many pages as it is told to, and has the right result", async () => {
  const commandLine = "working-set=4M seconds=2 pages-per-second=500 hz=50";
  const process = boot("spin", commandLine, await chooseAccelerator());
  const writer = process.stdin.getWriter();
  const ask = (question: string) => writer.write(new TextEncoder().encode(`${question}\n`));
  let output = "";
  for await (const line of linesOf(process)) {
    output += `${line}\n`;
    if (line.startsWith("spin ")) {
      for (const question of ["?", "what", "?"]) await ask(question);
    } else if (line.startsWith("answer 3 ")) await ask("?");
  }
  const { answers, pages, rounds } = checkSpin(output);
  assert.deepEqual([answers, pages], [4, 1024]);
  assert(rounds > 0);
  assert.equal((await process.status).code, ENDED_WELL);
  await writer.close().catch(() => {}); // its reader is gone
});

Deno.test("stress refuses arguments that are no numbers", async () => {
  const { lines, code } = await run("stress", "seven", await chooseAccelerator());
  assert.deepEqual(lines, ["usage: SEED ROUNDS, two decimal numbers"]);
  assert.equal(code, exitStatus(2));
});
