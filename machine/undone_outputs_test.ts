import assert from "node:assert/strict";
import { UndoneOutputs } from "./undone_outputs.ts";

function outputs(texts: Readonly<Record<number, string>>): UndoneOutputs {
  const undone = new UndoneOutputs();
  for (const [offset, text] of Object.entries(texts)) {
    undone.add({ sink: 0, offset: Number(offset), bytes: new TextEncoder().encode(text) });
  }
  return undone;
}

Deno.test("what is done is forgotten, what is done in part is kept whole", () => {
  const undone = outputs({ 5: "abc", 8: "de", 10: "f" });
  undone.doneThrough(0, 9);
  assert.deepEqual([...undone].map(({ offset }) => offset), [8, 10]);
  assert.equal(undone.start(0), 8);
  assert.equal(undone.end(0), 11);
  undone.doneThrough(0, 11);
  assert.deepEqual([...undone], []);
  assert.equal(undone.start(0), undefined);
  assert.equal(undone.end(0), undefined);
});

Deno.test("each sink has a stream of its own", () => {
  const undone = outputs({ 5: "abc" });
  const frame = { sink: 1, offset: 100, bytes: new Uint8Array(20) };
  undone.add(frame);
  assert.equal(undone.end(0), 8);
  assert.equal(undone.end(1), 120);
  undone.doneThrough(0, 8);
  assert.deepEqual([...undone], [frame]);
  undone.doneThrough(1, 119);
  assert.deepEqual([...undone], [frame]);
});

Deno.test("another state has other outputs", () => {
  const undone = outputs({ 5: "abc" });
  undone.clear();
  assert.deepEqual([...undone], []);
});
