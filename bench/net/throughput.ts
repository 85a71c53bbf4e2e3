/**
 * Requests a second of redis-benchmark: protected against unprotected, and unprotected against QEMU.
 */
import { compareAll, type Comparison, type Figure } from "../compare.ts";
import { type Load, requestsPerSecond } from "./clients.ts";
import type { Effort } from "./main.ts";
import { type StartKv, startProtected, startUnderQemu, startUnprotected } from "./machines.ts";

/** By pipeline, about as many requests as are answered in a second. */
const LOADS = {
  set1: { test: "set", pipeline: 1, requests: 12_000 },
  get1: { test: "get", pipeline: 1, requests: 12_000 },
  set16: { test: "set", pipeline: 16, requests: 60_000 },
  get16: { test: "get", pipeline: 16, requests: 60_000 },
} as const satisfies Record<string, Load>;
/** Until the code that all of them take is compiled. */
const WARM_UP: Load = { test: "get", pipeline: 1, requests: 60_000 };
type Name = keyof typeof LOADS;

/** What a backup costs. */
export function protection(effort: Effort): Promise<Comparison[]> {
  return compareRates("protected against unprotected", "at least 0.85", effort, [
    startProtected,
    startUnprotected,
  ]);
}

/** The same guest under another machine. */
export function againstQemu(effort: Effort): Promise<Comparison[]> {
  return compareRates("unprotected against QEMU", "at least 1.0", effort, [
    startUnprotected,
    startUnderQemu,
  ]);
}

async function compareRates(
  what: string,
  aim: string,
  { pairs, seconds }: Effort,
  [ours, peer]: readonly [StartKv, StartKv],
): Promise<Comparison[]> {
  const names = Object.keys(LOADS) as Name[];
  const figure = (name: Name): Figure => ({
    name: `kv, ${LOADS[name].test.toUpperCase()} at pipeline ${LOADS[name].pipeline}, ${what}`,
    unit: "requests/s",
    aim,
  });
  const figures = Object.fromEntries(names.map((name) => [name, figure(name)]));
  const rates = (start: StartKv) => async () => {
    await using machine = await start();
    await requestsPerSecond(machine.lab, WARM_UP);
    const found = {} as Record<Name, number>;
    for (const name of names) {
      const load = { ...LOADS[name], requests: LOADS[name].requests * seconds };
      found[name] = await requestsPerSecond(machine.lab, load);
    }
    return found;
  };
  return await compareAll(figures as Record<Name, Figure>, pairs, rates(ours), rates(peer));
}
