/**
 * What this room's tests share: seeds, small rules, effects as text, and the two sides on a clock.
 *
 * Only tests import this.
 */
import { BackupProtocol, type BackupRules } from "./backup.ts";
import type { BackupEffect, BackupInput } from "./backup.ts";
import { encodeMessage, type Message, type MessageOf, PROTOCOL_VERSION } from "./messages.ts";
import type { Output } from "./output_gate.ts";
import type { Divergence } from "./backup.ts";
import { PrimaryProtocol, type PrimaryRules } from "./primary.ts";
import type { LoggedFrame, PrimaryEffect, PrimaryInput } from "./primary.ts";

/** The seed of random tests: from env SEED, or drawn; fast-check prints it. */
export const seed: number = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));

/** Rules of a primary with round numbers. */
export const primaryRules: PrimaryRules = {
  machineId: "m1",
  memoryBytes: 4096,
  commitReplayed: false,
  heartbeatMs: 10,
  timeoutMs: 100,
  lagMaxMs: 200,
  sliceMs: 20,
  mode: "replay",
  checkpointing: false,
  epochLengthMs: 10,
  verify: 16_384,
  claimRetryMs: 50,
  windowBytes: 1000,
  pageWindowBytes: 1000,
  burstBytes: 1000,
  heldBytesMax: 1000,
  divergenceMax: { count: 3, withinMs: Infinity },
};

/** Rules of the backup that goes with it. */
export const backupRules: BackupRules = {
  who: "b",
  machineId: "",
  claimRetryMs: 50,
  windowBytes: 1000,
  keptBytesMax: 4000,
  takeoverDiverged: false,
};

/** What such a primary says to such a backup. */
export const welcome: MessageOf<"welcome"> = {
  type: "welcome",
  machineId: "m1",
  generation: 1,
  memoryBytes: 4096,
  commitReplayed: false,
  heartbeatMs: 10,
  timeoutMs: 100,
  lagMaxMs: 200,
  sliceMs: 20,
  mode: "replay",
  checkpointing: false,
  epochLengthMs: 10,
  verify: "16384",
  divergenceMax: "3",
};

/** What a backup says when it has diverged. */
export const diverged: MessageOf<"diverged"> = {
  type: "diverged",
  point: 11,
  place: "rax",
  recorded: "1",
  replayed: "2",
  after: 10,
  checksums: new Uint8Array(4),
};

/** An output to the console with these characters. */
export function output(offset: number, text: string, point: number, sink = 0): Output {
  return { sink, offset, point, bytes: new TextEncoder().encode(text) };
}

/** A frame of a session's log. */
export function frame(
  sequence: number,
  through: number,
  rest: Partial<LoggedFrame> = {},
): LoggedFrame {
  const bytes = new Uint8Array(10);
  return {
    session: 1,
    sequence,
    through,
    inputOffset: 0,
    ranUs: 0,
    completesState: false,
    bytes,
    ...rest,
  };
}

/** The characters of bytes. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** An effect or a message as one line: its type, then its fields. */
export function show(thing: PrimaryEffect | BackupEffect | Message): string {
  const { type, ...fields } = thing;
  const shown = Object.entries(fields).map(([name, value]) => showField(name, value));
  return [type, ...shown.filter((text) => text !== "")].join(" ");
}

function showField(name: string, value: unknown): string {
  switch (name) {
    case "connection":
      return value === 1 ? "" : `on ${value}`;
    case "message":
      return show(value as Message);
    case "welcome":
      return "";
    case "frame": {
      const { sequence, through } = value as LoggedFrame;
      return `${sequence} through ${through}`;
    }
    case "output":
      return showOutput(value as Output);
    case "kept":
      return `kept [${(value as Output[]).map(showOutput).join(", ")}]`;
    case "bytes":
      return JSON.stringify(textOf(value as Uint8Array));
    case "divergence": {
      const { point, place } = value as Divergence;
      return `${place} at ${point}`;
    }
    case "text":
      return `"${value}"`;
    default:
      return `${name}=${typeof value === "string" ? JSON.stringify(value) : value}`;
  }
}

function showOutput({ sink, offset, bytes }: Output): string {
  return `${sink === 0 ? "" : `sink ${sink} `}${offset} ${JSON.stringify(textOf(bytes))}`;
}

