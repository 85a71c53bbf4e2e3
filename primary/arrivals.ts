/**
 * What arrives at a machine from outside: console input and network frames that main has handed over, until the machine
 * has room for them.
 *
 * Console input enters byte by byte, as the UART has room. A network frame enters whole or not at all: while the guest
 * has no buffer for it, it waits here, and those behind it with it. What waits here has not happened, and dies with the
 * primary, as what is still on the wire does.
 *
 * Used by the recorder in the vCPU's thread.
 */
import { isFrameLength } from "../devices/net_frames.ts";
import type { Channel } from "../machine/channel.ts";
import { DataDevice } from "../machine/control.ts";
import type { Machine } from "../machine/machine.ts";
import { ConsoleInput } from "./console_input.ts";

/** Takes what has entered, before it does: device, bytes. */
export type LogData = (device: number, bytes: Uint8Array) => void;

/** See the top of the file. */
export class Arrivals {
  readonly #input: ConsoleInput;
  #frame: Uint8Array | undefined;

  constructor(private readonly channel: Channel) {
    this.#input = new ConsoleInput(channel.input);
  }

  /** Whether something waits that the machine has room for. */
  canEnter({ board }: Machine): boolean {
    return this.#input.hasBytes && board.console.rxSpace() > 0 ||
      this.#hasFrame() && board.net?.canReceive() === true;
  }

  /** Lets in all that the machine has room for. @param log is told of each piece before the machine is */
  enter({ board }: Machine, log: LogData | undefined): void {
    const { console, net } = board;
    const bytes = this.#input.take(console.rxSpace());
    if (bytes !== undefined) {
      log?.(DataDevice.console, bytes);
      console.receive(bytes);
    }
    while (this.#hasFrame() && net?.canReceive()) {
      const frame = this.#frame!;
      this.#frame = undefined;
      log?.(DataDevice.net, frame);
      net.receive(frame);
    }
  }

  /** What is no frame for this card enters no machine. */
  #hasFrame(): boolean {
    const { frames } = this.channel;
    while (this.#frame === undefined && frames.usedBytes > 0) {
      const { body } = frames.tryRead()!;
      if (isFrameLength(body.length)) this.#frame = body;
    }
    return this.#frame !== undefined;
  }
}
