/**
 * What the wire campaign says to a backup: frames that a primary could send where things stand, that it could send
 * elsewhere, and that none would.
 *
 * Called by wire_backup.ts; wire_log_file.ts has its frames from here, too.
 */
import { FrameEncoder, MAX_DATA_BYTES, sealMessage } from "../../codec/codec.ts";
import type { Bytes } from "../../base/layout.ts";
import type { BackupProtocol } from "../../protocol/backup.ts";
import { encodeMessage, type Message, messageKind } from "../../protocol/messages.ts";
import type { Random } from "./random.ts";
import {
  Alterer,
  joined,
  likely,
  logFormat,
  oddNumber,
  oddText,
  randomBytes,
  someBytes,
  WILDNESS,
} from "./wire_values.ts";

const encoder = new FrameEncoder();
const MOST_U32 = 2 ** 32 - 1;

/** See the top of the file. */
export class PrimaryVoice {
  readonly #alterer: Alterer;
  #through = 0;
  #doneOffset = 0;

  constructor(private readonly random: Random, private readonly backup: BackupProtocol) {
    this.#alterer = new Alterer(random, logFormat, random.pick(WILDNESS));
  }

  /** What arrives next. */
  bytes(): Bytes {
    const bytes = this.#alterer.pass(this.#frame());
    if (this.random.below(12) > 0) return bytes;
    return joined(bytes, this.#alterer.pass(this.#frame()));
  }

  #frame(): Bytes {
    const { random } = this;
    const { welcome, progress } = this.backup;
    const odd = random.below(300);
    if (odd === 0) return randomBytes(random, 1 + random.below(120));
    if (odd === 1) {
      return sealMessage(
        2 + random.below(30),
        { generation: 1, sequence: 1, through: 0 },
        someBytes(random),
      );
    }
    if (welcome !== undefined && random.below(100) < 50) {
      this.#through += random.below(5);
      const rest = {
        generation: likely(random, welcome.generation, MOST_U32),
        sequence: rarely(random) ? oddNumber(random, progress.received + 1) : progress.received + 1,
        through: rarely(random) ? oddNumber(random, this.#through) : this.#through,
      };
      if (!rarely(random)) rest.generation = welcome.generation;
      return logFrame(random, rest);
    }
    const message = welcome === undefined && !rarely(random) ? this.#door() : this.#message();
    const header = { generation: oddNumber(random, 1, MOST_U32), sequence: 1, through: 0 };
    return sealMessage(messageKind(message.type), header, encodeMessage(message));
  }

  /** What a primary answers to a hello. */
  #door(): Message {
    const { random } = this;
    if (random.below(30) === 0) {
      return { type: "refuse", why: oddText(random, "no"), retry: random.below(2) === 0 };
    }
    return {
      type: "welcome",
      machineId: random.below(20) === 0 ? oddText(random, "m2") : "m1",
      generation: likely(random, 1, MOST_U32),
      memoryBytes: random.below(20) === 0 ? oddNumber(random, 8 << 20) : 8 << 20,
      ...this.#rules(),
    };
  }

  #rules() {
    const { random } = this;
    return {
      commitReplayed: random.below(2) === 0,
      heartbeatMs: random.below(20) === 0 ? oddNumber(random, 10, MOST_U32) : 10,
      timeoutMs: random.below(20) === 0 ? oddNumber(random, 20, MOST_U32) : 100,
      lagMaxMs: random.below(20) === 0 ? oddNumber(random, 20, MOST_U32) : 200,
      sliceMs: random.below(20) === 0 ? oddNumber(random, 20, MOST_U32) : 20,
      mode: random.below(20) === 0 ? oddText(random, "auto") : "auto",
      checkpointing: random.below(2) === 0,
      epochLengthMs: random.below(20) === 0 ? oddNumber(random, 10, MOST_U32) : 10,
      verify: random.below(20) === 0 ? oddText(random, "commit") : "commit",
      divergenceMax: random.below(20) === 0 ? oddText(random, "3/60") : "3/60",
    };
  }

  #message(): Message {
    const { random } = this;
    const { progress, isProtected } = this.backup;
    const dice = random.below(100);
    if (dice < 40) return { type: "heartbeat", sentMs: oddNumber(random, 1000) };
    if (dice < 65) return this.#done();
    if (this.backup.phase === "diverged" && dice < 80) {
      const mayClaim = random.below(2) === 0;
      return { type: "renewing", session: 1 + random.below(9), mayClaim };
    }
    if (dice < 68) {
      return { type: "recorded", point: oddNumber(random, 10), exit: someBytes(random) };
    }
    if (!isProtected && dice < 74) return this.#transfer();
    if (!isProtected && progress.replayed > 0 && dice < 92) {
      return { type: "protected", stateSequence: likely(random, progress.replayed) };
    }
    if (dice < 94) return { type: "handover", sequence: likely(random, progress.received) };
    if (dice < 98) return { type: "heartbeat", sentMs: oddNumber(random, 0) };
    return random.pick<Message>([
      this.#door(),
      { type: "renewing", session: 1, mayClaim: true },
      { type: "rules", ...this.#rules() },
      { type: "refuse", why: oddText(random, "no"), retry: random.below(2) === 0 },
      { type: "ended", why: oddText(random, "done") },
      { type: "protected", stateSequence: oddNumber(random, progress.replayed) },
      this.#transfer(),
      { type: "hello", protocol: 1, who: "b", machineId: "" },
      { type: "ack", received: 1, replayed: 1, point: 1, echoMs: 1 },
      { type: "won", generation: 2 },
      { type: "leave", why: "no" },
      {
        type: "diverged",
        point: 1,
        place: "here",
        recorded: "1",
        replayed: "2",
        after: 0,
        checksums: new Uint8Array(4),
      },
      { type: "renew", pages: 0 },
    ]);
  }

  #transfer(): Message {
    const { random } = this;
    return {
      type: "transfer",
      round: oddNumber(random, 1, MOST_U32),
      sentBytes: oddNumber(random, 4096),
      leftBytes: oddNumber(random, 4096),
      pauseShare: oddNumber(random, 500, MOST_U32),
      stopUs: oddNumber(random, 1000),
    };
  }

  #done(): Message {
    const { random } = this;
    if (rarely(random)) {
      return { type: "done", sink: random.below(256), offset: oddNumber(random, this.#doneOffset) };
    }
    this.#doneOffset += random.below(60);
    return { type: "done", sink: 0, offset: this.#doneOffset };
  }
}

/** Once in a hundred times. */
function rarely(random: Random): boolean {
  return random.below(100) === 0;
}

/** A log frame with a few events, of all kinds, of a length that is allowed. */
export function logFrame(
  random: Random,
  { generation, sequence, through }: { generation: number; sequence: number; through: number },
): Bytes {
  let point = Math.max(0, through - 3);
  let clockUs = random.below(1000);
  for (let events = random.below(4); events > 0; events--) {
    point = Math.min(through, point + random.below(2));
    const bytes = random.below(2000) === 0
      ? new Uint8Array(random.below(MAX_DATA_BYTES + 1))
      : new Uint8Array(random.below(40));
    switch (random.below(4)) {
      case 0:
        clockUs += random.below(2 ** 20);
        encoder.time(point, clockUs);
        break;
      case 1:
        encoder.data(point, random.below(256), bytes);
        break;
      case 2:
        encoder.state(point, random.below(256), bytes);
        break;
      default:
        encoder.control(point, random.below(256), bytes);
    }
  }
  return encoder.close({
    generation,
    sequence,
    through,
    exitsChecksum: 0,
    outputsChecksum: MOST_U32,
  });
}
