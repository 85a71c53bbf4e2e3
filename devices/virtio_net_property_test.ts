/** The network card and drivers that know no rules: random ones, repeatable by their seed. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { splitFrames } from "./net_frames.ts";
import {
  FEATURE,
  frameOf,
  INDIRECT,
  NetRig,
  REG,
  RX,
  TX,
  WRITE,
} from "./virtio_driver_test_support.ts";

const seed = Number(Deno.env.get("SEED") ?? Date.now() % 2 ** 31);
console.log(`virtio_net_property_test: SEED=${seed}`);

/** What a driver may do that knows no rules: to memory, to registers. */
type Mischief =
  | { op: "poke"; at: number; bytes: Uint8Array }
  | { op: "descriptor"; queue: number; index: number; address: number; flags: number; next: number }
  | { op: "rightly"; queue: number; length: number }
  | { op: "offer"; queue: number; head: number; leap: number }
  | { op: "register"; offset: number; value: number; width: number }
  | { op: "notify"; queue: number }
  | { op: "receive"; length: number }
  | { op: "restart"; eventIndex: boolean };

const word = fc.oneof(
  fc.nat(0x40),
  fc.integer({ min: 0x1000, max: 0x3000 }),
  fc.constantFrom(0xfff0, 0xffff, 0x1_0000, 0xffff_ffff, 0x8000_0000),
);
const mischief: fc.Arbitrary<Mischief> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("rightly" as const),
      queue: fc.nat(1),
      length: fc.integer({ min: 26, max: 1526 }),
    }),
  },
  fc.record({
    op: fc.constant("poke" as const),
    at: fc.integer({ min: 0x1000, max: 0x2c00 }),
    bytes: fc.uint8Array({ maxLength: 24 }),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("descriptor" as const),
      queue: fc.nat(1),
      index: fc.nat(7),
      address: fc.oneof(fc.nat(0xffff), word, fc.constantFrom(2 ** 40, 2 ** 63)),
      flags: fc.nat(7),
      next: fc.nat(9),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("offer" as const),
      queue: fc.nat(1),
      head: fc.nat(8),
      leap: fc.constantFrom(0, 0, 0, 0, 0, 1, 5, 9, 65_535),
    }),
  },
  fc.record({
    op: fc.constant("register" as const),
    offset: fc.oneof(fc.constantFrom(...Object.values(REG)), fc.nat(0x1f8)),
    value: word,
    width: fc.constantFrom(4, 4, 4, 1, 2, 8, 3),
  }),
  { weight: 4, arbitrary: fc.record({ op: fc.constant("notify" as const), queue: fc.nat(2) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("receive" as const),
      length: fc.integer({ min: 14, max: 1514 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("restart" as const), eventIndex: fc.boolean() }),
  },
);

/** Does it; what is output must be what was counted. */
function act(rig: NetRig, step: Mischief): unknown {
  const queues = [rig.rx, rig.tx];
  switch (step.op) {
    case "poke":
      return rig.memory.bytes.set(step.bytes, step.at);
    case "descriptor": {
      const { address, flags } = step;
      const length = flags & INDIRECT ? 16 * (step.next + 1) : 40 + step.next;
      return queues[step.queue]!.describe(step.index, { address, length, flags }, step.next);
    }
    case "rightly":
      return queues[step.queue]!.add({
        address: 0x8000,
        length: step.length,
        flags: step.queue === RX ? WRITE : 0,
      });
    case "offer":
      queues[step.queue]!.available += step.leap;
      return queues[step.queue]!.offer(step.head);
    case "register":
      rig.read(step.offset, Math.min(step.width, 0x200 - step.offset));
      return rig.write(step.offset, step.value, step.width);
    case "notify": {
      const before = rig.net.txTotal;
      const effect = rig.notify(step.queue);
      const bytes = effect?.kind === "output" ? effect.bytes : new Uint8Array(0);
      assert.equal(rig.net.txTotal - before, bytes.length);
      for (const frame of splitFrames(bytes)) assert.ok(frame.length >= 14);
      return bytes;
    }
    case "receive":
      if (rig.net.canReceive()) rig.net.receive(frameOf(step.length));
      return rig.net.canReceive();
    case "restart":
      for (const queue of queues) {
        queue.available = queue.seenUsed = 0;
        rig.memory.bytes.fill(0, queue.driverArea, queue.driverArea + 2);
      }
      rig.negotiate(FEATURE.version1, FEATURE.indirect, ...step.eventIndex ? [29] : []);
      rig.place(RX, rig.rx);
      rig.place(TX, rig.tx);
      return rig.write(REG.Status, 15);
  }
}

Deno.test("whatever a driver does, the card neither throws, nor goes on for ever, nor leaves memory", () => {
  let sent = 0;
  let received = 0;
  let resets = 0;
  fc.assert(
    fc.property(fc.array(mischief, { minLength: 10, maxLength: 120 }), (steps) => {
      const rig = new NetRig();
      act(rig, { op: "restart", eventIndex: false });
      for (const step of steps) {
        const before = rig.memory.accesses;
        const wasReset = (rig.read(REG.Status) & 64) !== 0;
        act(rig, step);
        // 8 entries, 8 chains of 8 buffers, and what each costs besides.
        assert.ok(rig.memory.accesses - before < 8 * 8 * 4, `${rig.memory.accesses - before}`);
        if (!wasReset && (rig.read(REG.Status) & 64) !== 0) resets++;
      }
      sent += rig.net.txTotal;
      received += rig.net.rxTotal;
    }),
    { seed, numRuns: 3000 },
  );
  assert.ok(sent > 0 && received > 0 && resets > 0, `${sent} ${received} ${resets}`);
});

Deno.test("a card restored from another one's state goes on as that one, in the same memory", () => {
  fc.assert(
    fc.property(fc.array(mischief, { maxLength: 60 }), fc.nat(60), (steps, at) => {
      const original = new NetRig();
      act(original, { op: "restart", eventIndex: true });
      for (const step of steps.slice(0, at)) act(original, step);
      const copy = new NetRig();
      copy.net.restore(original.net.state());
      copy.memory.bytes.set(original.memory.bytes);
      copy.rx.learn(original.rx);
      copy.tx.learn(original.tx);
      for (const step of steps.slice(at)) {
        assert.deepEqual(act(copy, step), act(original, step));
        assert.deepEqual(copy.net.state(), original.net.state());
      }
      assert.deepEqual(copy.memory.bytes, original.memory.bytes);
    }),
    { seed, numRuns: 500 },
  );
});
