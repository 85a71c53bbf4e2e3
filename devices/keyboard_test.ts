import assert from "node:assert/strict";
import { KeyboardController } from "./keyboard.ts";

function make() {
  const seen = { level: false };
  const controller = new KeyboardController((level) => seen.level = level);
  const command = (value: number) => controller.write(0x64, 1, value);
  const data = (value: number) => controller.write(0x60, 1, value);
  const status = () => controller.read(0x64, 1);
  const read = () => controller.read(0x60, 1);
  return { seen, command, data, status, read };
}

Deno.test("command 0xfe, and every pulse of the output port's bit 0, resets", () => {
  const { command } = make();
  for (let value = 0; value <= 0xff; value++) {
    const resets = value >= 0xf0 && value % 2 === 0;
    assert.deepEqual(command(value), resets ? { kind: "reset" } : undefined);
  }
});

Deno.test("writing the output port with bit 0 low resets, A20's bit alone does not", () => {
  const { command, data } = make();
  command(0xd1);
  assert.equal(data(0xdd), undefined);
  command(0xd1);
  assert.deepEqual(data(0xdc), { kind: "reset" });
});

Deno.test("the controller is idle and unlocked, and passes its self-test", () => {
  const { command, status, read } = make();
  assert.equal(status() & 0x13, 0x10);
  command(0xaa);
  assert.equal(status() & 0x01, 0x01);
  assert.equal(read(), 0x55);
  assert.equal(status() & 0x01, 0);
  command(0xab);
  assert.equal(read(), 0x00);
  command(0xa9);
  assert.equal(read(), 0x02, "there is no mouse to look for");
});

Deno.test("the command byte is kept, and the clock commands change it", () => {
  const { command, data, read } = make();
  command(0x60);
  data(0x44);
  command(0xad);
  command(0xa7);
  command(0x20);
  assert.equal(read(), 0x74);
  command(0xae);
  command(0xa8);
  command(0x20);
  assert.equal(read(), 0x44);
});

Deno.test("a reply raises IRQ1 until it is read, if the command byte enables it", () => {
  const { command, data, read, seen } = make();
  command(0xd2);
  data(0x1c);
  assert.equal(seen.level, false);
  command(0x60);
  data(0x05);
  assert.equal(seen.level, true);
  assert.equal(read(), 0x1c);
  assert.equal(seen.level, false);
});

Deno.test("what is meant for a keyboard or a mouse vanishes; unknown commands do nothing", () => {
  const { command, data, status } = make();
  data(0xf2);
  command(0xd4);
  data(0xff);
  command(0x77);
  assert.equal(status() & 0x01, 0);
});
