/** A worker of the codec's tests: encodes the log it is sent, decodes it, and answers the frame. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { decodeLog, encodeLog } from "./codec_test_support.ts";
import type { FrameContent } from "./reference_encoder_test_support.ts";

self.onmessage = ({ data }: MessageEvent<FrameContent>) => {
  const frame = encodeLog(data);
  if (decodeLog(frame).events.length !== data.events.length) throw new Error("events are missing");
  self.postMessage(frame);
};
