/**
 * What protection adds to a GET at low load, against a ping-pong between the two hosts: the Output Rule makes an answer
 * wait for one.
 */
import { type Comparison, summarize } from "../compare.ts";
import { channelLatency, getLatency } from "./clients.ts";
import type { Effort } from "./main.ts";
import { startProtected, startUnprotected } from "./machines.ts";

const INTERVAL_MS = 5;
/** Until the code that a request takes is compiled. */
const WARM_UP_MS = 3000;

/** See the top of the file. */
export async function latency({ pairs, seconds }: Effort): Promise<Comparison[]> {
  const found: { own: number; alone: number; channel: number }[] = [];
  for (let pair = 0; pair <= pairs; pair++) {
    const durationMs = 1000 * seconds;
    const figures = { own: 0, alone: 0, channel: 0 };
    {
      await using machine = await startProtected();
      await getLatency(machine.lab, 1, WARM_UP_MS);
      figures.own = (await getLatency(machine.lab, INTERVAL_MS, durationMs)).p50;
      figures.channel = (await channelLatency(machine.lab, INTERVAL_MS, durationMs)).p50;
    }
    {
      await using machine = await startUnprotected();
      await getLatency(machine.lab, 1, WARM_UP_MS);
      figures.alone = (await getLatency(machine.lab, INTERVAL_MS, durationMs)).p50;
    }
    // The first pair warms up.
    if (pair > 0) found.push(figures);
  }
  const added = found.map(({ own, alone }) => own - alone);
  const compared = (name: string, ours: number[], peer: number[], aim: string): Comparison => ({
    ...{ name, unit: "us", ours: summarize(ours), peer: summarize(peer), aim },
    ratio: summarize(ours.map((value, index) => value / peer[index]!)),
  });
  const [alone, channel] = [found.map((one) => one.alone), found.map((one) => one.channel)];
  return [
    compared("kv, added to a GET, p50, and the channel's ping-pong", added, channel, "at most 1.5"),
    compared(
      "kv, GET, p50, protected against unprotected",
      found.map(({ own }) => own),
      alone,
      "none",
    ),
  ];
}
