/**
 * How a side takes its leave of a connection. primary/ and backup/ close the logging channel with it.
 */
import { goodbyeMs } from "../base/limits.ts";
import type { FrameLink } from "./link.ts";
import { type SetTimer, wallTimer } from "./timer.ts";

/** Sends what waits and closes; a peer that takes nothing any more has a bounded time for it. */
export async function goodbye(link: FrameLink, setTimer: SetTimer = wallTimer): Promise<void> {
  const cancel = setTimer(goodbyeMs, () => link.close());
  await link.endSending();
  cancel();
  link.close();
}
