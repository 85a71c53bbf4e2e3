import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { bytes, flag, int53, powerOn, Registers, u16, u32, u8 } from "./state.ts";

const TABLE = {
  small: u8({ mask: 0x0f, initial: 3 }),
  medium: u16({ min: 1, max: 1000 }),
  large: u32({ initial: 0xffff_ffff }),
  signed: int53(-5, Number.MAX_SAFE_INTEGER, -5),
  on: flag(true),
  memory: bytes(8),
};

function make() {
  const record = powerOn(TABLE);
  return { record, registers: new Registers("dev0", [{ part: "", table: TABLE, record }]) };
}

Deno.test("power-on values come from the table", () => {
  assert.deepEqual(make().registers.values(), {
    small: 3,
    medium: 1,
    large: 0xffff_ffff,
    signed: -5,
    on: true,
    memory: new Uint8Array(8),
  });
});

Deno.test("state is encoded in table order without padding, little-endian", () => {
  const { registers, record } = make();
  record.medium = 0x0102;
  record.memory.set([1, 2, 3]);
  const encoded = new Uint8Array(registers.byteLength);
  registers.encode(new DataView(encoded.buffer), 0);
  assert.equal(
    encoded.toHex(),
    "03" + "0201" + "ffffffff" + "fbffffffffffffff" + "01" + "0102030000000000",
  );
  assert.deepEqual(registers.decode(new DataView(encoded.buffer), 0), registers.values());
});

Deno.test("a copy of the state does not change with the device", () => {
  const { registers, record } = make();
  const values = registers.values();
  record.memory[0] = 9;
  record.small = 1;
  assert.equal(values["small"], 3);
  assert.deepEqual(values["memory"], new Uint8Array(8));
});

Deno.test("digest fields carry the device's, the part's and the field's name", () => {
  const record = powerOn(TABLE);
  record.memory[1] = 1;
  const registers = new Registers("dev0", [{ part: "left", table: TABLE, record }]);
  assert.deepEqual(registers.digestFields().map(({ name, value }) => `${name}=${value}`), [
    "dev0.left.small=3",
    "dev0.left.medium=1",
    "dev0.left.large=4294967295",
    "dev0.left.signed=18446744073709551611",
    "dev0.left.on=1",
    "dev0.left.memory[0]=256",
  ]);
});

for (
  const [field, value, message] of [
    ["small", 0x10, /dev0.small is 16, expected an integer from 0 to 15 with bits of 0xf only/],
    ["small", -1, /dev0.small is -1, expected/],
    ["small", 1.5, /dev0.small is 1.5, expected/],
    ["small", NaN, /dev0.small is NaN, expected/],
    ["small", -0, /dev0.small is 0, expected/],
    ["small", true, /dev0.small is true, expected/],
    ["small", undefined, /dev0.small is undefined, expected/],
    ["medium", 0, /dev0.medium is 0, expected an integer from 1 to 1000/],
    ["large", 2 ** 32, /dev0.large is 4294967296, expected an integer from 0 to 4294967295/],
    ["signed", -6, /dev0.signed is -6, expected an integer from -5 to 9007199254740991/],
    ["signed", 2 ** 53, /dev0.signed is 9007199254740992, expected/],
    ["on", 1, /dev0.on is 1, expected a boolean/],
    ["memory", new Uint8Array(7), /dev0.memory is 7 bytes, expected 8 bytes/],
    ["memory", 3, /dev0.memory is 3, expected 8 bytes/],
    ["other", 3, /dev0 has no field other/],
  ] as const
) {
  Deno.test(`a peer's state with ${field} = ${value} is refused whole, by name`, () => {
    const { registers } = make();
    const before = registers.values();
    const state = { ...before, on: false, [field]: value } as typeof before;
    assert.throws(
      () => registers.assign(state),
      (error) => error instanceof PeerError && message.test(error.message),
    );
    assert.deepEqual(registers.values(), before);
  });
}

Deno.test("an encoded flag other than 0 and 1 is refused", () => {
  const { registers } = make();
  const encoded = new Uint8Array(registers.byteLength);
  registers.encode(new DataView(encoded.buffer), 0);
  encoded[15] = 2;
  assert.throws(() => registers.decode(new DataView(encoded.buffer), 0), /dev0.on is 2/);
});
