import assert from "node:assert/strict";
import { UsageError } from "../base/errors.ts";
import { Claimer } from "./claimer.ts";
import { FileArbiter } from "./file.ts";
import { ReignsError, winFirst } from "./first_claim.ts";

/** Claimers of one machine in a directory of their own. */
async function inDirectory(body: (claimer: (who: string) => Claimer) => Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    await body((who) =>
      new Claimer(new FileArbiter(directory), { machineId: "m", who, address: "192.0.2.1:7" })
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a machine that nobody knows starts as generation 1, and only once", async () => {
  await inDirectory(async (claimer) => {
    assert.equal(await winFirst(claimer("one"), undefined), 1);
    await assert.rejects(
      winFirst(claimer("other"), undefined),
      (error) =>
        error instanceof ReignsError &&
        /generation 1, one .*backup --primary 192.0.2.1:7/.test(error.message),
    );
  });
});

Deno.test("a machine whose guest has ended starts anew, in the generation after its end", async () => {
  await inDirectory(async (claimer) => {
    const one = claimer("one");
    assert.equal(await winFirst(one, undefined), 1);
    assert.equal((await one.claim(2, true)).kind, "won");
    assert.equal(await winFirst(claimer("other"), undefined), 3);
  });
});

Deno.test("only the latest generation can be superseded", async () => {
  await inDirectory(async (claimer) => {
    assert.equal(await winFirst(claimer("one"), undefined), 1);
    await assert.rejects(
      winFirst(claimer("other"), 2),
      (error) => error instanceof UsageError && /latest generation of m is 1/.test(error.message),
    );
    assert.equal(await winFirst(claimer("other"), 1), 2);
  });
});
