/**
 * What the events of a log have to be like, one after the other, over the borders of frames: the rules by which a
 * replayer would refuse them, as far as they can be seen without running the guest.
 *
 * - The frames are in order (codec/frame_order.ts).
 * - A session begins with a whole state; until then, and in the middle of a later one, nothing else comes.
 * - A frame's events do not stand before what the frame before was complete up to; clocks do not go back.
 * - Devices, sections and codes are known ones. Nothing follows the guest's end.
 *
 * A piece (what `log cut --from` leaves) begins between two frames, where no state is in the middle. Called by walk.ts.
 */
import { PeerError } from "../base/errors.ts";
import type { LogEvent, LogHeader } from "../codec/codec.ts";
import { FrameOrder } from "../codec/frame_order.ts";
import { ControlCode, DataDevice } from "../machine/control.ts";
import { StateSection } from "../machine/state.ts";

/** Follows the events of one session, or of a piece of it. */
export class LogOrder {
  readonly #frames = new FrameOrder();
  /** What the frame before was complete up to. */
  #throughBefore = 0;
  #isWhole = false;
  #isInState = false;
  #hasEnded = false;
  #clockUs: number | undefined;
  #digests = 0;

  /** What the frames say. */
  get frames(): Pick<FrameOrder, "first" | "last" | "isPiece"> {
    return this.#frames;
  }

  /** The execution point up to which the log is complete. */
  get through(): number {
    return this.#frames.last?.through ?? 0;
  }

  /** Whether the state that the session begins with is whole; of a piece, it is elsewhere. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** @throws PeerError unless it is: such a log, whose name is `path`, has nothing that is worth keeping */
  requireWhole(path: string): void {
    if (this.#isWhole) return;
    throw new PeerError(`${path} ends before the machine's first state is whole: nothing to keep`);
  }

  /** Whether a log may end or be parted here, behind the frame that was followed last. */
  get isBorder(): boolean {
    return this.#isWhole && !this.#isInState;
  }

  /** Whether the guest has ended. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What the machine's clock was moved to last, in microseconds; undefined before. */
  get clockUs(): number | undefined {
    return this.#clockUs;
  }

  /** How many digests there were. */
  get digests(): number {
    return this.#digests;
  }

  /** The next frame, which has been opened, begins. @throws PeerError if it can't be there */
  begin(header: LogHeader): void {
    if (this.#hasEnded) throw new PeerError("a frame after the guest's end");
    this.#throughBefore = this.through;
    const isFirst = this.#frames.first === undefined;
    this.#frames.follow(header);
    if (isFirst) this.#isWhole = this.#frames.isPiece;
  }

  /** The next event of that frame. @throws PeerError if it can't be there */
  meet(event: LogEvent): void {
    const { kind, point } = event;
    if (this.#hasEnded) throw new PeerError(`a ${kind} event after the guest's end`);
    if (point < this.#throughBefore) {
      throw new PeerError(
        `an event at point ${point}, expected ${this.#throughBefore} at least: so far the log was complete`,
      );
    }
    if (kind !== "state" && !this.isBorder) {
      const where = this.#isWhole ? "in the middle of a state" : "before the state is whole";
      throw new PeerError(`a ${kind} event ${where}`);
    }
    switch (event.kind) {
      case "time":
        return this.#time(event.clockUs);
      case "data":
        return expectKnown("data for device", event.device, DataDevice);
      case "state":
        return this.#state(event.section);
      case "control":
        return this.#control(event.code);
    }
  }

  #time(clockUs: number): void {
    if (this.#clockUs !== undefined && clockUs < this.#clockUs) {
      throw new PeerError(`clock ${clockUs} us comes after clock ${this.#clockUs} us`);
    }
    this.#clockUs = clockUs;
  }

  #state(section: number): void {
    expectKnown("state section", section, StateSection);
    this.#isInState = section !== StateSection.machine;
    if (!this.#isInState) this.#isWhole = true;
  }

  #control(code: number): void {
    expectKnown("a control event", code, ControlCode);
    if (code === ControlCode.digest) this.#digests++;
    else this.#hasEnded = true;
  }
}

function expectKnown(what: string, found: number, known: Readonly<Record<string, number>>): void {
  const numbers = Object.values(known);
  if (numbers.includes(found)) return;
  throw new PeerError(`${what} ${found}, expected ${numbers.join(" or ")}`);
}
