/** The board as a whole: dispatch, wiring, and that a restored board goes on as the original. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { Board } from "./board.ts";
import type { Width } from "./device.ts";

const seed = Number(Deno.env.get("SEED") ?? Date.now() % 2 ** 31);
console.log(`board_test: SEED=${seed}`);

const make = () => new Board({ epochSeconds: 1_700_000_000 });
const out = (board: Board, port: number, ...values: number[]) =>
  values.forEach((value) => board.write(port, 1, value));

/** Vectors 0x20 and 0x28, all lines open. */
function openInterrupts(board: Board): void {
  out(board, 0x20, 0x11);
  out(board, 0x21, 0x20, 0x04, 0x01);
  out(board, 0xa0, 0x11);
  out(board, 0xa1, 0x28, 0x02, 0x01);
}

Deno.test("ports that nobody claims read as all ones and ignore writes", () => {
  const board = make();
  assert.equal(board.read(0x80, 1), 0xff);
  assert.equal(board.read(0xcfc, 2), 0xffff);
  assert.equal(board.read(0xcfc, 4), 0xffff_ffff);
  assert.equal(board.read(0xffff, 4), 0xffff_ffff);
  assert.equal(board.write(0xcf8, 4, 0x8000_0000), undefined);
});

Deno.test("memory that is not there reads as all ones, whatever the width", () => {
  const board = make();
  for (const address of [0xfee0_0000, 0xd000_0000]) {
    for (const width of [1, 4, 8]) {
      const into = new Uint8Array(9);
      assert.equal(board.mmioRead(address, width, into), false);
      assert.deepEqual([...into], [...Array(width).fill(0xff), ...Array(9 - width).fill(0)]);
    }
    assert.equal(board.mmioWrite(address, 8, new Uint8Array(8)), undefined);
  }
});

Deno.test("a wide access is split into bytes at successive ports, low byte first", () => {
  const board = make();
  board.write(0x3fe, 2, 0x5a00); // MSR, which ignores it, and scratch
  assert.equal(board.read(0x3ff, 1), 0x5a);
  assert.equal(board.read(0x3fe, 2), 0x5ab0);
  assert.deepEqual(board.write(0x3f8, 2, 0x0241), {
    kind: "output",
    sink: "console",
    bytes: Uint8Array.of(0x41),
  });
  assert.equal(board.read(0x3f9, 1), 0x02);
});

Deno.test("the debug exit takes 1, 2 and 4 bytes whole", () => {
  const board = make();
  for (const [width, code] of [[1, 0x12], [2, 0x1234], [4, 0x8765_4321]] as const) {
    assert.deepEqual(board.write(0xf4, width, code), { kind: "debug-exit", code });
  }
});

Deno.test("each device is on its line of the PC: 0, 1, 4, 8", () => {
  const board = make();
  openInterrupts(board);
  out(board, 0x43, 0x34);
  out(board, 0x40, 0xa9, 0x04);
  board.advance(board.deadlineUs());
  assert.equal(board.acknowledgeInterrupt(), 0x20);
  out(board, 0x20, 0x20);
  out(board, 0x64, 0x60);
  out(board, 0x60, 0x01);
  out(board, 0x64, 0xaa);
  assert.equal(board.acknowledgeInterrupt(), 0x21);
  out(board, 0x20, 0x20);
  out(board, 0x3f9, 0x01);
  board.console.receive(Uint8Array.of(0x41));
  assert.equal(board.acknowledgeInterrupt(), 0x24);
  out(board, 0x20, 0x20);
  out(board, 0x70, 0x0b);
  out(board, 0x71, 0x12);
  while (board.clockUs < 1_000_000) board.advance(board.deadlineUs());
  assert.equal(board.acknowledgeInterrupt(), 0x20, "the timer has ticked meanwhile");
  out(board, 0x20, 0x20);
  assert.equal(board.acknowledgeInterrupt(), 0x28);
});

Deno.test("an idle board has no deadline: nothing happens by itself", () => {
  const board = make();
  assert.equal(board.deadlineUs(), Infinity);
  assert.equal(board.interruptPending(), false);
  board.advance(10 ** 15);
  assert.equal(board.interruptPending(), false);
});

