import assert from "node:assert/strict";
import { DefectError } from "../base/assert.ts";
import { Uart } from "./uart.ts";

const DATA = 0x3f8, IER = 0x3f9, IIR = 0x3fa, FCR = 0x3fa, LCR = 0x3fb, MCR = 0x3fc;
const LSR = 0x3fd, MSR = 0x3fe, SCR = 0x3ff;

function make() {
  const seen = { level: false, rises: 0 };
  const uart = new Uart("uart0", 0x3f8, (level) => {
    if (level && !seen.level) seen.rises++;
    seen.level = level;
  });
  const read = (port: number) => uart.read(port, 1);
  const write = (port: number, value: number) => uart.write(port, 1, value);
  const receive = (...data: number[]) => uart.receive(Uint8Array.from(data));
  return { uart, seen, read, write, receive };
}

Deno.test("a byte written leaves at once, as an output, and is counted", () => {
  const { uart, read, write } = make();
  assert.deepEqual(write(DATA, 0x41), {
    kind: "output",
    sink: "console",
    bytes: Uint8Array.of(0x41),
  });
  assert.equal(read(LSR), 0x60);
  assert.equal(uart.txTotal, 1);
});

Deno.test("with FIFOs off one byte is received at a time", () => {
  const { uart, read, receive, seen, write } = make();
  write(IER, 0x01);
  assert.equal(uart.rxSpace(), 1);
  receive(0x61);
  assert.equal(uart.rxSpace(), 0);
  assert.equal(seen.level, true);
  assert.equal(read(IIR), 0x04);
  assert.equal(read(LSR), 0x61);
  assert.equal(read(DATA), 0x61);
  assert.equal(seen.level, false);
  assert.equal(read(LSR), 0x60);
  assert.equal(uart.rxTotal, 1);
});

Deno.test("the FIFO takes 16 bytes and gives them back in order", () => {
  const { uart, read, receive, write } = make();
  write(FCR, 0x01);
  assert.equal(uart.rxSpace(), 16);
  receive(1, 2, 3);
  assert.equal(read(DATA), 1);
  receive(...Array.from({ length: 14 }, (_, i) => i + 4));
  assert.equal(uart.rxSpace(), 0);
  for (let value = 2; value <= 17; value++) assert.equal(read(DATA), value);
  assert.equal(read(LSR) & 0x01, 0);
});

Deno.test("more bytes than there is room for are the caller's defect", () => {
  const { receive } = make();
  assert.throws(() => receive(1, 2), DefectError);
});

for (const [fcr, level] of [[0x01, 1], [0x41, 4], [0x81, 8], [0xc1, 14]] as const) {
  Deno.test(`at trigger level ${level} data is available; below it the timeout says so`, () => {
    const { read, receive, seen, write } = make();
    write(FCR, fcr);
    write(IER, 0x01);
    for (let count = 1; count <= 16; count++) {
      receive(count);
      assert.equal(read(IIR), count >= level ? 0xc4 : 0xcc);
    }
    for (let count = 15; count > 0; count--) {
      read(DATA);
      assert.equal(read(IIR), count >= level ? 0xc4 : 0xcc);
      assert.equal(seen.level, true);
    }
    read(DATA);
    assert.equal(read(IIR), 0xc1);
    assert.equal(seen.level, false);
  });
}

Deno.test("enabling the THRE interrupt raises it; reading IIR clears it, only then", () => {
  const { read, seen, write } = make();
  write(IER, 0x02);
  assert.equal(seen.level, true);
  read(LSR);
  assert.equal(seen.level, true);
  assert.equal(read(IIR), 0x02);
  assert.equal(read(IIR), 0x01);
  assert.equal(seen.level, false);
  write(IER, 0x02);
  assert.equal(seen.level, false, "it was enabled already");
  write(IER, 0x00);
  write(IER, 0x02);
  assert.equal(seen.level, true, "Linux takes a port that does not do this for broken");
});

Deno.test("each byte written is an edge of its own on the interrupt line", () => {
  const { seen, write } = make();
  write(IER, 0x02);
  write(DATA, 1);
  write(DATA, 2);
  assert.deepEqual(seen, { level: true, rises: 3 });
});

