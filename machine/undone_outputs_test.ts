import assert from "node:assert/strict";
import { UndoneOutputs } from "./undone_outputs.ts";

function outputs(texts: Readonly<Record<number, string>>): UndoneOutputs {
  const undone = new UndoneOutputs();
  for (const [offset, text] of Object.entries(texts)) {
    undone.add(Number(offset), new TextEncoder().encode(text));
  }
  return undone;
}

Deno.test("what is done is forgotten, what is done in part is kept whole", () => {
  const undone = outputs({ 5: "abc", 8: "de", 10: "f" });
  undone.doneThrough(9);
  assert.deepEqual([...undone].map(({ offset }) => offset), [8, 10]);
  assert.equal(undone.end, 11);
  undone.doneThrough(11);
  assert.deepEqual([...undone], []);
  assert.equal(undone.end, undefined);
});

Deno.test("another state has other outputs", () => {
  const undone = outputs({ 5: "abc" });
  undone.clear();
  assert.deepEqual([...undone], []);
});
