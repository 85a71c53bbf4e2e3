/**
 * What the benchmarks have in common: pairs of runs, ours and the peer's in turn, so that a noisy machine
 * treats both alike; medians with their range; a report for people or, with --json, for programs.
 */

/** A figure over several runs. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One comparison. `ratio` is ours over the peer's, pair by pair. */
export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly ours: Summary;
  readonly peer: Summary;
  readonly ratio: Summary;
  /** What the ratio is meant to be, in words. */
  readonly aim: string;
}

/** Median, least and most. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((one, other) => one - other);
  return {
    median: sorted[Math.floor(sorted.length / 2)]!,
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

/** What a figure is called. */
export type Figure = Pick<Comparison, "name" | "unit" | "aim">;

/** Runs both in turn, for one figure; the first pair warms up and does not count. */
export async function compare(
  what: Figure,
  pairs: number,
  ours: () => Promise<number>,
  peer: () => Promise<number>,
): Promise<Comparison> {
  const only = (run: () => Promise<number>) => async () => ({ figure: await run() });
  const [comparison] = await compareAll({ figure: what }, pairs, only(ours), only(peer));
  return comparison!;
}

/** As {@link compare}, for several figures of the same runs. */
export async function compareAll<Name extends string>(
  figures: Readonly<Record<Name, Figure>>,
  pairs: number,
  ours: () => Promise<Readonly<Record<Name, number>>>,
  peer: () => Promise<Readonly<Record<Name, number>>>,
): Promise<Comparison[]> {
  const found: { own: Readonly<Record<Name, number>>; others: Readonly<Record<Name, number>> }[] =
    [];
  for (let pair = 0; pair <= pairs; pair++) {
    // Who goes first alternates: the machine's slow drift falls on both.
    const first = await (pair % 2 === 0 ? ours : peer)();
    const second = await (pair % 2 === 0 ? peer : ours)();
    const [own, others] = pair % 2 === 0 ? [first, second] : [second, first];
    if (pair > 0) found.push({ own, others });
  }
  return (Object.keys(figures) as Name[]).map((name) => ({
    ...figures[name],
    ours: summarize(found.map(({ own }) => own[name])),
    peer: summarize(found.map(({ others }) => others[name])),
    ratio: summarize(found.map(({ own, others }) => own[name] / others[name])),
  }));
}

/** Writes comparisons to standard output: a line each, or JSON. */
export function report(comparisons: readonly Comparison[], asJson: boolean): void {
  if (asJson) return console.log(JSON.stringify(comparisons, null, 2));
  for (const { name, unit, ours, peer, ratio, aim } of comparisons) {
    console.log(
      `${name}: ours ${show(ours)}, peer ${show(peer)} ${unit}; ratio ${show(ratio)} (aim: ${aim})`,
    );
  }
}

function show({ median, min, max }: Summary): string {
  return `${digits(median)} (${digits(min)}–${digits(max)})`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value < 10 ? 3 : 1);
}
