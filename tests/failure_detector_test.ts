/**
 * The failure detector, with real processes: what is not about silence does not wait for the timeout.
 */
import assert from "node:assert/strict";
import { Pair } from "../demo/pair_processes.ts";
import { Watch } from "./support/pair_watch.ts";

/** Longer than any test: whoever waited for it would wait in vain. */
const HOUR = ["--timeout", "3600s", "--heartbeat", "50ms"];

Deno.test("a primary whose connection closes is succeeded at once, whatever the timeout is", async () => {
  await using pair = Pair.start({ primary: { args: HOUR } });
  await pair.backup.saying(/protected: this side may take over/);
  await using watch = new Watch(pair.consoles);
  await watch.progress();
  await pair.primary.kill();
  assert.equal((await pair.backup.live(2)).role, "primary");
  await watch.progress();
  await watch.finish();
});

Deno.test("a primary whose backup's connection closes goes on at once, whatever the timeout is", async () => {
  await using pair = Pair.start({ primary: { args: HOUR } });
  await pair.backup.saying(/protected: this side may take over/);
  await using watch = new Watch(pair.consoles);
  await watch.progress();
  await pair.backup.kill();
  assert.equal((await pair.primary.live(2)).role, "primary");
  await watch.progress();
  await watch.finish();
});
