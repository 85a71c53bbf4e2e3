import assert from "node:assert/strict";
import fc from "fast-check";
import { LinkWindow } from "./link_window.ts";
import { frame, seed } from "./protocol_test_support.ts";

const LEAST = 100;
const SPAN_MS = 50;
/** The size of the frames in these tests. */
const FRAME = 10;

/** A window with this many frames waiting, from number `first` on. */
function filled(count: number, window = new LinkWindow(LEAST, SPAN_MS, 0), first = 1): LinkWindow {
  for (let sequence = first; sequence < first + count; sequence++) window.add(frame(sequence, 1));
  return window;
}

Deno.test("frames go at once while little is on its way, and wait beyond that", () => {
  const window = filled(30);
  assert.deepEqual(window.take().map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(window.bytes, LEAST);
  assert.deepEqual(window.take(), []);
  window.received(3, 1);
  assert.deepEqual(window.take().map(({ sequence }) => sequence).slice(0, 3), [11, 12, 13]);
});

Deno.test("a link that carries more gets more, twice as much in a span", () => {
  const window = filled(10_000);
  let received = 0;
  const sizes = [];
  for (let nowMs = 1; nowMs <= 8 * SPAN_MS; nowMs += SPAN_MS) {
    received += window.take().length;
    sizes.push(window.bytes);
    window.received(received, nowMs);
  }
  for (const [index, bytes] of sizes.entries()) assert.equal(bytes, LEAST * 2 ** index);
});

Deno.test("a link that carries less gets less, down to what may always be on its way", () => {
  const window = filled(100_000);
  let received = 0;
  for (let nowMs = 0; nowMs < 6 * SPAN_MS; nowMs += SPAN_MS) {
    received += window.take().length;
    window.received(received, nowMs);
  }
  assert.ok(window.limitBytes > 1000);
  for (let nowMs = 6 * SPAN_MS; nowMs < 20 * SPAN_MS; nowMs += 5) {
    window.take();
    window.received(++received, nowMs);
  }
  assert.ok(window.limitBytes <= 2 * FRAME * SPAN_MS / 5 + LEAST, `${window.limitBytes} bytes`);
});

Deno.test("a link that was quiet for a while has to show again what it carries", () => {
  const window = filled(50);
  let received = 0;
  for (let nowMs = 0; nowMs < 3; nowMs++) {
    received += window.take().length;
    window.received(received, nowMs);
  }
  assert.ok(window.limitBytes > LEAST);
  window.received(received, 3 * SPAN_MS);
  assert.equal(window.limitBytes, LEAST);
});

Deno.test("whatever is received when, all frames go once, in their order, and none waits for nothing", () => {
  const step = fc.record({ add: fc.nat(40), receive: fc.nat(60), ms: fc.nat(2 * SPAN_MS) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const window = new LinkWindow(LEAST, SPAN_MS, 0);
      let [added, taken, received, nowMs] = [0, 0, 0, 0];
      for (const { add, receive, ms } of steps) {
        filled(add, window, added + 1);
        added += add;
        for (const { sequence } of window.take()) assert.equal(sequence, ++taken);
        assert.equal(window.bytes, (taken - received) * FRAME);
        assert.ok(taken === added || window.bytes >= LEAST, "a frame waits for nothing");
        received = Math.min(taken, received + receive);
        window.received(received, nowMs += ms);
      }
    }),
    { seed },
  );
});