Deno.test("the clock may not go back, nor pass the earliest deadline", () => {
  const board = make();
  board.advance(10);
  out(board, 0x43, 0x34);
  out(board, 0x40, 0xa9, 0x04);
  assert.throws(() => board.advance(9), DefectError);
  assert.throws(() => board.advance(board.deadlineUs() + 1), DefectError);
});

Deno.test("timer counts, port 0x61 and RTC registers depend on the clock; nothing else does", () => {
  const board = make();
  for (const port of [0x40, 0x41, 0x42, 0x43, 0x61]) {
    assert.equal(board.dependsOnClock(port, false), true);
    assert.equal(board.dependsOnClock(port, true), true);
  }
  assert.equal(board.dependsOnClock(0x71, false), true);
  out(board, 0x70, 0x40);
  assert.equal(board.dependsOnClock(0x71, false), false, "plain memory");
  for (const port of [0x20, 0x60, 0x70, 0x80, 0xf4, 0x3f8, 0x3fd]) {
    assert.equal(board.dependsOnClock(port, false), false);
  }
});

Deno.test("a state of another length, version, or with a field out of range is refused", () => {
  const board = make();
  const encoded = board.encode();
  const before = board.fields();
  const other = make();
  other.advance(5);
  const broken = (at: number, value: number) => {
    const copy = encoded.slice();
    copy[at] = value;
    return copy;
  };
  for (
    const [bytes, message] of [
      [encoded.slice(1), /the board's state has \d+ bytes, expected \d+/],
      [new Uint8Array(0), /the board's state has 0 bytes/],
      [broken(0, 9), /version 9, expected 1/],
      [broken(9, 0x7f), /board.clockUs is \d+, expected an integer from 0/],
      [broken(2, 1), /pit.clockUs is 0, expected the board's, 1/],
      [broken(16, 8), /pic.master.highest is 8, expected an integer from 0 to 7/],
    ] as const
  ) {
    assert.throws(
      () => board.restore(bytes),
      (error) => error instanceof PeerError && message.test(error.message),
    );
    assert.deepEqual(board.fields(), before);
  }
});

Deno.test("every field has a name of its own, under its device's", () => {
  const names = make().fields().map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const name of ["board.clockUs", "pic.slave.imr", "pit.0.count", "rtc.a", "uart0.ier"]) {
    assert.ok(names.includes(name), name);
  }
});

/** The ports worth hitting: all claimed ones and some neighbours. */
const PORTS = [
  [0x1e, 0x22],
  [0x3e, 0x44],
  [0x5e, 0x65],
  [0x6e, 0x72],
  [0x9e, 0xa2],
  [0xf2, 0xf6],
  [0x3f6, 0x400],
  [0x4ce, 0x4d2],
].flatMap(([first, last]) => Array.from({ length: last! - first! + 1 }, (_, i) => first! + i));

type Op =
  | { op: "in"; port: number; width: Width }
  | { op: "out"; port: number; width: Width; value: number }
  | { op: "cmos"; index: number; value: number }
  | { op: "timer"; mode: number; count: number }
  | { op: "advance"; part: number; farUs: number }
  | { op: "receive"; data: Uint8Array }
  | { op: "acknowledge"; spurious: boolean };

const port = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...PORTS) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
);
const width = fc.constantFrom<Width>(1, 1, 1, 2, 4);
const byte = fc.integer({ min: 0, max: 255 });
const value = fc.oneof(byte, fc.integer({ min: 0, max: 0xffff_ffff }));
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant("in" as const), port, width }),
  fc.record({ op: fc.constant("out" as const), port, width, value }),
  fc.record({
    op: fc.constant("cmos" as const),
    index: fc.constantFrom(0, 1, 3, 4, 5, 7, 8, 9, 0x0a, 0x0b, 0x0b, 0x0c, 0x32),
    value: byte,
  }),
  fc.record({
    op: fc.constant("timer" as const),
    mode: fc.integer({ min: 0, max: 5 }),
    count: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 0xffff })),
  }),
  fc.record({
    op: fc.constant("advance" as const),
    part: fc.constantFrom(0, 0.3, 0.9, 1, 1, 1),
    farUs: fc.oneof(fc.nat(100), fc.nat(10_000_000), fc.constant(31_536_000_000_000)),
  }),
  fc.record({ op: fc.constant("receive" as const), data: fc.uint8Array({ maxLength: 16 }) }),
  fc.record({ op: fc.constant("acknowledge" as const), spurious: fc.boolean() }),
);

