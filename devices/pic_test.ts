import assert from "node:assert/strict";
import { Pic } from "./pic.ts";

const out = (pic: Pic, port: number, ...values: number[]) =>
  values.forEach((value) => pic.write(port, 1, value));

/** A pair set up as a PC's operating system does: vectors 0x20 and 0x28, all lines open. */
function make(masterIcw4 = 0x01): Pic {
  const pic = new Pic();
  out(pic, 0x20, 0x11);
  out(pic, 0x21, 0x20, 0x04, masterIcw4);
  out(pic, 0xa0, 0x11);
  out(pic, 0xa1, 0x28, 0x02, 0x01);
  return pic;
}

/** Raises lines one after another. */
const raise = (pic: Pic, ...irqs: number[]) => irqs.forEach((irq) => pic.setLine(irq, true));

function isr(pic: Pic, port = 0x20): number {
  out(pic, port, 0x0b);
  return pic.read(port, 1);
}

function irr(pic: Pic, port = 0x20): number {
  out(pic, port, 0x0a);
  return pic.read(port, 1);
}

Deno.test("everything is masked at power-on", () => {
  const pic = new Pic();
  raise(pic, 0, 3, 12);
  assert.equal(pic.interruptPending, false);
  assert.equal(pic.read(0x21, 1), 0xff);
});

Deno.test("Linux's probe finds the mask that it wrote", () => {
  const pic = new Pic();
  out(pic, 0xa1, 0xff);
  out(pic, 0x21, 0xfb);
  assert.equal(pic.read(0x21, 1), 0xfb);
});

Deno.test("a rising line is delivered once, with the vector of ICW2 and its line", () => {
  const pic = make();
  raise(pic, 4);
  assert.equal(pic.interruptPending, true);
  assert.equal(pic.acknowledge(), 0x24);
  assert.equal(pic.interruptPending, false);
  assert.equal(isr(pic), 0x10);
  out(pic, 0x20, 0x20);
  assert.equal(isr(pic), 0);
  assert.equal(pic.interruptPending, false, "the line is still high, but it did not rise again");
  pic.setLine(4, false);
  raise(pic, 4);
  assert.equal(pic.interruptPending, true);
});

Deno.test("lower lines go first; a line in service blocks itself and those below it", () => {
  const pic = make();
  raise(pic, 5, 3);
  assert.equal(pic.acknowledge(), 0x23);
  assert.equal(pic.interruptPending, false);
  raise(pic, 1);
  assert.equal(pic.acknowledge(), 0x21);
  assert.equal(isr(pic), 0x0a);
  out(pic, 0x20, 0x20); // non-specific: ends line 1, the highest
  assert.equal(isr(pic), 0x08);
  out(pic, 0x20, 0x63); // specific: line 3
  assert.equal(pic.acknowledge(), 0x25);
});

Deno.test("a masked line waits in IRR until it is unmasked", () => {
  const pic = make();
  out(pic, 0x21, 0x10);
  raise(pic, 4);
  assert.equal(pic.interruptPending, false);
  assert.equal(irr(pic), 0x10);
  out(pic, 0x21, 0x00);
  assert.equal(pic.acknowledge(), 0x24);
});

Deno.test("a spurious IRQ7 is delivered when the line drops before acknowledgement", () => {
  const pic = make();
  raise(pic, 4);
  assert.equal(pic.interruptPending, true);
  pic.setLine(4, false);
  assert.equal(pic.interruptPending, false);
  assert.equal(pic.acknowledge(), 0x27);
  assert.equal(isr(pic), 0, "nothing is in service: the handler sees that it was spurious");
});

Deno.test("a spurious IRQ15 comes from the slave, with the cascade in service at the master", () => {
  const pic = make();
  pic.setLine(2, true); // the cascade line without a request behind it
  assert.equal(pic.acknowledge(), 0x2f);
  assert.equal(isr(pic, 0xa0), 0);
  assert.equal(isr(pic), 0x04);
});

Deno.test("the slave's lines come through the cascade and need both EOIs", () => {
  const pic = make();
  raise(pic, 8, 12, 3);
  assert.equal(pic.acknowledge(), 0x28);
  assert.equal(isr(pic), 0x04);
  assert.equal(isr(pic, 0xa0), 0x01);
  assert.equal(pic.interruptPending, false);
  out(pic, 0xa0, 0x20);
  assert.equal(pic.interruptPending, false, "line 12 waits for the master's EOI");
  out(pic, 0x20, 0x62);
  assert.equal(pic.acknowledge(), 0x2c);
  out(pic, 0xa0, 0x20);
  out(pic, 0x20, 0x62);
  assert.equal(pic.acknowledge(), 0x23);
});

Deno.test("special fully nested mode lets a more urgent line of the slave through, nothing else", () => {
  for (const [icw4, passes] of [[0x01, false], [0x11, true]] as const) {
    const pic = make(icw4);
    raise(pic, 12);
    assert.equal(pic.acknowledge(), 0x2c);
    raise(pic, 3);
    assert.equal(pic.interruptPending, false, "line 3 is below the cascade");
    raise(pic, 9);
    assert.equal(pic.interruptPending, passes);
    if (passes) assert.equal(pic.acknowledge(), 0x29);
  }
});

