/**
 * Two stock KVM hosts in a network, with an etcd for the arbiter and a client that sees both from outside: a host
 * that crashes, and hosts that lose each other. Once each here; the campaign stock_hosts.ts does it many times.
 */
import assert from "node:assert/strict";
import { chooseSeed, Random } from "./support/random.ts";
import { REACHES, StockHosts } from "./support/stock_hosts.ts";

const seed = chooseSeed("stock_pair_test");

Deno.test("nothing is lost when a host crashes, nor when two hosts lose each other; one goes on each time", async () => {
  const random = new Random(seed);
  await using hosts = await StockHosts.start();
  await hosts.watch.progress(1 + random.below(10));
  await hosts.crashPrimary();
  const reach = random.pick(REACHES);
  const winner = await hosts.partition(reach);
  if (reach === "the primary" || reach === "the backup") assert.equal(winner, reach);
  console.log(`reached by ${reach}: ${winner} went on`, await hosts.finish());
});
