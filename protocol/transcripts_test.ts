/**
 * Conversations of the two sides as text: transcripts/*.txt say what happens (`> ...`), and what the two
 * machines then want done. UPDATE=1 writes the second part anew; what changed is for the eye to judge.
 */
import assert from "node:assert/strict";
import { BackupProtocol } from "./backup.ts";
import type { BackupEffect, BackupInput, ReceivedFrame } from "./backup.ts";
import type { Message } from "./messages.ts";
import { PrimaryProtocol } from "./primary.ts";
import type { PrimaryEffect, PrimaryInput } from "./primary.ts";
import { backupRules, frame, output, primaryRules, show } from "./protocol_test_support.ts";
import type { ClaimOutcome } from "./types.ts";

const OUTCOMES: Record<string, ClaimOutcome> = {
  won: { kind: "won" },
  lost: { kind: "lost", holder: "the other side", ended: false },
  ended: { kind: "lost", holder: "the other side", ended: true },
  unreachable: { kind: "unreachable", why: "no route" },
};

/** Two sides, a channel between them, and what they say to the world, line by line. */
class Conversation {
  readonly lines: string[] = [];
  #nowMs = 1000;
  readonly #primary = new PrimaryProtocol(primaryRules, 1);
  readonly #backup = new BackupProtocol(backupRules);
  readonly #toPrimary: Message[] = [];
  readonly #toBackup: (Message | ReceivedFrame)[] = [];
  #sequence = 0;
  #offsets = { primary: 0, backup: 0 };

  /** What can happen, in words; each returns once all that follows from it at once is written down. */
  readonly #happenings: [RegExp, (...words: string[]) => void][] = [
    [/^backup connects$/, () => this.#tellBackup({ type: "connected" })],
    [/^all arrives$/, () => this.#deliver()],
    [/^all arrives at the backup$/, () => this.#deliverToBackup()],
    [/^(\d+) ms pass unnoticed$/, (milliseconds) => this.#nowMs += Number(milliseconds)],
    [/^(\d+) ms pass$/, (milliseconds) => this.#pass(Number(milliseconds))],
    [/^guest puts (".*") at (\d+)$/, (text, point) => {
      const put = output(this.#offsets.primary, JSON.parse(text!), Number(point));
      this.#offsets.primary += put.bytes.length;
      this.#tellPrimary({ type: "output", output: put });
    }],
    [/^log through (\d+)( with the state)?$/, (through, state) => {
      const completesState = state !== undefined;
      const closed = frame(++this.#sequence, Number(through), { completesState });
      this.#tellPrimary({ type: "frame", frame: closed });
    }],
    [/^sink has it$/, () => this.#tellPrimary({ type: "performed", sink: 0 })],
    [/^replay puts (".*") at (\d+)$/, (text, point) => {
      const put = output(this.#offsets.backup, JSON.parse(text!), Number(point));
      this.#offsets.backup += put.bytes.length;
      this.#tellBackup({ type: "output", output: put });
    }],
    [/^replay has done frame (\d+) through (\d+)$/, (sequence, point) => {
      this.#tellBackup({ type: "replayed", sequence: Number(sequence), point: Number(point) });
    }],
    [/^replay has drained$/, () => this.#tellBackup({ type: "drained" })],
    [/^replay differs at (\d+)$/, (point) => {
      const divergence = { point: Number(point), place: "rax", recorded: "1", replayed: "2" };
      this.#tellBackup({ type: "diverged", divergence });
    }],
    [/^arbiter tells primary: (\w+)$/, (outcome) => {
      const generation = this.#primary.generation + 1;
      this.#tellPrimary({ type: "claimed", generation, outcome: OUTCOMES[outcome!]! });
    }],
    [/^arbiter tells backup: (\w+)$/, (outcome) => {
      this.#tellBackup({ type: "claimed", generation: 2, outcome: OUTCOMES[outcome!]! });
    }],
    [
      /^arbiter is in reach$/,
      () => this.#tellPrimary({ type: "probed", reachable: true, why: "" }),
    ],
    [/^connection breaks for backup$/, () => this.#tellBackup({ type: "closed", why: "reset" })],
    [/^connection breaks for primary$/, () => {
      this.#tellPrimary({ type: "closed", connection: 1, why: "reset" });
    }],
    [/^handover is asked for$/, () => this.#tellPrimary({ type: "handover" })],
    [/^machine stands still$/, () => {
      this.#tellPrimary({ type: "paused", sequence: this.#sequence });
    }],
    [/^guest ends$/, () => {
      const end = { why: "the guest powered off", code: 0 };
      this.#tellPrimary({ type: "guestEnded", end, sequence: this.#sequence });
    }],
    [
      /^backup is stopped in good order$/,
      () => this.#tellBackup({ type: "leave", why: "SIGTERM" }),
    ],
  ];

  /** Something happens. */
  happen(text: string): void {
    for (const [pattern, happening] of this.#happenings) {
      const words = pattern.exec(text)?.slice(1);
      if (words !== undefined) return happening(...words);
    }
    assert.fail(`nobody knows what this means: ${text}`);
  }

  #tellPrimary(input: PrimaryInput): void {
    for (const effect of this.#primary.step(input, this.#nowMs)) {
      this.#note("primary", effect);
      if (effect.type === "send") this.#toBackup.push(effect.message);
      if (effect.type === "sendFrame") this.#toBackup.push({ generation: 1, ...effect.frame });
    }
  }

  #tellBackup(input: BackupInput): void {
    for (const effect of this.#backup.step(input, this.#nowMs)) {
      this.#note("backup", effect);
      if (effect.type === "send") this.#toPrimary.push(effect.message);
    }
  }

  #note(who: string, effect: PrimaryEffect | BackupEffect): void {
    const text = effect.type === "report" ? `-- ${effect.text}` : show(effect);
    this.lines.push(`${who.padStart(9)}: ${text}`);
  }

  #deliver(): void {
    while (this.#toPrimary.length + this.#toBackup.length > 0) {
      for (const message of this.#toPrimary.splice(0)) {
        this.#tellPrimary({ type: "message", connection: 1, message });
      }
      this.#deliverToBackup();
    }
  }

  #deliverToBackup(): void {
    for (const packet of this.#toBackup.splice(0)) {
      const isFrame = "sequence" in packet && "bytes" in packet;
      this.#tellBackup(
        isFrame ? { type: "frame", frame: packet } : { type: "message", message: packet },
      );
    }
  }

  #pass(milliseconds: number): void {
    for (const end = this.#nowMs + milliseconds; this.#nowMs < end;) {
      this.#nowMs += 10;
      this.#tellPrimary({ type: "tick" });
      this.#tellBackup({ type: "tick" });
    }
  }
}

/** A transcript as it should be: remarks and happenings as they are, all else anew. */
function rewrite(transcript: string): string {
  const conversation = new Conversation();
  const lines: string[] = [];
  for (const line of transcript.trimEnd().split("\n")) {
    if (line !== "" && !/^[#>]/.test(line)) continue;
    lines.push(line);
    if (!line.startsWith("> ")) continue;
    conversation.happen(line.slice(2));
    lines.push(...conversation.lines.splice(0));
  }
  return `${lines.join("\n")}\n`;
}

const directory = new URL("./transcripts/", import.meta.url);
for (const { name } of [...Deno.readDirSync(directory)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  Deno.test(`the transcript ${name} is what the two sides do`, () => {
    const path = new URL(name, directory);
    const transcript = Deno.readTextFileSync(path);
    const actual = rewrite(transcript);
    if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(path, actual);
    else assert.equal(actual, transcript);
  });
}
