/**
 * How a side takes its leave of a connection. primary/ and backup/ close the logging channel with it.
 */
import { goodbyeMs } from "../base/limits.ts";
import type { FrameLink } from "./link.ts";
import { type SetTimer, wallTimer } from "./timer.ts";

/**
 * Sends what waits, and closes once the peer has ended as well, which has a bounded time for it. Whoever receives
 * on the link goes on with that, to its end: closing on what has not been received resets a connection, and the
 * peer, whose next frame then fails, may never read the last one that was sent to it.
 */
export async function goodbye(link: FrameLink, setTimer: SetTimer = wallTimer): Promise<void> {
  const cancel = setTimer(goodbyeMs, () => link.close());
  await link.endSending();
  await link.ended;
  cancel();
  link.close();
}
