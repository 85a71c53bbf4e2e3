/**
 * The campaign behind forced points: kills the primaries of guests that compute without exits, and checks that
 * each computes what it ought to have, as if nothing had happened.
 *
 *   deno task campaign:spin --kills 30 --seed 1
 *
 * The kills are shared by working sets of several sizes. The seed repeats the choices, not the moments.
 */
import { killAgainAndAgain, killOptions } from "../support/kill_campaign.ts";
import { SpinWatch } from "../support/spin_watch.ts";

const WORKING_SETS = ["64K", "1M", "8M"];

const { kills, seed } = killOptions();
console.log(`spin campaign, seed ${seed}`);
for (const [index, workingSet] of WORKING_SETS.entries()) {
  const commandLine = `seed=${seed % 1000} working-set=${workingSet} steps=20000 seconds=100000`;
  await killAgainAndAgain(
    {
      name: `working set ${workingSet}`,
      options: { guest: "spin", commandLine },
      watch: (pair) => new SpinWatch(pair.consoles),
    },
    { kills: Math.ceil(kills / WORKING_SETS.length), seed: seed + index },
  );
}
