/** The reference's network frames: by frames that Linux sent, and by what it writes itself. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ACK_FRAME,
  CAPTURED_FLOW,
  FIN_FRAME,
  LINE_FRAME,
  SHORT_FRAME,
  SYN_FRAME,
} from "./captured_frames_test_support.ts";
import { chainContents } from "./log_arbitrary_test_support.ts";
import { drawsOf } from "./reference_bytes_test_support.ts";
import { ReferenceDecoder } from "./reference_decoder_test_support.ts";
import { ReferenceEncoder } from "./reference_encoder_test_support.ts";
import {
  flowNumber,
  IPV4_CHECKSUM,
  ipv4Checksum,
  isTcpFrame,
  numberAt,
  TCP_CHECKSUM,
  tcpChecksum,
} from "./reference_tcp_test_support.ts";
import { alone, carrier } from "./vector_test_support.ts";

const CAPTURED = [SYN_FRAME, ACK_FRAME, LINE_FRAME, SHORT_FRAME, FIN_FRAME];

Deno.test("frames that Linux sent are TCP frames of one flow, with the checksums that they have to have", () => {
  for (const frame of CAPTURED) {
    assert.ok(isTcpFrame(frame));
    assert.equal(flowNumber(frame), CAPTURED_FLOW);
    assert.equal(ipv4Checksum(frame), numberAt(frame, IPV4_CHECKSUM));
    assert.equal(tcpChecksum(frame), numberAt(frame, TCP_CHECKSUM));
  }
});

Deno.test("what Linux sent goes on as form 1 expects it: flags and bytes say all of it", () => {
  const said = [
    [0, ...SYN_FRAME],
    [0, ...ACK_FRAME],
    [1, CAPTURED_FLOW, 0x10, 0x18, ...new TextEncoder().encode("GET / HTTP/1.0\r\n\r")],
    [1, CAPTURED_FLOW, 0x00, ...new TextEncoder().encode("\nab")],
    [1, CAPTURED_FLOW, 0x10, 0x11],
  ];
  const tokens = CAPTURED.flatMap(({ length }) => carrier("data", 0, 0, length));
  const { events } = new ReferenceDecoder().open(alone(0x50, 0, tokens, said.flat()));
  const expected = CAPTURED.map((bytes) => ({ kind: "data", point: 0, device: 0, bytes }));
  assert.deepEqual(events, expected);
});

Deno.test("what the reference encodes, it reads back", () => {
  const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
  console.log(`network frames: SEED=${seed}`);
  const property = fc.property(chainContents, fc.nat(), (contents, drawSeed) => {
    const encoder = new ReferenceEncoder(drawsOf(drawSeed));
    const decoder = new ReferenceDecoder();
    for (const [index, content] of contents.entries()) {
      const frame = encoder.close(content, index === 0 ? "begins" : "continues", "fast");
      assert.deepEqual(decoder.open(frame).events, content.events);
    }
  });
  fc.assert(property, { seed, numRuns: 100 });
});
