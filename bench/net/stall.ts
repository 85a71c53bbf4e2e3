/**
 * The stages of a takeover after `kill -9`, and the gap that a client sees: with Linux' own retransmission time, and with
 * `rto_min 10ms` on its route.
 */
import { LAB_ADDRESSES } from "../../demo/network_lab.ts";
import type { TakeoverStages } from "../../protocol/types.ts";
import { type Comparison, summarize } from "../compare.ts";
import { longestGap } from "./gap.ts";
import type { Effort } from "./main.ts";
import { startProtected } from "./machines.ts";

/** Of one takeover, in milliseconds. */
interface Stall extends Omit<TakeoverStages, "lostAtMs"> {
  readonly detectMs: number;
  readonly ownMs: number;
  readonly clientMs: number;
}

/** Medians, with their range, as figures of our own: there is no peer. */
export async function stalls({ pairs }: Effort): Promise<Comparison[]> {
  for (const rtoMin of [undefined, "10ms"]) {
    const found: Stall[] = [];
    for (let run = 0; run < pairs; run++) found.push(await stall(rtoMin));
    const how = rtoMin === undefined ? "" : ` with rto_min ${rtoMin}`;
    for (
      const name of ["detectMs", "drainMs", "arbitrateMs", "goLiveMs", "ownMs", "clientMs"] as const
    ) {
      const { median, min, max } = summarize(found.map((one) => one[name]));
      const figures = `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`;
      console.log(`kv, takeover${how}, ${name}: ${figures}, ${pairs} times`);
    }
  }
  return [];
}

async function stall(rtoMin: string | undefined): Promise<Stall> {
  await using machine = await startProtected();
  const { lab, pair } = machine;
  if (rtoMin !== undefined) {
    lab.ip("client", `route replace ${LAB_ADDRESSES.machine} dev eth0 rto_min ${rtoMin}`);
  }
  const gap = longestGap(lab, 3000);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const killedAtMs = Date.now();
  pair!.primary.signal("SIGKILL");
  await pair!.backup.live(2);
  const clientMs = await gap;
  const { lostAtMs, ...stages } = (await pair!.backup.status()).takeover as TakeoverStages;
  const detectMs = lostAtMs - killedAtMs;
  const ownMs = detectMs + stages.drainMs + stages.arbitrateMs + stages.goLiveMs;
  return { ...stages, detectMs, ownMs, clientMs };
}
