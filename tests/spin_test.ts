/**
 * The spin guest: it makes no exit of its own, and what it says is what its work comes to, wherever it is
 * interrupted.
 */
import assert from "node:assert/strict";
import type { InputSource, Verdict } from "../machine/input_source.ts";
import type { Machine } from "../machine/machine.ts";
import { guestMachine } from "../machine/testing.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { checkExact } from "./support/exactness.ts";
import { chooseSeed } from "./support/random.ts";
import { recordGuest } from "./support/record.ts";
import { checkSpin, SpinWork } from "./support/spin.ts";
import { StallGuard } from "./support/stall_guard.ts";

const seed = chooseSeed("spin_test");
const TICK_MS = 3;
const QUESTIONS = 20;
/** So often a guest is stopped before it is given up: it waits for what does not come. */
const STOPS_MAX = 10_000;
/** The guest looks at its UART once for each 16 bytes that it writes. */
const EXITS_OF_A_LINE_BEFORE_ITS_FIRST_BYTE = 2;

Deno.test("a spin without a timer makes no exit from its first line to its result", () => {
  using machine = guestMachine(
    "spin",
    `timer=off seed=${seed} working-set=1M rounds=3000 steps=500`,
  );
  const source = new Ticks("");
  new VcpuLoop(machine, source).run();
  const { rounds } = checkSpin(source.text);
  assert.equal(rounds, 3000);
  const [first, last] = source.lineStarts.map(({ point }) => point);
  const exits = last! - first! - source.text.indexOf("\n");
  assert.ok(
    exits <= source.text.indexOf("\n") / 16 + EXITS_OF_A_LINE_BEFORE_ITS_FIRST_BYTE,
    `${exits}`,
  );
});

Deno.test("a spin that is interrupted anywhere answers within a tick, and its result is right", async () => {
  using machine = guestMachine("spin", `seed=${seed} working-set=4M steps=20000`);
  const source = new Ticks("?\n");
  using guard = new StallGuard(TICK_MS);
  await guard.ready;
  guard.begin(machine.vcpu);
  // Each tick ends a loop: the next one begins by delivering what waits, at a place that no log could name.
  while (machine.end === undefined) new VcpuLoop(machine, source).run();
  const { answers, rounds } = checkSpin(source.text);
  assert.equal(answers, QUESTIONS);
  assert.ok(rounds > 0);
  // A question enters with one tick, and its answer begins before the next one.
  const answerTicks = source.lineStarts.slice(1).map(({ tick }) => tick);
  assert.deepEqual(answerTicks, source.questionTicks.slice(0, QUESTIONS + 1));
});

Deno.test("a replay of a spin is exact", async () => {
  const commandLine = `timer=off seed=${seed} working-set=2M rounds=1000 steps=1000`;
  const { points, replayed } = await checkExact({ guest: "spin", commandLine });
  assert.equal(replayed, points);
});

Deno.test("a spin's result tells of its seed, its working set, its rounds and its steps", async () => {
  const parameters = { seed: seed || 1, pages: 16, steps: 10 };
  const commandLine = `timer=off seed=${parameters.seed} working-set=64K steps=10 rounds=100`;
  const { output } = await recordGuest({ guest: "spin", commandLine });
  const said = new TextDecoder().decode(output).match(/^result .* ([0-9a-f]{8})$/m)?.[1];
  const resultOf = (changed: Partial<typeof parameters>, rounds = 100) => {
    const work = new SpinWork({ ...parameters, ...changed });
    work.runTo(rounds);
    return work.result().toString(16).padStart(8, "0");
  };
  assert.equal(resultOf({}), said);
  const others = [
    resultOf({ seed: parameters.seed + 1 }),
    resultOf({ pages: 17 }),
    resultOf({ steps: 11 }),
    resultOf({}, 99),
  ];
  assert.ok(!others.includes(said!));
});

for (
  const commandLine of [
    "timer=off",
    "timer=off rounds=5 seconds=1",
    "working-set=5",
    "spin",
    "steps=x",
  ]
) {
  Deno.test(`a spin refuses the command line ${commandLine}`, async () => {
    const { output, end } = await recordGuest({ guest: "spin", commandLine });
    assert.equal(end.code, 2);
    assert.match(new TextDecoder().decode(output), /^usage: .*\n$/);
  });
}

/**
 * A world whose clock ticks when a kick stops the guest, and which asks a question each time. Until the answer begins
 * the clock stands, however often the guest is stopped: it may not have run in between.
 */
class Ticks implements InputSource {
  text = "";
  /** Where each line began, and in which tick. */
  readonly lineStarts: { readonly point: number; readonly tick: number }[] = [];
  readonly questionTicks: number[] = [];
  #tick = 0;
  #isLineStart = true;
  #isStopped = false;
  #stops = 0;

  constructor(private readonly question: string) {}

  kicked({ board }: Machine): void {
    if (board.deadlineUs() === Infinity) return;
    this.#isStopped = true;
    if (this.questionTicks.length > Math.max(0, this.lineStarts.length - 1)) {
      assert.ok(++this.#stops < STOPS_MAX, `no answer without another tick: ${this.text}`);
      return;
    }
    this.#stops = 0;
    this.#tick++;
    board.advance(board.deadlineUs());
    if (this.question === "" || !this.text.includes("\n")) return;
    if (board.console.rxSpace() < 8) return;
    const isLast = this.questionTicks.push(this.#tick) > QUESTIONS;
    board.console.receive(new TextEncoder().encode(isLast ? "quit\n" : this.question));
  }

  output({ point }: Machine, _sink: number, _offset: number, bytes: Uint8Array): void {
    if (this.#isLineStart) this.lineStarts.push({ point, tick: this.#tick });
    const text = new TextDecoder().decode(bytes);
    this.text += text;
    this.#isLineStart = text.endsWith("\n");
  }

  boundary(): Verdict {
    const wasStopped = this.#isStopped;
    this.#isStopped = false;
    return wasStopped ? "stop" : "go";
  }
  enter(): void {}
  settled(): void {}
  idle(): void {}
}
