import assert from "node:assert/strict";
import { hostKind } from "./host_kind.ts";

Deno.test("a host is of the same kind whenever it is asked, by whichever process", async () => {
  const code = `import { hostKind } from ${
    JSON.stringify(new URL("./host_kind.ts", import.meta.url).href)
  }; console.log(hostKind());`;
  for (let turn = 0; turn < 3; turn++) {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--allow-all",
        `data:application/typescript,${encodeURIComponent(code)}`,
      ],
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert.equal(decode(stdout), `${hostKind()}\n`, decode(stderr));
  }
});
