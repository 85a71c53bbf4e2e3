import assert from "node:assert/strict";
import { UsageError } from "../../base/errors.ts";
import { parseRequest } from "./prompt.ts";

Deno.test("a line of the prompt says what it says", () => {
  const cases: [string, object][] = [
    ["", { verb: "nothing" }],
    ["# cut A>B", { verb: "nothing" }],
    ["  quit ", { verb: "quit" }],
    ["run A echo 'a  b' | wc", { verb: "run", host: "A", command: "echo 'a  b' | wc" }],
    ["start B ./understudy backup", { verb: "start", host: "B", command: "./understudy backup" }],
    ["kill A", { verb: "kill", host: "A" }],
    ["boot A", { verb: "boot", host: "A" }],
    ["cut A>B", { verb: "cut", ways: [{ from: "A", to: "B" }] }],
    ["cut A-arbiter", {
      verb: "cut",
      ways: [{ from: "A", to: "arbiter" }, { from: "arbiter", to: "A" }],
    }],
    ["delay observer>B 2s", {
      verb: "delay",
      ways: [{ from: "observer", to: "B" }],
      delayMs: 2000,
    }],
    ["heal", { verb: "heal", ways: [] }],
    ["heal B>A", { verb: "heal", ways: [{ from: "B", to: "A" }] }],
    ["reach A 7100", { verb: "reach", host: "A", port: 7100 }],
    ["sleep 50ms", { verb: "sleep", durationMs: 50 }],
  ];
  for (const [line, request] of cases) assert.deepEqual(parseRequest(line), request, line);
});

Deno.test("a line that means nothing is refused, and says where to look", () => {
  for (
    const line of ["dance", "kill", "kill C", "run A", "cut", "cut A>A", "cut A>C", "quit now"]
  ) {
    assert.throws(() => parseRequest(line), UsageError, line);
  }
});
