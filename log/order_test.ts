import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { FrameDecoder } from "../codec/codec.ts";
import { ControlCode } from "../machine/control.ts";
import { type Add, frame, session, state } from "./log_test_support.ts";
import { LogOrder } from "./order.ts";

const FIRST = [frame(1, 0, state(0, "machine"))];

/** Follows all of these frames. */
function follow(frames: readonly Uint8Array[], order = new LogOrder()): LogOrder {
  using decoder = new FrameDecoder();
  for (const bytes of frames) {
    order.begin(decoder.open(bytes));
    for (let event = decoder.next(); event !== undefined; event = decoder.next()) order.meet(event);
  }
  return order;
}

function refused(frames: readonly Uint8Array[], message: RegExp): void {
  assert.throws(() => follow(frames), (error) => {
    assert.ok(error instanceof PeerError, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("a session in order is followed to the guest's end", () => {
  const order = follow(session());
  assert.equal(order.through, 200);
  assert.equal(order.clockUs, 2_000_000);
  assert.equal(order.digests, 1);
  assert.ok(order.isWhole && order.isBorder && order.hasEnded && !order.frames.isPiece);
});

Deno.test("a log may be parted wherever no state is in the middle, and not before the first one is whole", () => {
  const order = new LogOrder();
  const borders = session().map((bytes) => follow([bytes], order).isBorder);
  assert.deepEqual(borders, [false, true, true, true, false, true, true, true]);
});

Deno.test("what begins with a later frame is a piece, and lacks the state on purpose", () => {
  const order = follow(session().slice(2));
  assert.ok(order.frames.isPiece && order.isWhole && order.hasEnded);
});

Deno.test("every rule has its refusal, which names what was found", () => {
  const time = (point: number, clockUs: number): Add => (encoder) => encoder.time(point, clockUs);
  const second = (add: Add) => [...FIRST, frame(2, 100, add)];
  refused([frame(1, 5, time(5, 9))], /a time event before the state is whole/);
  refused([FIRST[0]!, frame(3, 9)], /sequence 3, expected 2/);
  refused([FIRST[0]!, frame(2, 9, time(9, 9), 0)], /generation 0 comes after generation 1/);
  refused([...second(time(50, 9)), frame(3, 99)], /through 99 comes after through 100/);
  refused(
    [...second(time(50, 9)), frame(3, 200, time(60, 10))],
    /an event at point 60, expected 100 at least/,
  );
  refused([...second(time(50, 9)), frame(3, 200, time(100, 8))], /clock 8 us comes after clock 9/);
  refused(
    second((encoder) => {
      state(0, "pages")(encoder);
      encoder.time(1, 1);
    }),
    /a time event in the middle of a state/,
  );
  refused(second((encoder) => encoder.data(1, 7, Uint8Array.of(1))), /for device 7, expected 0/);
  refused(second((encoder) => encoder.state(1, 9, Uint8Array.of(1))), /section 9, expected 0 or/);
  refused(second((encoder) => encoder.control(1, 9, Uint8Array.of())), /event 9, expected 1 or 2/);
  const ended = second((encoder) => encoder.control(1, ControlCode.end, Uint8Array.of()));
  refused([...ended, frame(3, 100)], /a frame after the guest's end/);
  refused(
    second((encoder) => {
      encoder.control(1, ControlCode.end, Uint8Array.of());
      encoder.time(1, 1);
    }),
    /a time event after the guest's end/,
  );
});
