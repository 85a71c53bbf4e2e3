/**
 * The model of the commit protocol, the script that checks it and the two pages that speak of it: they name the
 * same properties and the same mutants. That the properties hold is what scripts/check-model.sh shows.
 */
import assert from "node:assert/strict";

const read = (path: string) => Deno.readTextFileSync(new URL(`../${path}`, import.meta.url));
const model = read("docs/model/commit.pml");
const script = read("scripts/check-model.sh");
const sorted = (names: Iterable<string>) => [...names].sort();

/** What `mtype:KIND = { FIRST, ... }` declares in the model, without the first one, which stands for none or all. */
function declared(kind: string): string[] {
  const [, names] = model.match(new RegExp(`^mtype:${kind} = \\{([^}]*)\\}`, "m"))!;
  return names!.split(",").map((name) => name.trim()).slice(1);
}

const asserted = declared("property");
const eventual = [...model.matchAll(/^ltl (\w+)/gm)].map(([, name]) => name!);
const checked = (list: string) =>
  script.match(new RegExp(`^${list}="([^"]*)"`, "m"))![1]!.split(" ");

/** Each mutant with what it makes fail, as the script wants it. */
const mutants = [...script.matchAll(/^ {2}mutant (\w+) (\w+) \w+$/gm)]
  .map(([, mutant, property]) => `${mutant} ${property}`);

Deno.test("the model's properties are those that docs/PROTOCOL.md lists", () => {
  const listed = [...read("docs/PROTOCOL.md").matchAll(/^\| `([A-Z_]+)` /gm)].map(([, name]) =>
    name!
  );
  assert.deepEqual(sorted(listed), sorted([...asserted, ...eventual]));
});

Deno.test("each of the model's properties is checked, and stands for something in the model", () => {
  assert.deepEqual(sorted([...checked("safety"), ...checked("timed")]), sorted(asserted));
  assert.deepEqual(sorted(checked("liveness")), sorted(eventual));
  for (const name of asserted) assert.ok(model.includes(`holds(${name}, `), name);
});

Deno.test("each property has a mutant that makes it fail, and each mutant is one of the model's", () => {
  const failing = new Set(mutants.map((text) => text.split(" ")[1]!));
  assert.deepEqual(sorted(failing), sorted([...asserted, ...eventual]));
  const tried = new Set(mutants.map((text) => text.split(" ")[0]!));
  assert.deepEqual(sorted(tried), sorted(declared("mutant")));
  for (const name of tried) assert.ok(model.includes(`broken(${name})`), name);
});

Deno.test("the model's page lists every mutant with what it makes fail", () => {
  const rows = read("docs/model/README.md").matchAll(/^\| `(\w+)` .*\| ((?:`\w+`,? *)+)\|$/gm);
  const listed = [...rows].flatMap(([, mutant, failing]) =>
    [...failing!.matchAll(/\w+/g)].map(([property]) => `${mutant} ${property}`)
  );
  assert.deepEqual(sorted(listed), sorted(mutants));
});
