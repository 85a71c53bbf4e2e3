import assert from "node:assert/strict";
import { freePort } from "./pair_processes.ts";

Deno.test("no port is given to two of those that have yet to listen", () => {
  const ports = Array.from({ length: 2000 }, freePort);
  assert.equal(new Set(ports).size, ports.length);
});
