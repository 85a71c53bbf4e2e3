import assert from "node:assert/strict";
import { Pair, type SideProcess, type SideStatus } from "../demo/pair_processes.ts";
import { PATIENT_MS } from "./support/pair_hosts.ts";
import { AckRelay } from "./support/pair_relay.ts";
import { Watch } from "./support/pair_watch.ts";

/** So long acks are withheld. The sides' timeout is longer, so that nobody suspects anybody. */
const WITHHELD_MS = 1000;

Deno.test("while the log is not acknowledged, no output is performed and the guest runs on", async () => {
  await using relay = new AckRelay();
  await using pair = await Pair.start({
    primary: { args: ["--timeout", `${PATIENT_MS}ms`] },
    backup: { args: ["--primary", relay.address] },
  });
  const { primary, backup } = pair;
  const [, address] = await primary.saying(/a backup can join at (\S+)/);
  relay.leadTo(address!);
  await backup.protected();
  await using watch = new Watch(pair.consoles);
  await watch.progress();

  relay.withhold();
  const before = await held(primary);
  const shown = watch.bytes;
  await new Promise((resolve) => setTimeout(resolve, WITHHELD_MS));
  const after = await primary.status();
  assert.equal(after.outputs.performed, before.outputs.performed, "an output was performed");
  assert.equal(watch.bytes, shown, "an output was seen");
  assert.ok(after.point! > before.point!, "the guest stood still");
  assert.ok(after.outputs.held! > before.outputs.held!, "the guest put nothing out");
  assert.ok(relay.withheld > 0, "there were no acks");
  relay.release();

  await watch.progress();
  const { generation, mode } = await primary.status();
  assert.deepEqual({ generation, mode }, { generation: 1, mode: "protected" });
  const { connections, duplicateBytes } = await watch.finish();
  assert.deepEqual({ connections, duplicateBytes }, { connections: 1, duplicateBytes: 0 });
});

/** Waits until outputs are held, and those are performed whose acks were on their way. */
async function held(primary: SideProcess): Promise<SideStatus> {
  let last: number | undefined;
  return await primary.having(({ outputs: { held, performed } }) => {
    const isQuiet = held! > 0 && performed === last;
    last = performed;
    return isQuiet;
  }, "outputs that are held");
}