Deno.test("special mask mode lets lower lines through a masked one in service", () => {
  const pic = make();
  raise(pic, 3);
  pic.acknowledge();
  raise(pic, 6);
  out(pic, 0x21, 0x08);
  assert.equal(pic.interruptPending, false);
  out(pic, 0x20, 0x68);
  assert.equal(pic.acknowledge(), 0x26);
  out(pic, 0x20, 0x20);
  assert.equal(isr(pic), 0x08, "a non-specific EOI spares the masked line");
  out(pic, 0x20, 0x48);
  out(pic, 0x20, 0x20);
  assert.equal(isr(pic), 0);
});

Deno.test("rotation on EOI makes the line just served the last", () => {
  const pic = make();
  raise(pic, 0);
  pic.acknowledge();
  out(pic, 0x20, 0xa0); // rotate on non-specific EOI
  pic.setLine(0, false);
  raise(pic, 0, 1);
  assert.equal(pic.acknowledge(), 0x21);
  out(pic, 0x20, 0xe1); // rotate on specific EOI of line 1
  assert.equal(pic.acknowledge(), 0x20);
});

Deno.test("the set-priority command names the last line", () => {
  const pic = make();
  out(pic, 0x20, 0xc0 | 4);
  raise(pic, 0, 5);
  assert.equal(pic.acknowledge(), 0x25);
});

Deno.test("automatic EOI leaves nothing in service, and rotates if told so", () => {
  const pic = make(0x03);
  raise(pic, 4, 5);
  assert.equal(pic.acknowledge(), 0x24);
  assert.equal(isr(pic), 0);
  assert.equal(pic.acknowledge(), 0x25);
  out(pic, 0x20, 0x80);
  pic.setLine(4, false);
  raise(pic, 4);
  pic.acknowledge();
  pic.setLine(4, false);
  raise(pic, 4, 6);
  assert.equal(pic.acknowledge(), 0x26, "line 4 has become the last");
});

Deno.test("two lines of a slave that ends by itself are both delivered", () => {
  const pic = make();
  out(pic, 0xa0, 0x11);
  out(pic, 0xa1, 0x28, 0x02, 0x03);
  raise(pic, 9, 10);
  assert.equal(pic.acknowledge(), 0x29);
  out(pic, 0x20, 0x20);
  assert.equal(pic.acknowledge(), 0x2a);
});

Deno.test("a poll acknowledges in INTA's place, once", () => {
  const pic = make();
  raise(pic, 3);
  out(pic, 0x20, 0x0c);
  assert.equal(pic.read(0x20, 1), 0x83);
  assert.equal(pic.interruptPending, false);
  assert.equal(isr(pic), 0x08);
  out(pic, 0xa0, 0x0c);
  assert.equal(pic.read(0xa0, 1), 0, "nothing waits");
  raise(pic, 8);
  out(pic, 0xa0, 0x0c);
  assert.equal(pic.read(0xa0, 1), 0x80);
});

Deno.test("a level-triggered line asks again after EOI for as long as it is high", () => {
  const pic = make();
  out(pic, 0x4d0, 0xff);
  out(pic, 0x4d1, 0xff);
  assert.equal(pic.read(0x4d0, 1), 0xf8, "timer, keyboard and cascade stay edge-triggered");
  assert.equal(pic.read(0x4d1, 1), 0xde, "RTC and FPU too");
  raise(pic, 5);
  assert.equal(pic.acknowledge(), 0x25);
  assert.equal(pic.interruptPending, false);
  out(pic, 0x20, 0x20);
  assert.equal(pic.acknowledge(), 0x25);
  pic.setLine(5, false);
  out(pic, 0x20, 0x20);
  assert.equal(pic.interruptPending, false);
});

Deno.test("a line that becomes level-triggered while high asks at once", () => {
  const pic = make();
  raise(pic, 5);
  pic.acknowledge();
  out(pic, 0x20, 0x20);
  assert.equal(pic.interruptPending, false);
  out(pic, 0x4d0, 0x20);
  assert.equal(pic.interruptPending, true);
});

Deno.test("ICW1 forgets requests: a line that is high must fall and rise again", () => {
  const pic = make();
  raise(pic, 4);
  out(pic, 0x20, 0x11);
  out(pic, 0x21, 0x40, 0x04, 0x01);
  assert.equal(pic.interruptPending, false);
  pic.setLine(4, false);
  raise(pic, 4);
  assert.equal(pic.acknowledge(), 0x44);
});

Deno.test("ICW1 without ICW4, or for a single chip, shortens the sequence", () => {
  const pic = make();
  out(pic, 0x20, 0x12); // single, no ICW4
  out(pic, 0x21, 0x50, 0xfe); // ICW2, then already the mask
  assert.equal(pic.read(0x21, 1), 0xfe);
  out(pic, 0x21, 0x00);
  pic.setLine(2, true);
  assert.equal(pic.acknowledge(), 0x52, "a single chip has no cascade");
});
