import assert from "node:assert/strict";
import { FrameCutter, FrameSwitch } from "./frame_switch.ts";
import type { End } from "./link_rules.ts";

const ADDRESSES: Record<string, number[]> = {
  A: [2, 0, 0, 0, 0, 1],
  B: [2, 0, 0, 0, 0, 2],
  observer: [2, 0, 0, 0, 0, 3],
  all: [255, 255, 255, 255, 255, 255],
};

/** A frame as it stands on a socket: its length, target, source, and one byte that tells it from others. */
function frame(from: string, to: string, mark: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([0, 0, 0, 13, ...ADDRESSES[to]!, ...ADDRESSES[from]!, mark]);
}

/** An end's network card. */
class Card implements Disposable {
  readonly #cutter = new FrameCutter();
  readonly #frames: number[] = [];
  readonly #buffer = new Uint8Array(1000);
  private constructor(readonly connection: Deno.Conn) {}

  static async plug(folder: string, end: End): Promise<Card> {
    return new Card(await Deno.connect({ transport: "unix", path: `${folder}/${end}` }));
  }

  async send(...frames: Uint8Array[]): Promise<void> {
    for (const bytes of frames) await this.connection.write(bytes);
  }

  /** The next frame's mark. */
  async next(): Promise<number> {
    while (this.#frames.length === 0) {
      const count = await this.connection.read(this.#buffer);
      assert.ok(count !== null, "the switch has closed the connection");
      for (const bytes of this.#cutter.push(this.#buffer.subarray(0, count))) {
        this.#frames.push(bytes.at(-1)!);
      }
    }
    return this.#frames.shift()!;
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}

/** A switch with cards whose addresses it knows. */
async function plugged(
  test: (network: FrameSwitch, cards: Record<"A" | "B" | "observer", Card>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "understudy-test-" });
  try {
    await using network = new FrameSwitch();
    for (const end of ["A", "B", "observer"] as const) network.open(end, `${folder}/${end}`);
    using A = await Card.plug(folder, "A");
    using B = await Card.plug(folder, "B");
    using observer = await Card.plug(folder, "observer");
    const cards = { A, B, observer };
    // A connection is there for the switch only once it has taken it: until then frames to it are lost.
    for (const [name, card] of Object.entries(cards)) {
      const others = Object.entries(cards).filter(([other]) => other !== name);
      const heard = others.map(([, other]) => other.next());
      const timer = setInterval(() => void card.send(frame(name, "all", 0)).catch(() => {}), 5);
      await Promise.all(heard);
      clearInterval(timer);
    }
    await test(network, cards);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The next frame that is not one of those by which the cards made themselves known. */
async function nextMark(card: Card): Promise<number> {
  for (;;) {
    const mark = await card.next();
    if (mark !== 0) return mark;
  }
}

Deno.test("a frame goes to the end that has its address, and to no other", async () => {
  await plugged(async (_network, { A, B, observer }) => {
    await A.send(frame("A", "B", 1), frame("A", "observer", 2));
    assert.equal(await nextMark(B), 1);
    assert.equal(await nextMark(observer), 2);
    await A.send(frame("A", "all", 3));
    assert.deepEqual([await nextMark(B), await nextMark(observer)], [3, 3]);
  });
});

Deno.test("a way that is cut loses its frames, the other way and the other ends do not", async () => {
  await plugged(async (network, { A, B, observer }) => {
    network.rules.cut({ from: "A", to: "B" });
    await A.send(frame("A", "all", 1), frame("A", "B", 2));
    await B.send(frame("B", "A", 3));
    assert.equal(await nextMark(observer), 1);
    assert.equal(await nextMark(A), 3);
    network.rules.heal();
    await A.send(frame("A", "B", 4));
    assert.equal(await nextMark(B), 4);
    assert.equal(network.count({ from: "A", to: "B" }).lost >= 2, true);
  });
});

Deno.test("a frame that is on its way when the way is cut is lost", async () => {
  await plugged(async (network, { A, B, observer }) => {
    const count = network.count({ from: "A", to: "B" });
    network.rules.delay(30, { from: "A", to: "B" });
    const { lost } = count;
    await A.send(frame("A", "B", 1), frame("A", "observer", 2));
    assert.equal(await nextMark(observer), 2); // so the switch has both
    network.rules.cut({ from: "A", to: "B" });
    while (count.lost === lost) await new Promise((resolve) => setTimeout(resolve, 1));
    network.rules.heal();
    await A.send(frame("A", "B", 3));
    assert.equal(await nextMark(B), 3);
  });
});

Deno.test("frames that are delayed come in their order, also when the delay ends", async () => {
  await plugged(async (network, { A, B, observer }) => {
    network.rules.delay(50, { from: "A", to: "B" });
    await A.send(frame("A", "B", 1), frame("A", "B", 2), frame("A", "observer", 9));
    assert.equal(await nextMark(observer), 9); // so the switch has them all
    network.rules.heal();
    await A.send(frame("A", "B", 3));
    assert.deepEqual([await nextMark(B), await nextMark(B), await nextMark(B)], [1, 2, 3]);
  });
});

Deno.test("frames to an end that does not take them are lost in the end, and hold up nobody", async () => {
  await plugged(async (network, { A, observer }) => {
    const large = new Uint8Array(4 + 60_000);
    new DataView(large.buffer).setUint32(0, 60_000);
    large.set(ADDRESSES["B"]!, 4);
    large.set(ADDRESSES["A"]!, 10);
    while (network.count({ from: "A", to: "B" }).lost === 0) {
      for (let at = 0; at < large.length;) at += await A.connection.write(large.subarray(at));
    }
    await A.send(frame("A", "observer", 9));
    assert.equal(await nextMark(observer), 9);
  });
});
