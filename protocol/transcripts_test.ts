/**
 * Conversations of the two sides as text: transcripts/*.txt say what happens (`> ...`), and what the two
 * machines then want done. UPDATE=1 writes the second part anew; what changed is for the eye to judge.
 */
import assert from "node:assert/strict";
import { BackupProtocol } from "./backup.ts";
import type { BackupEffect, BackupInput, ReceivedFrame } from "./backup.ts";
import { type Message, PROTOCOL_VERSION } from "./messages.ts";
import type { Output } from "./output_gate.ts";
import { PrimaryProtocol } from "./primary.ts";
import type { PrimaryEffect, PrimaryInput } from "./primary.ts";
import { backupRules, frame, output, primaryRules, show } from "./protocol_test_support.ts";
import type { ProtectionMode } from "./rules.ts";
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
  #primary = new PrimaryProtocol(primaryRules, 1);
  #backup = new BackupProtocol(backupRules);
  /** The one between these two; other backups come on other ones. */
  #connection = 1;
  readonly #toPrimary: { connection: number; message: Message }[] = [];
  readonly #toBackup: (Message | ReceivedFrame)[] = [];
  #session = 0;
  #sequence = 0;
  /** Of the log, while it is ahead of pages that are still to come. */
  #logSequence: number | undefined;
  #lastPages = 0;
  #kept: readonly Output[] = [];
  #offsets = { primary: 0, backup: 0 };

  /** What can happen, in words; each returns once all that follows from it at once is written down. */
  readonly #happenings: [RegExp, (...words: string[]) => void][] = [
    [/^primary waits for the replay$/, () => {
      this.#primary = new PrimaryProtocol({ ...primaryRules, commitReplayed: true }, 1);
    }],
    [/^primary is in mode auto$/, () => {
      this.#primary = new PrimaryProtocol({ ...primaryRules, mode: "auto" }, 1);
    }],
    [/^mode (\w+) is set, and an epoch of (\d+) ms$/, (mode, epoch) => {
      const settings = { mode: mode as ProtectionMode, epochLengthMs: Number(epoch) };
      this.#tellPrimary({ type: "set", settings });
    }],
    [/^backup connects$/, () => this.#tellBackup({ type: "connected" })],
    [/^new backup connects$/, () => this.#newBackup("")],
    [/^new backup for machine (\w+) connects$/, (machineId) => this.#newBackup(machineId!)],
    [/^another backup says hello( with protocol 9)?$/, (version) => {
      const protocol = version === undefined ? PROTOCOL_VERSION : 9;
      const message: Message = { type: "hello", protocol, who: "c", machineId: "" };
      this.#tellPrimary({ type: "message", connection: this.#connection + 1, message });
    }],
    [/^backup is the primary from here on$/, () => {
      this.#primary = new PrimaryProtocol(primaryRules, this.#primary.generation + 1, this.#kept);
      this.#offsets.primary = this.#offsets.backup;
      this.#tellPrimary({ type: "tick" });
    }],
    [/^nothing more arrives$/, () => {
      this.#toPrimary.length = 0;
      this.#toBackup.length = 0;
    }],
    [/^backup says: (.*)$/, (text) => {
      this.#toPrimary.push({ connection: this.#connection, message: JSON.parse(text!) });
    }],
    [/^primary says: (.*)$/, (text) => this.#toBackup.push(JSON.parse(text!))],
    [/^a frame (\d+) through (\d+) of generation (\d+) arrives$/, (sequence, point, generation) => {
      const stale = frame(Number(sequence), Number(point));
      this.#tellBackup({ type: "frame", frame: { ...stale, generation: Number(generation) } });
    }],
    [/^all arrives$/, () => this.#deliver()],
    [/^all arrives at the backup$/, () => this.#deliverToBackup()],
    [/^all arrives at the primary$/, () => this.#deliverToPrimary()],
    [/^(\d+) ms pass unnoticed$/, (milliseconds) => this.#nowMs += Number(milliseconds)],
    [/^(\d+) ms pass$/, (milliseconds) => this.#pass(Number(milliseconds), ["primary", "backup"])],
    [/^(\d+) ms pass for the (\w+) alone$/, (milliseconds, who) => {
      this.#pass(Number(milliseconds), [who!]);
    }],
    [/^guest puts (".*") at (\d+)$/, (text, point) => {
      const put = output(this.#offsets.primary, JSON.parse(text!), Number(point));
      this.#offsets.primary += put.bytes.length;
      this.#tellPrimary({ type: "output", output: put });
    }],
    [/^log through (\d+)( with the state)?$/, (through, state) => {
      const completesState = state !== undefined;
      const session = this.#session;
      const sequence = this.#logSequence === undefined ? ++this.#sequence : ++this.#logSequence;
      const closed = frame(sequence, Number(through), { session, completesState });
      // Outputs are counted in the state, too.
      if (completesState) this.#offsets.backup = this.#offsets.primary;
      this.#tellPrimary({ type: "frame", frame: closed });
    }],
    [/^(\d+) frames with pages$/, (count) => {
      for (let left = Number(count); left > 0; left--) this.#sendPages();
    }],
    [/^the last (\d+) frames with pages are to come$/, (count) => {
      this.#lastPages = Number(count);
      this.#logSequence = this.#sequence + this.#lastPages;
    }],
    [/^transfer in round (\d+)$/, (round) => {
      const transfer = {
        round: Number(round),
        sentBytes: 0,
        leftBytes: 0,
        pauseShare: 0,
        stopUs: 0,
      };
      this.#tellPrimary({ type: "transfer", session: this.#session, transfer });
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
    [/^replay has the state(?: with (".*") from (\d+))?$/, (text, offset) => {
      this.#tellBackup({ type: "state" });
      if (text === undefined) return;
      const undone = output(Number(offset), JSON.parse(text), 0);
      this.#tellBackup({ type: "output", output: undone });
    }],
    [/^replay stands still$/, () => this.#tellBackup({ type: "renewed" })],
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
    [/^arbiter is (in|out of) reach$/, (word) => {
      const reachable = word === "in";
      this.#tellPrimary({ type: "probed", reachable, why: reachable ? "" : "no route" });
    }],
    [/^connection breaks for backup$/, () => this.#tellBackup({ type: "closed", why: "reset" })],
    [/^connection breaks for primary$/, () => {
      this.#tellPrimary({ type: "closed", connection: this.#connection, why: "reset" });
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

  #sendPages(): void {
    const session = this.#session;
    this.#tellPrimary({ type: "pages", frame: frame(++this.#sequence, 0, { session }) });
    if (this.#logSequence === undefined || --this.#lastPages > 0) return;
    this.#sequence = this.#logSequence;
    this.#logSequence = undefined;
  }

  #tellPrimary(input: PrimaryInput): void {
    for (const effect of this.#primary.step(input, this.#nowMs)) {
      this.#note("primary", effect);
      if (effect.type === "send" && effect.connection === this.#connection) {
        this.#toBackup.push(effect.message);
      }
      if (effect.type === "sendFrame") {
        this.#toBackup.push({ generation: this.#primary.generation, ...effect.frame });
      }
      if (effect.type === "startLog") {
        this.#session = effect.session;
        this.#sequence = 0;
      }
    }
  }

  /** Another process, on a connection of its own: what is on its way on the old one never reaches it. */
  #newBackup(machineId: string): void {
    this.#connection++;
    this.#toBackup.length = 0;
    this.#backup = new BackupProtocol({ ...backupRules, machineId });
    this.#tellBackup({ type: "connected" });
  }

  #tellBackup(input: BackupInput): void {
    for (const effect of this.#backup.step(input, this.#nowMs)) {
      this.#note("backup", effect);
      if (effect.type === "goLive") this.#kept = effect.kept;
      if (effect.type !== "send") continue;
      this.#toPrimary.push({ connection: this.#connection, message: effect.message });
    }
  }

  #note(who: string, effect: PrimaryEffect | BackupEffect): void {
    const text = effect.type === "report" ? `-- ${effect.text}` : show(effect);
    this.lines.push(`${who.padStart(9)}: ${text}`);
  }

  #deliver(): void {
    while (this.#toPrimary.length + this.#toBackup.length > 0) {
      this.#deliverToPrimary();
      this.#deliverToBackup();
    }
  }

  #deliverToPrimary(): void {
    for (const { connection, message } of this.#toPrimary.splice(0)) {
      this.#tellPrimary({ type: "message", connection, message });
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

  /** Time goes by, and these look at the clock. */
  #pass(milliseconds: number, who: readonly string[]): void {
    for (const end = this.#nowMs + milliseconds; this.#nowMs < end;) {
      this.#nowMs += 10;
      if (who.includes("primary")) this.#tellPrimary({ type: "tick" });
      if (who.includes("backup")) this.#tellBackup({ type: "tick" });
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
const names = [...Deno.readDirSync(directory)].map(({ name }) => name)
  .sort((a, b) => parseInt(a) - parseInt(b));

Deno.test("docs/PROTOCOL.md lists every transcript, and none that is not there", () => {
  const text = Deno.readTextFileSync(new URL("../docs/PROTOCOL.md", import.meta.url));
  const listed = [...text.matchAll(/^\| `(\d+_\w+\.txt)`/gm)].map(([, name]) => name);
  assert.deepEqual(listed, names);
});

for (const name of names) {
  Deno.test(`the transcript ${name} is what the two sides do`, () => {
    const path = new URL(name, directory);
    const transcript = Deno.readTextFileSync(path);
    const actual = rewrite(transcript);
    if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(path, actual);
    else assert.equal(actual, transcript);
  });
}