Deno.test("interrupts are identified in order: line status, received, THRE, modem status", () => {
  const { read, receive, write } = make();
  write(MCR, 0x10); // loopback: all modem inputs drop, which is a change
  write(DATA, 1);
  write(DATA, 2); // overrun
  write(MCR, 0x10);
  write(IER, 0x0f);
  assert.equal(read(IIR), 0x06);
  assert.equal(read(LSR), 0x63);
  assert.equal(read(IIR), 0x04);
  assert.equal(read(DATA), 2, "without FIFOs an overrun replaces the byte");
  assert.equal(read(IIR), 0x02);
  assert.equal(read(IIR), 0x00);
  assert.equal(read(MSR), 0x0b);
  assert.equal(read(IIR), 0x01);
  write(MCR, 0x00);
  receive(3);
  assert.equal(read(IIR), 0x04);
});

Deno.test("Linux's existence checks pass: IER's four bits, and the loopback of modem lines", () => {
  const { read, write } = make();
  write(IER, 0x00);
  assert.equal(read(IER), 0x00);
  write(IER, 0xff);
  assert.equal(read(IER), 0x0f);
  write(IER, 0x00);
  write(MCR, 0x10 | 0x08 | 0x02);
  assert.equal(read(MSR) & 0xf0, 0x90);
  write(MCR, 0x10 | 0x04 | 0x01);
  assert.equal(read(MSR) & 0xf0, 0x60);
  write(MCR, 0x00);
  assert.equal(read(MSR) & 0xf0, 0xb0, "a modem is there: CTS, DSR, DCD");
});

Deno.test("Linux's type probe finds a 16550A, no later chip", () => {
  const { read, write } = make();
  write(FCR, 0x01);
  assert.equal(read(IIR) >> 6, 3);
  for (const lcr of [0x80, 0xbf]) { // no EFR appears behind either
    write(LCR, lcr);
    assert.notEqual(read(IIR), 0);
  }
  write(LCR, 0x00);
  write(FCR, 0x21); // no 64-byte FIFO
  assert.equal(read(IIR) >> 5, 6);
  write(LCR, 0x80);
  write(FCR, 0x21);
  assert.equal(read(IIR) >> 5, 6);
  write(LCR, 0x00);
  write(IER, 0x40); // no XScale unit enable
  assert.equal(read(IER), 0);
});

Deno.test("Linux's FIFO probe in loopback mode counts 16 bytes", () => {
  const { read, write } = make();
  write(FCR, 0x07);
  write(MCR, 0x10);
  for (let i = 0; i < 256; i++) assert.equal(write(DATA, i), undefined);
  let count = 0;
  while ((read(LSR) & 0x01) !== 0) assert.equal(read(DATA), count++);
  assert.equal(count, 16);
});

Deno.test("loopback mode sends nothing out and takes nothing in", () => {
  const { uart, write } = make();
  write(MCR, 0x10);
  assert.equal(uart.rxSpace(), 0);
  assert.equal(write(DATA, 1), undefined);
  assert.equal(uart.txTotal, 0);
  assert.equal(uart.rxTotal, 0);
});

Deno.test("DLAB shows the divisor in place of data and IER", () => {
  const { read, write } = make();
  write(IER, 0x05);
  write(LCR, 0x83);
  assert.equal(write(DATA, 0x34), undefined);
  write(IER, 0x12);
  assert.equal(read(DATA), 0x34);
  assert.equal(read(IER), 0x12);
  write(LCR, 0x03);
  assert.equal(read(LCR), 0x03);
  assert.equal(read(IER), 0x05);
});

Deno.test("FCR empties the receiver on request, and when FIFOs are switched", () => {
  const { uart, receive, write, read } = make();
  write(FCR, 0x01);
  receive(1, 2);
  write(FCR, 0x01);
  assert.equal(uart.rxSpace(), 14);
  write(FCR, 0x03);
  assert.equal(uart.rxSpace(), 16);
  receive(1, 2);
  write(FCR, 0x00);
  assert.equal(uart.rxSpace(), 1);
  assert.equal(read(IIR), 0x01);
});

Deno.test("the scratch register keeps a byte; LSR and MSR can't be written", () => {
  const { read, write } = make();
  write(SCR, 0xa5);
  write(LSR, 0xff);
  write(MSR, 0xff);
  assert.equal(read(SCR), 0xa5);
  assert.equal(read(LSR), 0x60);
  assert.equal(read(MSR), 0xb0);
});
