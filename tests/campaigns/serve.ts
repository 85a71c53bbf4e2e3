/**
 * The campaign behind "the same service on both hosts": two hosts run `understudy serve` under load, and one
 * thing after another happens to them, drawn from the seed. What is seen on the console is judged throughout.
 *
 *   deno run -A tests/campaigns/serve.ts --faults 100 --timeout 2000 --seed 1 [--arbiter etcd]
 *
 * No fault comes before the pair is protected again: an unprotected machine may die of it. Ends with code 1 at
 * the first fault that shows, with what both sides said.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { EtcdServer } from "../support/etcd_server.ts";
import { SILENCE_MS } from "../support/pair_hosts.ts";
import { Random } from "../support/random.ts";
import { type ServeHost, ServeHosts } from "../support/serve_hosts.ts";

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "100" },
    timeout: { type: "string", default: `${SILENCE_MS}` },
    seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 31)}` },
    arbiter: { type: "string", default: "file" },
  },
});
const random = new Random(Number(values.seed));
const timeoutMs = Number(values.timeout);

/** What is done to the two; each leaves both running. */
const FAULTS: Record<string, (reigning: ServeHost, following: ServeHost) => Promise<void>> = {
  async "kill of the primary"(reigning) {
    await reigning.side.kill();
    await wait(random.below(300));
    reigning.start();
  },
  async "kill of the backup"(reigning, following) {
    await following.side.kill();
    await reigning.side.having(({ mode }) => mode === "alone", "alone");
    following.start();
  },
  async "handover"(reigning, following) {
    const { generation } = await reigning.side.status();
    await reigning.side.handover();
    // Until then either of the two may be the only one that has the machine.
    await following.side.live(generation! + 1);
  },
  async "SIGTERM of the primary"(reigning) {
    reigning.side.signal("SIGTERM");
    await reigning.ended();
    reigning.start();
  },
  async "SIGTERM of the backup"(_reigning, following) {
    following.side.signal("SIGTERM");
    await following.ended();
    following.start();
  },
  async "SIGSTOP of the primary"(reigning) {
    await paused(reigning, timeoutMs / 2 + random.below(timeoutMs * 1.5));
  },
  async "SIGSTOP of the backup"(_reigning, following) {
    await paused(following, timeoutMs / 2 + random.below(timeoutMs * 1.5));
  },
};

async function paused(host: ServeHost, milliseconds: number): Promise<void> {
  host.side.pause();
  await wait(milliseconds);
  host.side.resume();
  // What it suspects now it has found out by then.
  await wait(1.2 * timeoutMs);
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const startedAt = performance.now();
const counts: Record<string, number> = {};
await using stack = new AsyncDisposableStack();
const etcd = values.arbiter === "etcd" ? stack.use(await EtcdServer.start()) : undefined;
const options = etcd === undefined ? {} : { arbiter: etcd.spec };
const hosts = stack.use(await ServeHosts.start({ ...options, timeoutMs }));
console.log(`serve campaign, seed ${values.seed}, timeout ${timeoutMs} ms, ${hosts.arbiter}`);
let fault = "none";
try {
  for (let count = 0; count < Number(values.faults); count++) {
    const [reigning, following] = await hosts.isProtected();
    await hosts.watch.progress(1 + random.below(30));
    fault = Object.keys(FAULTS)[random.below(Object.keys(FAULTS).length)]!;
    counts[fault] = (counts[fault] ?? 0) + 1;
    await FAULTS[fault]!(reigning, following);
    // Whoever the fault was for: both are there, and agree.
    await wait(random.below(50));
    await hosts.isProtected();
    for (const { side } of hosts.both) assert.equal(side.exit, undefined, side.text);
  }
  const generation = (await hosts.latest())!.generation;
  const seen = await hosts.finish();
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log({ counts, generation, ...seen, seconds });
} catch (error) {
  console.error(`after ${JSON.stringify(counts)}, the last one ${fault}:`, error);
  for (const { name, side } of hosts.both) console.error(`--- ${name}\n${side.text}`);
  Deno.exitCode = 1;
}
