/**
 * The keyboard controller at 0x60 and 0x64, with neither keyboard nor mouse attached.
 *
 * It is there because guests reset a PC through it (command 0xfe), and because operating systems ask
 * it who it is and wait long for an answer if there is none. So it answers the controller's own
 * commands; what is meant for a keyboard or a mouse vanishes, and commands it does not know do
 * nothing. It never speaks by itself. The auxiliary port reports a fault, so that nobody looks for a
 * mouse. Called by the board. After the "8042" chapter of IBM's PS/2 hardware interface reference.
 */
import type { DeviceEffect, Line, PortDevice, Width } from "./device.ts";
import { type DeviceState, flag, powerOn, type RecordOf, Registers, u8 } from "./state.ts";

const DATA_PORT = 0x60;

/** Command byte: keyboard interrupt, self-test passed, the two ports' clocks off. */
const MODE_INTERRUPT = 0x01;
const MODE_SYSTEM = 0x04;
const MODE_KEYBOARD_OFF = 0x10;
const MODE_AUX_OFF = 0x20;

/** Status: output full, system flag (as in the command byte), last write was a command, unlocked. */
const STATUS_FULL = 0x01;
const STATUS_COMMAND = 0x08;
const STATUS_UNLOCKED = 0x10;

const READ_MODE = 0x20;
const WRITE_MODE = 0x60;
const AUX_OFF = 0xa7;
const AUX_ON = 0xa8;
const AUX_TEST = 0xa9;
const SELF_TEST = 0xaa;
const KEYBOARD_TEST = 0xab;
const KEYBOARD_OFF = 0xad;
const KEYBOARD_ON = 0xae;
const READ_INPUT_PORT = 0xc0;
const READ_OUTPUT_PORT = 0xd0;
const WRITE_OUTPUT_PORT = 0xd1;
const WRITE_OUTPUT_BUFFER = 0xd2;
const WRITE_AUX_BUFFER = 0xd3;
const WRITE_AUX = 0xd4;
/** The commands 0xf0 to 0xff pulse those of the output port's low four bits that are zero in them. */
const PULSE = 0xf0;
/** The output port's bit that, when low, resets the CPU. */
const RESET_LINE = 0x01;

/** "Clock line stuck high": the auxiliary port's test result. */
const AUX_FAULT = 0x02;

const KEYBOARD_FIELDS = {
  mode: u8({ initial: MODE_SYSTEM }),
  /** Reset and A20 are high. */
  outputPort: u8({ initial: 0xcf }),
  /** The command that waits for its data byte; 0 for none. */
  command: u8(),
  lastWasCommand: flag(true),
  full: flag(),
  output: u8(),
};

/** The controller; IRQ1 is high while a reply waits and the command byte enables it. */
export class KeyboardController implements PortDevice {
  readonly name = "keyboard";
  /** Data, and command or status. */
  readonly ports = [{ first: DATA_PORT, count: 1 }, { first: 0x64, count: 1 }];
  readonly registers: Registers;
  readonly #s: RecordOf<typeof KEYBOARD_FIELDS> = powerOn(KEYBOARD_FIELDS);
  readonly #line: Line;

  /**
   * A controller that has passed its self-test, its interrupt off.
   * @param line IRQ1
   */
  constructor(line: Line) {
    this.#line = line;
    this.registers = new Registers(this.name, [
      { part: "", table: KEYBOARD_FIELDS, record: this.#s },
    ]);
  }

  /** Serves a read of the output buffer or the status. */
  read(port: number, _width: Width): number {
    const s = this.#s;
    if (port !== DATA_PORT) {
      return (s.full ? STATUS_FULL : 0) | s.mode & MODE_SYSTEM |
        (s.lastWasCommand ? STATUS_COMMAND : 0) | STATUS_UNLOCKED;
    }
    s.full = false;
    this.#settle();
    return s.output;
  }

  /** Serves a write of a command or of data; it may reset the machine. */
  write(port: number, _width: Width, value: number): DeviceEffect | undefined {
    this.#s.lastWasCommand = port !== DATA_PORT;
    const effect = port === DATA_PORT ? this.#writeData(value) : this.#writeCommand(value);
    this.#settle();
    return effect;
  }

  /** A copy of the state. */
  state(): DeviceState {
    return this.registers.values();
  }

  /**
   * Replaces the state.
   * @throws PeerError if it is malformed; then nothing has changed
   */
  restore(state: DeviceState): void {
    this.registers.assign(state);
  }

  #writeCommand(value: number): DeviceEffect | undefined {
    const s = this.#s;
    s.command = 0;
    if (value >= PULSE) return (value & RESET_LINE) === 0 ? { kind: "reset" } : undefined;
    switch (value) {
      case READ_MODE:
        return this.#reply(s.mode);
      case AUX_TEST:
        return this.#reply(AUX_FAULT);
      case SELF_TEST:
        s.mode |= MODE_SYSTEM;
        return this.#reply(0x55);
      case KEYBOARD_TEST:
        return this.#reply(0x00);
      case READ_INPUT_PORT:
        return this.#reply(0x80);
      case READ_OUTPUT_PORT:
        return this.#reply(s.outputPort);
      case AUX_OFF:
        s.mode |= MODE_AUX_OFF;
        break;
      case AUX_ON:
        s.mode &= ~MODE_AUX_OFF;
        break;
      case KEYBOARD_OFF:
        s.mode |= MODE_KEYBOARD_OFF;
        break;
      case KEYBOARD_ON:
        s.mode &= ~MODE_KEYBOARD_OFF;
        break;
      case WRITE_MODE:
      case WRITE_OUTPUT_PORT:
      case WRITE_OUTPUT_BUFFER:
      case WRITE_AUX_BUFFER:
      case WRITE_AUX:
        s.command = value;
        break;
    }
    return undefined;
  }

  #writeData(value: number): DeviceEffect | undefined {
    const s = this.#s;
    const { command } = s;
    s.command = 0;
    switch (command) {
      case WRITE_MODE:
        s.mode = value;
        break;
      case WRITE_OUTPUT_PORT:
        s.outputPort = value;
        return (value & RESET_LINE) === 0 ? { kind: "reset" } : undefined;
      case WRITE_OUTPUT_BUFFER:
      // There is no auxiliary port to pretend to be: the byte comes as a keyboard's.
      case WRITE_AUX_BUFFER:
        return this.#reply(value);
    }
    return undefined;
  }

  #reply(value: number): undefined {
    this.#s.output = value;
    this.#s.full = true;
  }

  #settle(): void {
    this.#line(this.#s.full && (this.#s.mode & MODE_INTERRUPT) !== 0);
  }
}