/** A primary on a clock; what it wants done comes back as text, without the reports. */
export class TestPrimary {
  nowMs = 1000;
  readonly protocol: PrimaryProtocol;

  constructor(rules: Partial<PrimaryRules> = {}, kept: readonly Output[] = []) {
    this.protocol = new PrimaryProtocol({ ...primaryRules, ...rules }, 1, kept);
  }

  /** One input. */
  give(input: PrimaryInput): string[] {
    return quiet(this.protocol.step(input, this.nowMs)).map(show);
  }

  /** A message from the backup, on connection 1. */
  hear(message: Message, connection = 1): string[] {
    return this.give({ type: "message", connection, message });
  }

  /** An ack; what it leaves out is as it was. */
  ack(ack: Partial<MessageOf<"ack">>): string[] {
    const { received = 0, replayed = 0, point = 0 } = this.protocol.session ?? {};
    return this.hear({ type: "ack", received, replayed, point, echoMs: 0, ...ack });
  }

  /** Time goes by, and a tick says so. */
  wait(milliseconds: number): string[] {
    this.nowMs += milliseconds;
    return this.give({ type: "tick" });
  }

  /** The machine puts bytes out, and the frame that covers them is closed. */
  put(outputs: readonly Output[], ...frames: readonly LoggedFrame[]): string[] {
    return [
      ...outputs.flatMap((one) => this.give({ type: "output", output: one })),
      ...frames.flatMap((one) => this.give({ type: "frame", frame: one })),
    ];
  }

  /** A backup joins, with a state in frame 1 through point 10, and is protected. */
  join(): this {
    this.hear({ type: "hello", protocol: PROTOCOL_VERSION, who: "b", machineId: "" });
    this.put([], frame(1, 10, { completesState: true }));
    this.ack({ received: 1, replayed: 1, point: 10 });
    return this;
  }
}

/** A backup on a clock; what it wants done comes back as text, without the reports. */
export class TestBackup {
  nowMs = 1000;
  readonly protocol: BackupProtocol;

  constructor(rules: Partial<BackupRules> = {}) {
    this.protocol = new BackupProtocol({ ...backupRules, ...rules });
  }

  /** One input. */
  give(input: BackupInput): string[] {
    return quiet(this.protocol.step(input, this.nowMs)).map(show);
  }

  /** A message from the primary. */
  hear(message: Message): string[] {
    return this.give({ type: "message", message });
  }

  /** A frame of the log, of generation 1. */
  log(sequence: number, through: number, bytes = new Uint8Array(10)): string[] {
    return this.give({ type: "frame", frame: { generation: 1, sequence, through, bytes } });
  }

  /** Time goes by, in ticks as a driver makes them. */
  wait(milliseconds: number, tickMs = 10): string[] {
    const effects: string[] = [];
    for (const end = this.nowMs + milliseconds; this.nowMs < end;) {
      this.nowMs = Math.min(end, this.nowMs + tickMs);
      effects.push(...this.give({ type: "tick" }));
    }
    return effects;
  }

  /** Joins, with a state in frame 1 through point 10. */
  follow(rules: Partial<MessageOf<"welcome">> = {}): this {
    this.give({ type: "connected" });
    this.hear({ ...welcome, ...rules });
    this.log(1, 10);
    this.give({ type: "replayed", sequence: 1, point: 10 });
    return this;
  }

  /** Joins, and is protected. */
  join(rules: Partial<MessageOf<"welcome">> = {}): this {
    this.follow(rules).hear({ type: "protected", stateSequence: 1 });
    return this;
  }
}

/** Without the reports. What is sent must be fit to be sent. */
function quiet<E extends PrimaryEffect | BackupEffect>(effects: readonly E[]): E[] {
  for (const effect of effects) if (effect.type === "send") encodeMessage(effect.message);
  return effects.filter(({ type }) => type !== "report");
}

/** Of a backup's effects: what it does about the machine and the generation, without acks and closing. */
export function backupDeeds(effects: readonly string[]): string[] {
  return effects.filter((text) => !/^(send ack|close|diverged )/.test(text));
}

/** Of a primary's effects: only those that matter to outputs and to who reigns. */
export function primaryDeeds(effects: readonly string[]): string[] {
  return effects.filter((text) =>
    /^(perform|claim|halt|startLog|pause|resume|send protected)/.test(text)
  );
}
