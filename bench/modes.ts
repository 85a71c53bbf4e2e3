/**
 * What the other ways to protect a guest cost against the usual one (replay mode, committed when received): requests
 * answered by `ledger`, how long one of them takes when it is the only one, and the log's bytes.
 *
 *   deno run -A bench/modes.ts [--json] [--apart] [--epochs 5,10,25,50] [--pairs 3] [--seconds 3]
 *
 * The same guest, protected, each pair of runs one after the other. In checkpoint mode an output waits for the end of
 * its epoch, and what the log has is the pages written meanwhile; in replay mode it has the events. With `--commit
 * replayed` an output waits until the backup has come to the same point, and not only has the log of it. With
 * `--apart` the primary has one core, the backup and the client another one.
 */
import { parseArgs } from "node:util";
import { compareAll, type Comparison, report } from "./compare.ts";
import { Core, place } from "./cores.ts";
import { LedgerLoad, startProtected } from "./sides.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    apart: { type: "boolean", default: false },
    epochs: { type: "string", default: "5,10,25,50" },
    pairs: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
  },
});
const seconds = Number(values.seconds);
const where = values.apart ? ", a core a side" : "";
/** Requests ahead of their answers, where many are to be answered. */
const DEPTH = 16;

place(Deno.pid, Core.backup, values.apart);

/** What a ledger does, protected in one way. */
async function ledger(args: readonly string[]) {
  const many = await answered(args, DEPTH);
  const single = await answered(args, 1);
  return { answers: many.perSecond, log: many.logBytes, latency: 1000 / single.perSecond };
}

/** Answers a second, and bytes of log for each of them. */
async function answered(args: readonly string[], depth: number) {
  const start = { guest: "ledger", args, isApart: values.apart };
  await using machine = await startProtected(start);
  using load = new LedgerLoad(machine.console, depth);
  await load.rate(1000);
  const logged = async () => (await machine.primary.status()).log.bytes;
  const [bytes, count] = [await logged(), load.answered];
  const perSecond = await load.rate(seconds * 1000);
  return { perSecond, logBytes: (await logged() - bytes) / (load.answered - count) };
}

const epochs = values.epochs.split(",").map((epoch) => ({
  name: `checkpoint mode, epoch of ${epoch} ms`,
  args: ["--mode", "checkpoint", "--epoch", `${epoch}ms`],
}));
const ways = [{ name: "--commit replayed", args: ["--commit", "replayed"] }, ...epochs];
const comparisons: Comparison[] = [];
for (const { name, args } of ways) {
  const figures = {
    answers: { name: `${name}${where}: answers per second`, unit: "/s", aim: "none" },
    latency: { name: `${name}${where}: one answer at a time`, unit: "ms", aim: "none" },
    log: { name: `${name}${where}: log bytes an answer`, unit: "bytes", aim: "none" },
  };
  const pairs = Number(values.pairs);
  comparisons.push(
    ...await compareAll(figures, pairs, () => ledger(args), () => ledger(["--mode", "replay"])),
  );
}
report(comparisons, values.json);