/** Does `op` to a board; returns all that can be seen of it. */
function act(board: Board, op: Op): unknown {
  switch (op.op) {
    case "in":
      return board.read(op.port, op.width);
    case "out":
      return board.write(op.port, op.width, op.value % 2 ** (8 * op.width));
    case "cmos":
      board.write(0x70, 1, op.index);
      return board.write(0x71, 1, op.value);
    case "timer":
      out(board, 0x43, 0x30 | op.mode << 1);
      return out(board, 0x40, op.count & 0xff, op.count >> 8);
    case "advance": {
      const span = Math.min(board.deadlineUs() - board.clockUs, op.farUs);
      assert.ok(span >= 0, "a deadline is not in the past");
      return board.advance(board.clockUs + Math.floor(span * op.part));
    }
    case "receive":
      return board.console.receive(op.data.subarray(0, board.console.rxSpace()));
    case "acknowledge":
      return op.spurious || board.interruptPending() ? board.acknowledgeInterrupt() : undefined;
  }
}

const visible = (board: Board) => [
  board.clockUs,
  board.deadlineUs(),
  board.interruptPending(),
  board.console.rxSpace(),
  board.console.rxTotal,
  board.console.txTotal,
];

Deno.test("whatever a guest does, a board restored from another one's state goes on as that one", () => {
  fc.assert(
    fc.property(
      fc.array(op, { minLength: 1, maxLength: 120 }),
      fc.nat(119),
      (ops, at) => {
        const original = make();
        for (const step of ops.slice(0, at)) act(original, step);
        const encoded = original.encode();
        const copy = make();
        copy.restore(encoded);
        assert.deepEqual(copy.encode(), encoded);
        assert.deepEqual(visible(copy), visible(original));
        for (const step of ops.slice(at)) {
          assert.deepEqual(act(copy, step), act(original, step));
          assert.deepEqual(visible(copy), visible(original));
        }
        assert.deepEqual(copy.fields(), original.fields());
        assert.deepEqual(copy.encode(), original.encode());
      },
    ),
    { seed, numRuns: 1500 },
  );
});

Deno.test("whatever a guest does, values fit their width and the clock's deadlines lie ahead", () => {
  fc.assert(
    fc.property(fc.array(op, { minLength: 50, maxLength: 400 }), (ops) => {
      const board = make();
      for (const step of ops) {
        const before = board.clockUs;
        const result = act(board, step);
        assert.ok(board.clockUs >= before);
        assert.ok(board.deadlineUs() > board.clockUs);
        if (step.op === "in") {
          assert.ok(Number.isInteger(result) && (result as number) >= 0);
          assert.ok((result as number) < 2 ** (8 * step.width));
        }
      }
      const copy = make();
      copy.restore(board.encode());
    }),
    { seed, numRuns: 300 },
  );
});

Deno.test("a state with any bytes changed is refused, or makes a board that runs on soundly", () => {
  let accepted = 0;
  const change = fc.record({ at: fc.nat(10_000), value: byte });
  fc.assert(
    fc.property(
      fc.array(op, { maxLength: 60 }),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.array(op, { minLength: 1, maxLength: 60 }),
      (before, changes, after) => {
        const board = make();
        for (const step of before) act(board, step);
        const encoded = board.encode();
        for (const { at, value } of changes) encoded[at % encoded.length] = value;
        try {
          board.restore(encoded);
        } catch (error) {
          if (error instanceof PeerError) return;
          throw error;
        }
        accepted++;
        assert.deepEqual(board.encode(), encoded);
        for (const step of after) {
          act(board, step);
          assert.ok(board.deadlineUs() > board.clockUs);
        }
        make().restore(board.encode());
      },
    ),
    { seed, numRuns: 4000 },
  );
  assert.ok(accepted > 400, `${accepted} changed states were accepted`);
});
