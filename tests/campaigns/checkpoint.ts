/**
 * The campaign behind checkpoint mode: kills the primaries of guests that no log of events could lead anywhere, and
 * checks that nothing is lost of what they said.
 *
 *   deno task campaign:checkpoint --kills 30 --seed 1
 *
 * The kills are shared by a ledger that asks its processor (RDTSC, RDTSCP, RDRAND), by a plain one, and by a guest
 * that computes without exits. The seed repeats the choices, not the moments.
 */
import { killAgainAndAgain, killOptions } from "../support/kill_campaign.ts";
import { Watch } from "../support/pair_watch.ts";
import { rogueRequest } from "../support/rogue.ts";
import { SpinWatch } from "../support/spin_watch.ts";

const primary = { args: ["--mode", "checkpoint"] };

const { kills, seed } = killOptions();
const each = { kills: Math.ceil(kills / 3), seed };
console.log(`checkpoint campaign, seed ${seed}`);
await killAgainAndAgain({
  name: "rogue",
  options: { guest: "rogue", primary },
  watch: (pair) => new Watch(pair.consoles, { request: rogueRequest }),
}, each);
await killAgainAndAgain({
  name: "ledger",
  options: { guest: "ledger", primary },
  watch: (pair) => new Watch(pair.consoles),
}, each);
await killAgainAndAgain({
  name: "spin",
  options: { guest: "spin", commandLine: "working-set=1M steps=20000 seconds=100000", primary },
  watch: (pair) => new SpinWatch(pair.consoles),
}, each);
