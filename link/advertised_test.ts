import assert from "node:assert/strict";
import { UsageError } from "../base/errors.ts";
import { advertisedAddress } from "./advertised.ts";

Deno.test("what is told to others is what they can connect to", () => {
  const cases: [string, string | undefined, string][] = [
    ["10.0.0.1:7000", undefined, "10.0.0.1:7000"],
    ["[fe80::1]:7000", undefined, "[fe80::1]:7000"],
    ["0.0.0.0:7000", undefined, "host1:7000"],
    ["[::]:7000", undefined, "host1:7000"],
    ["0.0.0.0:7000", "a.lan:7001", "a.lan:7001"],
    ["127.0.0.1:7000", "[::1]:7001", "[::1]:7001"],
  ];
  for (const [listening, asked, expected] of cases) {
    assert.equal(advertisedAddress(listening, asked, "host1"), expected);
  }
});

Deno.test("an address that nobody could connect to is refused", () => {
  for (const asked of [":7000", "0.0.0.0:7000", "[::]:7000", "host:0", "host", ""]) {
    assert.throws(() => advertisedAddress("0.0.0.0:7000", asked, "host1"), UsageError);
  }
});
