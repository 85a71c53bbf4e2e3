/**
 * Deliberate bugs, a row each: what a simulator of this protocol has to find.
 *
 * A mutant is a change to the text of production files, made in a copy of them (mutate.ts). Each `find` occurs
 * exactly once in its file, so a row that no longer fits the code is an error, not a bug that nobody makes.
 */
import { edit, type Mutant } from "./mutant.ts";
import { HEALING_MUTANTS } from "./mutants_healing.ts";
import { STATE_MUTANTS } from "./mutants_states.ts";
import { TRANSFER_MUTANTS } from "./mutants_transfer.ts";

/** Within so many seeds each of them has to be found. */
export const SEEDS_MAX = 20_000;

const primary = "protocol/primary.ts";
const session = "protocol/primary_session.ts";
const wire = "protocol/wire.ts";
const backup = "protocol/backup.ts";
const gate = "protocol/output_gate.ts";
const handover = "protocol/handover.ts";

/** All of them, from the output's way out to the arbiter. */
export const MUTANTS: readonly Mutant[] = [
  ...HEALING_MUTANTS,
  {
    name: "an ack releases outputs whatever its frame's through",
    edits: [
      edit(primary, "this.gate.releaseThrough(through);", "this.gate.releaseThrough(Infinity);"),
    ],
  },
  {
    name: "an ack counts for the frame after it, too",
    edits: [
      edit(
        session,
        "this.holds(this.#unacked.first.sequence)",
        "this.holds(this.#unacked.first.sequence - 1)",
      ),
    ],
  },
  {
    name: "an output one point beyond what is acknowledged is released",
    edits: [
      edit(gate, "next.point > this.#releasedThrough)", "next.point > this.#releasedThrough + 1)"),
    ],
  },
  {
    name: "received counts where replayed is asked for",
    edits: [
      edit(session, "(this.rules.commitReplayed ? this.replayed : this.received)", "this.received"),
    ],
  },
  {
    name: "input is committed a byte too early",
    edits: [edit(primary, "offset: acked.inputOffset }", "offset: acked.inputOffset + 1 }")],
  },
  {
    name: "a frame is taken in before its checksum is checked",
    edits: [
      edit(wire, "import { FrameDecoder,", "import { crc32c, FrameDecoder,"),
      edit(
        wire,
        "const { generation, sequence, through } = decoder.open(frame);",
        `const right = frame.slice();
        const checksum = crc32c(frame.subarray(6), crc32c(frame.subarray(0, 2)));
        new DataView(right.buffer).setUint32(2, checksum, true);
        const { generation, sequence, through } = decoder.open(right);`,
      ),
    ],
  },
  {
    name: "no notices",
    edits: [edit(
      primary,
      'if (session !== undefined) this.#send(session.connection, { type: "done", sink, offset });',
      "void session, offset;",
    )],
  },
  {
    name: "a notice goes out before its output is performed",
    edits: [edit(
      primary,
      'for (const output of this.gate.take()) this.#effects.push({ type: "perform", output });',
      `for (const output of this.gate.take()) {
        const { sink, offset, bytes } = output;
        if (this.#session !== undefined) {
          this.#send(this.#session.connection, { type: "done", sink, offset: offset + bytes.length });
        }
        this.#effects.push({ type: "perform", output });
      }`,
    )],
  },
  {
    name: "a notice says one byte more than was performed",
    edits: [edit(gate, "    return queue.doneOffset;", "    return queue.doneOffset + 1;")],
  },
  {
    name: "a backup is protected before it has the log of what was performed",
    edits: [
      edit(
        primary,
        "if (isStale || through < this.gate.takenThrough) return;",
        "if (isStale) return;",
      ),
    ],
  },
  {
    name: "a backup is protected before it has applied the state",
    edits: [
      edit(primary, "if (replayedState === undefined) return;", "if (acked === undefined) return;"),
      edit(primary, "this.#protect(session, replayedState);", "this.#protect(session, 1);"),
      edit(
        backup,
        "message.stateSequence > 0 && message.stateSequence <= this.progress.replayed",
        "true",
      ),
    ],
  },
  {
    name: "a backup that was never protected claims",
    edits: [edit(
      backup,
      "if (!this.#isProtected && !this.#isHealing) return this.#rejoin(why);",
      "if (this.#welcome === undefined) return this.#rejoin(why);",
    )],
  },
  {
    name: "a protected backup that loses its primary joins anew",
    edits: [
      edit(
        backup,
        "if (!this.#isProtected && !this.#isHealing) return this.#rejoin(why);",
        "return this.#rejoin(why);",
      ),
    ],
  },
  {
    name: "the lease is not looked at",
    edits: [
      edit(
        primary,
        "      this.#suspect(nowMs);\n      this.#progress();",
        "      this.#progress();",
      ),
    ],
  },
  {
    name: "what is released is performed, then the lease is looked at",
    edits: [edit(
      primary,
      "      this.#suspect(nowMs);\n      this.#progress();",
      "      this.#progress();\n      this.#suspect(nowMs);",
    )],
  },
  {
    name: "a late ack renews the lease as of its arrival",
    edits: [
      edit(
        primary,
        "if (!this.#allow(session, () => session.ack(ack, nowMs))) return;",
        "if (!this.#allow(session, () => session.ack(ack, nowMs))) return;\n    session.heardMs = nowMs;",
      ),
    ],
  },
  {
    name: "under suspicion, what was released before is still performed",
    edits: [edit(
      primary,
      'this.#mode = "claiming";\n    this.gate.releaseThrough(-1);',
      'this.#mode = "claiming";',
    )],
  },
  {
    name: "a backup acknowledges what comes in after it has given its primary up",
    edits: [
      edit(
        backup,
        "if (!inSession) return;\n        this.#patience.heard(nowMs);\n        return this.#frame",
        "this.#patience.heard(nowMs);\n        return this.#frame",
      ),
      edit(
        backup,
        'this.#report(`the primary is lost (${why}); draining the log`);\n    this.#effects.push({ type: "close", why });',
        "this.#report(`the primary is lost (${why}); draining the log`);",
      ),
    ],
  },
  {
    name: "a backup claims before it has drained the log",
    edits: [edit(
      backup,
      'this.#effects.push({ type: "close", why });\n    this.#drain();\n  }\n\n  #drain',
      'this.#effects.push({ type: "close", why });\n    this.#claim();\n  }\n\n  #drain',
    )],
  },
  {
    name: "a backup that diverged while it drained claims all the same",
    edits: [edit(
      backup,
      "if (ended === undefined && this.rules.takeoverDiverged) {",
      "if (ended === undefined) {",
    )],
  },
  {
    name: "a takeover without the arbiter",
    edits: [edit(
      backup,
      "if (this.#endedWhy === undefined) return this.#claim();",
      'this.#phase = "claiming";\n      if (this.#endedWhy === undefined) return this.#claimed({ kind: "won" }, 0);',
    )],
  },
  {
    name: "a primary whose claim got no answer goes on alone",
    edits: [edit(
      primary,
      "this.#claimRetryAtMs = nowMs + this.rules.claimRetryMs;",
      'if (this.#mode === "claiming") return this.#beAlone();\n' +
        "        this.#claimRetryAtMs = nowMs + this.rules.claimRetryMs;",
    )],
  },
  {
    name: "a primary that lost goes on",
    edits: [edit(
      primary,
      'case "lost":\n        if (this.#handover.isOffered) return',
      'case "lost":\n        if (this.#mode === "claiming") return this.#beAlone();\n' +
        "        if (this.#handover.isOffered) return",
    )],
  },
  {
    name: "a backup claims the generation that reigns",
    edits: [
      edit(
        backup,
        'type: "claim", generation: this.#welcome!.generation + 1 }',
        'type: "claim", generation: this.#welcome!.generation }',
      ),
    ],
  },
  {
    name: "a backup that joins after another one gets no state",
    edits: [edit(
      primary,
      'this.#effects.push({ type: "startLog", session, generation });',
      'if (session === 1) this.#effects.push({ type: "startLog", session, generation });',
    )],
  },
  {
    name: "a claim that got no answer is not made again",
    edits: [edit(
      backup,
      "this.#claimRetryAtMs = nowMs + this.rules.claimRetryMs;",
      "void nowMs;",
    )],
  },
  {
    name: "kept outputs are forgotten at a takeover",
    edits: [edit(primary, "for (const output of kept) this.gate.adopt(output);", "void kept;")],
  },
  {
    name: "kept outputs are performed in another order",
    edits: [
      edit(
        "protocol/kept_outputs.ts",
        "flatMap(({ kept }) => [...kept]);",
        "flatMap(({ kept }) => [...kept].reverse());",
      ),
    ],
  },
  {
    name: "a handover does not wait until the machine stands still",
    edits: [
      edit(
        handover,
        'this.#stage = "pausing";\n      return [{ type: "pause" }];',
        'this.#stage = "draining";\n      return [];',
      ),
      edit(handover, "sequence: this.#lastSequence };", "sequence: received };"),
    ],
  },
  {
    name: "neither a handover nor the guest's end waits for the last outputs",
    edits: [edit(primary, "if (!this.gate.isEmpty) return;", "")],
  },
  {
    name: "a machine whose handover failed is not let go on",
    edits: [
      edit(
        handover,
        'return [{ type: "report", text }, { type: "resume" }];',
        'return [{ type: "report", text }];',
      ),
    ],
  },
  {
    name: "the guest's end is not recorded",
    edits: [
      edit(
        primary,
        'this.#mode = "ending";\n      this.#claim();',
        'this.#mode = "ending";\n      this.#halt(endedHalt(this.#end!));',
      ),
    ],
  },
  {
    name: "the log's window is not kept to",
    edits: [edit(primary, "(this.#session?.unreplayedBytes ?? 0) < this.rules.windowBytes &&", "")],
  },
  ...TRANSFER_MUTANTS,
  {
    name: "heartbeats are not echoed",
    edits: [edit(backup, "this.#echoMs = Math.max(this.#echoMs, sentMs);", "void sentMs;")],
  },
  ...STATE_MUTANTS,
  {
    name: "at an equal generation, whoever asks has won",
    edits: [edit(
      "arbiter/file.ts",
      'if (holder.nonce !== register.nonce) return { kind: "lost", holder };',
      'if (holder.generation !== register.generation) return { kind: "lost", holder };',
    )],
  },
  {
    name: "a claim replaces the register that is there",
    edits: [edit(
      "arbiter/file.ts",
      "await this.ops.link(temporary, path);",
      "await this.ops.remove(path).catch(() => {});\n    await this.ops.link(temporary, path);",
    )],
  },
  {
    name: "in an etcd, whatever answers after a lost answer means won",
    edits: [
      edit(
        "arbiter/etcd.ts",
        "return holder.nonce === register.nonce\n",
        "return holder.generation === register.generation\n",
      ),
    ],
  },
  {
    name: "in an etcd, a claim puts its register over the one that is there",
    edits: [
      edit(
        "arbiter/etcd_messages.ts",
        'compare: [compare(entry.key, "EQUAL"), ...needed.map((key) => compare(key, "GREATER"))],',
        'compare: needed.map((key) => compare(key, "GREATER")),',
      ),
    ],
  },
  {
    name: "in an etcd, a lost answer means lost",
    edits: [
      edit(
        "arbiter/etcd.ts",
        "if (holder !== undefined) return outcome(register, holder);\n    } catch",
        'if (holder !== undefined) return { kind: "lost", holder };\n    } catch',
      ),
    ],
  },
  {
    name: "a claim that is repeated has another nonce",
    edits: [edit("arbiter/claimer.ts", "this.#registers.set(key, register);", "")],
  },
  {
    name: "a fresh primary does not look whether the machine reigns",
    edits: [edit(
      "arbiter/first_claim.ts",
      "if (latest !== undefined && !latest.ended && isLater) {",
      "if (latest !== undefined && isLater && false) {",
    )],
  },
];
