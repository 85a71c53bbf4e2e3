import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Expectation,
  type FaultKind,
  LedgerChecker,
  type LedgerVerdict,
} from "./ledger_checker.ts";
import { goodOutput, LedgerOutput } from "./ledger_output_test_support.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`ledger_checker_test: SEED=${seed}`);

function check(text: string, expectation?: Expectation): LedgerVerdict {
  const checker = new LedgerChecker();
  checker.write(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  return checker.verdict(expectation);
}

/** The kinds of fault found. */
function faultsOf({ ok, faultCounts, faults }: LedgerVerdict): string[] {
  const kinds = Object.entries(faultCounts).filter(([, count]) => count > 0).map(([kind]) => kind);
  assert.equal(ok, kinds.length === 0, "ok says whether there are faults");
  assert.deepEqual([...new Set(faults.map(({ kind }) => kind))].sort(), [...kinds].sort());
  return kinds;
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

Deno.test("the example in the guest's own documentation is right, but for what it shows as an error", () => {
  const text = [
    "1 boot ledger 100ms ~c9e2c266",
    "2 tick 1 100ms ~403f12f7",
    "3 answer #7 add 5 => 5 ~4585f1c6",
    "4 again #7 add 5 => 5 ~810cd814",
    "5 error b\\xff => unknown request ~365f51c7",
  ];
  const madeUp = new LedgerOutput().tick().add(7, 5).reply("again", "#7 add 5", "5")
    .reply("error", "b\\xff", "unknown request");
  assert.deepEqual(madeUp.lines, text, "the output made up for tests is the guest's");
  const verdict = check(textOf(text.slice(0, 4)), { ended: false });
  assert.equal(verdict.faultCounts.checksum, 0);
  assert.deepEqual(faultsOf(check(textOf(text), { ended: false })), ["refused", "unanswered"]);
});

Deno.test("an output in which all is right has no fault, and its figures are counted", () => {
  const { ok, lines, ticks, requests, answered, balance, unanswered } = check(goodOutput(8).text);
  assert.ok(ok);
  assert.deepEqual({ lines, ticks, requests, answered, unanswered }, {
    lines: 14,
    ticks: 3,
    requests: 10,
    answered: 10,
    unanswered: [],
  });
  assert.equal(
    balance,
    `${[1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, k) => sum + k * 37 % 100 - 40, 0)}`,
  );
});

Deno.test("every request has its result checked", () => {
  const results: [string, string, string][] = [
    ["#2 sub 7", "-2", "-3"],
    ["#2 get", "5", "6"],
    ["#2 sum", "1 operations, total 5", "2 operations, total 5"],
    ["#2 time", "120ms 2026-11-23 00:34:35", "20ms 2026-11-23 00:34:35"],
    ["#2 time", "120ms no clock", "noon"],
    ["add -9", "-4", "14"],
    ["#2 tsc", "up 7 to 12", "up 7 to 13"],
    ["#2 random", "luck runs out, down 7 to -2", "luck runs out, down 7 to 12"],
    ["#2 tscp", "up 1000 to 1005", "up 1001 to 1006"],
  ];
  for (const [request, right, wrong] of results) {
    const output = (result: string) =>
      new LedgerOutput().tick().add(1, 5).reply("answer", request, result).text;
    assert.deepEqual(faultsOf(check(output(right), { ended: false })), [], request);
    assert.deepEqual(faultsOf(check(output(wrong), { ended: false })), ["result"], request);
  }
});

Deno.test("lines that came again unchanged are counted, and are no fault", () => {
  const { lines } = goodOutput();
  const verdict = check(textOf([...lines.slice(0, 6), ...lines.slice(3)]));
  assert.deepEqual(faultsOf(verdict), []);
  assert.equal(verdict.linesSeenTwice, 3);
  assert.equal(verdict.lines, lines.length);
});

Deno.test("an answer given again does not change the account", () => {
  const output = new LedgerOutput().add(1, 5).reply("again", "#1 add 5", "5").add(2, 1).end(3);
  const verdict = check(output.text);
  assert.deepEqual(faultsOf(verdict), []);
  assert.equal(verdict.balance, "6");
  assert.equal(verdict.answeredAgain, 1);
});

/** Each is broken in one way, and that way only, with what is to be found. */
const broken: readonly [string, () => string, FaultKind[]][] = [
  ["a line is missing", () => {
    const { lines } = goodOutput();
    return textOf(lines.filter((line) => !line.includes(" tick 2 ")));
  }, ["skipped", "tick"]],
  ["a line is missing, and those after it are numbered as if it were not", () => {
    const { lines } = goodOutput();
    const left = lines.filter((line) => !line.includes(" tick 3 "));
    return textOf(left.map((line, at) => line.replace(/^\d+/, `${at + 1}`)));
  }, ["checksum"]],
  ["a line's checksum is another", () => {
    const { lines } = goodOutput();
    return textOf(lines.map((line, at) => at === 4 ? line.replace(/~.*/, "~00c0ffee") : line));
  }, ["checksum"]],
  ["a line came again with another text", () => {
    const { lines } = goodOutput();
    return textOf([...lines.slice(0, 6), lines[5]!.replace(/~.*/, "~00c0ffee"), ...lines.slice(6)]);
  }, ["changed"]],
  [
    "a request was applied twice",
    () => new LedgerOutput().add(1, 5).add(2, 6).add(2, 6).end(3).text,
    ["appliedTwice"],
  ],
  [
    "a request was answered that nobody sees applied",
    () => new LedgerOutput().add(1, 5).reply("again", "#2 add 1", "6").add(2, 0).end(3).text,
    ["result"],
  ],
  [
    "an answer given again is another one",
    () => new LedgerOutput().add(1, 5).reply("again", "#1 add 5", "6").end(2).text,
    ["result"],
  ],
  [
    "an answer given again is to another request",
    () => new LedgerOutput().add(1, 5).reply("again", "#1 get", "5").end(2).text,
    ["result"],
  ],
  ["a request has no answer", () => new LedgerOutput().add(1, 5).add(3, 6).end(4).text, [
    "unanswered",
  ]],
  [
    "a result does not follow from the requests",
    () => new LedgerOutput().add(1, 5).reply("answer", "#2 get", "7").end(3).text,
    ["result"],
  ],
  [
    "the sum knows of an operation that nobody was shown",
    () =>
      new LedgerOutput().add(1, 5).reply("answer", "#2 sum", "2 operations, total 6")
        .reply("bye", "#3 quit", "balance 5").text,
    ["result"],
  ],
  ["a tick's number is left out", () => new LedgerOutput().tick().tick(300, 3).end(1).text, [
    "tick",
  ]],
  ["a tick comes before its time", () => new LedgerOutput().tick().tick(199).end(1).text, ["tick"]],
  ["the clock goes back", () => new LedgerOutput().tick(500).tick(400).end(1).text, ["tick"]],
  [
    "the guest got a request damaged",
    () => new LedgerOutput().reply("error", "#1 a\\xff", "unknown request").add(1, 2).end(2).text,
    [
      "refused",
    ],
  ],
  ["the last line is cut short", () => goodOutput().text.slice(0, -3), ["end"]],
  ["the end is missing", () => textOf(goodOutput().lines.slice(0, -1)), ["end"]],
  ["there is more after the end", () => goodOutput().tick().text, ["end"]],
  ["there is nothing", () => "", ["end"]],
  ["the guest boots again", () => new LedgerOutput().print("boot", "ledger").end(1).text, [
    "malformed",
  ]],
  ["the first line is no boot line", () => {
    const { lines } = goodOutput();
    return textOf([lines[0]!.replace("boot ledger 100ms", "tick 1 100ms"), ...lines.slice(1)]);
  }, ["malformed", "checksum", "tick"]],
  ["a line is no line", () => {
    const { lines } = goodOutput();
    return textOf([...lines.slice(0, 4), "segmentation fault", ...lines.slice(4)]);
  }, ["malformed"]],
  ["a line never ends", () => goodOutput().text + "x".repeat(5000), ["malformed"]],
];

for (const [what, make, kinds] of broken) {
  Deno.test(`it is found that ${what}`, () => {
    assert.deepEqual(faultsOf(check(make())).sort(), [...kinds].sort());
  });
}

Deno.test("requests that were sent and left no trace are missing if their number is told", () => {
  const output = new LedgerOutput().add(1, 5).add(2, 6);
  assert.deepEqual(faultsOf(check(output.text, { ended: false, requests: 2 })), []);
  const verdict = check(output.text, { ended: false, requests: 4 });
  assert.deepEqual(faultsOf(verdict), ["unanswered"]);
  assert.deepEqual(verdict.unanswered, [3, 4]);
});

Deno.test("a verdict does not depend on the pieces in which the output comes", () => {
  const bytes = new TextEncoder().encode(goodOutput(20).text);
  const whole = check(goodOutput(20).text);
  const pieces = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 });
  fc.assert(
    fc.property(pieces, (lengths) => {
      const checker = new LedgerChecker();
      const lines: number[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const end = at + lengths[turn % lengths.length]!;
        lines.push(...checker.write(bytes.subarray(at, end)).map(({ number }) => number));
        at = end;
      }
      assert.deepEqual(checker.verdict(), whole);
      assert.deepEqual(lines, lines.map((_, at) => at + 1));
    }),
    { seed },
  );
});

Deno.test("any byte changed, and any run of bytes cut out, is found", () => {
  const { text } = goodOutput(12);
  const at = fc.nat(text.length - 1);
  fc.assert(
    fc.property(at, fc.nat(255), (at, byte) => {
      fc.pre(text.charCodeAt(at) !== byte);
      const changed = text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + 1);
      assert.ok(!check(changed).ok, `byte ${at} made ${byte}`);
    }),
    { seed, numRuns: 2000 },
  );
  fc.assert(
    fc.property(at, fc.integer({ min: 1, max: 200 }), (at, length) => {
      assert.ok(!check(text.slice(0, at) + text.slice(at + length)).ok, `${length} bytes at ${at}`);
    }),
    { seed, numRuns: 2000 },
  );
});
