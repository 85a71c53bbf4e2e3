import assert from "node:assert/strict";
import { OsError } from "../base/errors.ts";
import { drainKicks, kick, type KickTarget, prepareKicks } from "./kick.ts";
import { Errno } from "./libc.ts";
import { TinyGuest } from "./testing.ts";

Deno.test("another thread stops a spinning guest, each time", async () => {
  const kicks = 100;
  const shared = new Int32Array(new SharedArrayBuffer(8));
  shared[1] = kicks;
  const worker = new Worker(import.meta.resolve("./kick_test_worker.ts"), { type: "module" });
  const message = <T>() =>
    new Promise<T>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
  const posted = message<KickTarget>();
  worker.postMessage(shared);
  const target = await posted;
  const stopped = message<string>();
  for (let taken = 0; taken < kicks; taken++) {
    kick(target);
    await Atomics.waitAsync(shared, 0, taken).value;
    assert.equal(Atomics.load(shared, 0), taken + 1);
  }
  assert.equal(await stopped, "stopped");
  worker.terminate();
});

Deno.test("kicks that come before the entry stop it, and none is lost", () => {
  using guest = new TinyGuest([0xf4]);
  const target = prepareKicks(guest.vcpu);
  assert.equal(drainKicks(), 0);
  kick(target);
  kick(target);
  assert(!guest.vcpu.run());
  assert.equal(drainKicks(), 2);
  assert(guest.vcpu.run());
  assert.equal(guest.vcpu.exit().kind, "hlt");
});

Deno.test("kicking a thread that is not there throws ESRCH", () => {
  assert.throws(() => kick({ pid: 0x3fff_fff0, tid: 0x3fff_fff0 }), (error: unknown) => {
    assert(error instanceof OsError);
    assert.equal(error.errno, Errno.ESRCH);
    return true;
  });
});
