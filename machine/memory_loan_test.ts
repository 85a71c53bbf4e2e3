import assert from "node:assert/strict";
import { MemoryLoan } from "./memory_loan.ts";

Deno.test("memory can be borrowed again and again until its owner has gone, and then no more", () => {
  const buffer = new SharedArrayBuffer(4);
  const main = new MemoryLoan(buffer);
  for (let time = 0; time < 3; time++) {
    assert.ok(main.take());
    main.giveBack();
  }
  new MemoryLoan(buffer)[Symbol.dispose]();
  assert.ok(!main.take());
  assert.ok(!main.take());
});

Deno.test("an owner does not end while its memory is being read", async () => {
  const buffer = new SharedArrayBuffer(4);
  const main = new MemoryLoan(buffer);
  const worker = new Worker(new URL("./memory_loan_test_worker.ts", import.meta.url), {
    type: "module",
  });
  try {
    const said: string[] = [];
    let heard = Promise.withResolvers<void>();
    worker.onmessage = ({ data }) => {
      said.push(data);
      heard.resolve();
    };
    assert.ok(main.take());
    worker.postMessage(buffer);
    await heard.promise;
    // It waits now, or is about to; either way it must not end before this.
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(said, ["ends"]);
    heard = Promise.withResolvers<void>();
    main.giveBack();
    await heard.promise;
    assert.deepEqual(said, ["ends", "has ended"]);
    assert.ok(!main.take());
  } finally {
    worker.terminate();
  }
});
