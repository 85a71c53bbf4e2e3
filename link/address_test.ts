import assert from "node:assert/strict";
import { UsageError } from "../base/errors.ts";
import { formatAddress, parseAddress } from "./address.ts";

Deno.test("an address is HOST:PORT, [IPV6]:PORT or :PORT, and is written as it was read", () => {
  for (
    const [text, hostname, port] of [
      ["localhost:1", "localhost", 1],
      ["192.0.2.7:65535", "192.0.2.7", 65535],
      ["[::1]:0", "::1", 0],
      ["[2001:db8::192.0.2.1]:80", "2001:db8::192.0.2.1", 80],
      ["a-b.example:8080", "a-b.example", 8080],
    ] as const
  ) {
    assert.deepEqual(parseAddress(text), { hostname, port });
    assert.equal(formatAddress({ hostname, port }), text);
  }
  assert.deepEqual(parseAddress(":7"), { hostname: "0.0.0.0", port: 7 });
});

Deno.test("what is not an address is refused with an example", () => {
  for (
    const text of ["", "host", "host:", ":", "host:65536", "host:x", "::1:80", "[::1]", "a b:1"]
  ) {
    assert.throws(
      () => parseAddress(text),
      (error: Error) => error instanceof UsageError && /HOST:PORT/.test(error.message),
    );
  }
});
