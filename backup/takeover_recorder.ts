/**
 * The takeover in the vCPU's thread: a recorder takes the replayer's place.
 *
 * Apart from takeover.ts, so that the thread loads nothing of main's side.
 */
import type { Channel } from "../machine/channel.ts";
import type { Machine } from "../machine/machine.ts";
import { MachineClock } from "../primary/machine_clock.ts";
import { Recorder } from "../primary/recorder.ts";
import type { Verify } from "../protocol/verify.ts";

/**
 * A recorder that goes on where the replay stands.
 * @param wallMs the host's time of day, in milliseconds since 1970: the machine's clock catches up with it
 * @param verify how often its log carries a digest
 */
export function recordFrom(
  machine: Machine,
  channel: Channel,
  wallMs: number,
  verify: Verify,
): Recorder {
  const { clockUs, epochMs } = machine;
  const lagUs = (wallMs - epochMs) * 1000 - clockUs;
  return new Recorder(machine, channel, new MachineClock(clockUs, lagUs), { verify });
}
