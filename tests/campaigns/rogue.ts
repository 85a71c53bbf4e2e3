/**
 * The campaign behind mode `auto`: a guest whose processor decides what it does diverges, is healed, and is protected
 * by states from then on; its primaries are killed, and nothing that was seen is missing.
 *
 *   deno task campaign:rogue --machines 10 --kills 3 --seed 1
 *
 * `--commit replayed`: so no divergence may cost an output that was seen, either. Each divergence has to be described
 * in a file. The seed repeats the choices, not the moments.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { Hosts, PATIENT_MS } from "../support/pair_hosts.ts";
import { Watch } from "../support/pair_watch.ts";
import { Random } from "../support/random.ts";
import { rogueRequest } from "../support/rogue.ts";

const { values } = parseArgs({
  options: {
    machines: { type: "string", default: "10" },
    kills: { type: "string", default: "3" },
    "divergence-max": { type: "string", default: "3" },
    seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 31)}` },
  },
});
const random = new Random(Number(values.seed));
const most = Number(values["divergence-max"]);
const args = ["--mode", "auto", "--commit", "replayed", "--divergence-max", `${most}`];
const total = { divergences: 0, described: 0, kills: 0, lines: 0, requests: 0, duplicateBytes: 0 };
const startedAt = performance.now();

console.log(`rogue campaign, seed ${values.seed}`);
for (let machine = 1; machine <= Number(values.machines); machine++) {
  await using hosts = await Hosts.watched(
    PATIENT_MS,
    { guest: "rogue", primary: { args } },
    (pair) => new Watch(pair.consoles, { request: rogueRequest }),
  );
  try {
    await live(hosts);
  } catch (error) {
    const said = hosts.pair.sides.slice(-3).map((side) => `${side.name}:\n${side.text}`);
    console.error(`\nmachine ${machine}: FAILED (--seed ${values.seed})\n${said.join("\n")}`);
    throw error;
  }
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
console.log(`${values.machines} machines in ${seconds} s; ${JSON.stringify(total)}`);

/** One machine, from its first divergence to its end. */
async function live(hosts: Hosts): Promise<void> {
  const { divergences } = await hosts.reigning.having(
    ({ checkpointing }) => checkpointing === true,
    "states instead of events",
  );
  assert.equal(divergences, most + 1);
  total.divergences += most + 1;
  await hosts.following.protected();
  const described = [...Deno.readDirSync(`${hosts.pair.directory}/reports`)]
    .filter(({ name }) => name.endsWith(".json")).length;
  assert.equal(described, most + 1);
  total.described += described;
  for (let kill = 0; kill < Number(values.kills); kill++) {
    await hosts.watch.progress(1 + random.below(60));
    await new Promise((resolve) => setTimeout(resolve, random.below(100)));
    await hosts.killPrimary();
    total.kills++;
  }
  assert.equal((await hosts.reigning.status()).divergences, 0, "none since");
  const { lines, requests, duplicateBytes } = await hosts.finish();
  total.lines += lines;
  total.requests += requests;
  total.duplicateBytes += duplicateBytes;
}
