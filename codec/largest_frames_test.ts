/** The largest frames that docs/LOG-FORMAT.md allows are read by both decoders; those a byte larger by none. */
import assert from "node:assert/strict";
import { BothDecoders } from "./codec_test_support.ts";
import { drawsOf } from "./reference_bytes_test_support.ts";
import { DenseModel } from "./reference_dense_test_support.ts";
import { packDense } from "./reference_encoder_test_support.ts";
import {
  crcIn,
  MAX_REFERENCE_PAYLOAD_BYTES,
  openReference,
  sealReference,
  sealReferenceMessage,
} from "./reference_frame_test_support.ts";
import { openMessage } from "./codec.ts";
import { refused } from "./codec_test_support.ts";
import { alone, carrier, form, type Pieces, time, varint } from "./vector_test_support.ts";

const SECTION_BYTES = 262_144;
const draw = drawsOf(1);
const section = Array.from({ length: SECTION_BYTES }, () => draw(256));

/** Four sections of a state, whole, and time events after them. */
function sections(times: Pieces): Pieces {
  const states = [1, 2, 3, 4].map(() => carrier("state", 0, 0, SECTION_BYTES));
  const bytes = [1, 2, 3, 4].map(() => [0, ...section]);
  return [0xf0, 4 + times.length - 15, 0, ...states, ...times, ...bytes];
}

/** With 2 bytes each, and one of 3: what fills a payload. */
const filling: Pieces = [...Array.from({ length: 17 }, () => time(0, 0)), time(15, 0)];

Deno.test("the longest payload is read, a longer one is not", () => {
  using both = new BothDecoders();
  const frame = alone(...sections(filling));
  assert.equal(openReference(frame).payload.length, MAX_REFERENCE_PAYLOAD_BYTES);
  const log = both.open(frame);
  assert.equal(log?.events.length, 22);
  assert.deepEqual(log.events[3], {
    kind: "state",
    point: 0,
    section: 0,
    bytes: Uint8Array.from(section),
  });
  assert.equal(both.open(alone(...sections([...filling.slice(1), time(15, 0)]))), undefined);
});

Deno.test("the longest payload is unpacked", () => {
  const zeros: Pieces = [0, ...new Array<number>(SECTION_BYTES).fill(0)];
  const pieces = [...sections(filling).slice(0, -4), zeros, zeros, zeros, zeros];
  const payload = Uint8Array.from(pieces.flat(2) as number[]);
  assert.equal(payload.length, MAX_REFERENCE_PAYLOAD_BYTES);
  const head = { kind: 1, chain: "alone", level: "dense" } as const;
  const frame = sealReference(head, packDense(payload, new DenseModel(), false));
  assert.ok(frame.length < 10_000, `${frame.length} bytes`);
  using both = new BothDecoders();
  assert.equal(both.open(frame)?.events.length, 22, both.why);
});

Deno.test("a match reaches back a megabyte less 32 bytes, over the frames of a chain, and no further", () => {
  const head = [0x40, 0, ...[1, 2, 3, 4].flatMap(() => carrier("state", 0, 0, SECTION_BYTES))];
  const sectionAt = (nth: number) => head.length + nth * (1 + SECTION_BYTES) + 1;
  const first = new Uint8Array(sectionAt(4) - 1);
  first.set(head);
  const second = first.slice();
  const reach = 2 ** 20 - 32;
  for (const [index, distance] of [reach - 2, reach - 1, reach, reach + 1].entries()) {
    const pattern = section.slice(200 * index, 200 * (index + 1));
    const at = sectionAt(0) + 1000 * (index + 1);
    first.set(pattern, at);
    second.set(pattern, at + distance - first.length);
  }
  using both = new BothDecoders();
  const model = new DenseModel();
  const begins = { kind: 1, chain: "begins", level: "dense" } as const;
  const frame = sealReference(begins, packDense(first, model, false));
  const next = sealReference(
    { ...begins, chain: "continues" },
    packDense(second, model, false),
    crcIn(frame),
  );
  for (const [one, payload] of [[frame, first], [next, second]] as const) {
    const event = both.open(one)?.events[0];
    assert.ok(event?.kind === "state", both.why);
    assert.deepEqual(event.bytes, payload.slice(sectionAt(0), sectionAt(1) - 1));
  }
});

Deno.test("65,536 events are read, one more is not", () => {
  const learned = [time(1, 1), time(1, 1), time(1, 1)];
  for (const [count, through] of [[65_536, 65_536], [65_537, undefined]] as const) {
    using both = new BothDecoders();
    const run = [0xbf, ...varint(count - 3 - 24)];
    const log = both.open(alone(0xf0, varint(count - 15), 0, ...learned, run));
    assert.equal(log?.header.through, through);
    assert.equal(log?.events.length, through);
  }
});

Deno.test("a frame may say a hundred times what it takes, within its limits", () => {
  using both = new BothDecoders();
  const zeros = [0x1f, 0, 1, 0, ...new Array<number>(1027).fill(255), 0, 0x50, 0, 0, 0, 0, 0];
  const length = 1 + 4 + 15 + 1027 * 255 + 5;
  const states = [1, 2, 3, 4].map(() => carrier("state", 0, 0, length));
  const log = both.open(alone(0x40, 0, ...states, ...states.map(() => form(...zeros))));
  assert.equal(log?.events.length, 4, both.why);
});

Deno.test("the longest message is read, a longer one is not", () => {
  const said = { generation: 1, sequence: 2, through: 3 };
  const message = (length: number) => sealReferenceMessage(2, said, new Uint8Array(length));
  assert.equal(openMessage(message(2 ** 20)).payload.length, 2 ** 20);
  refused(() => openMessage(message(2 ** 20 + 1)), /./);
});
