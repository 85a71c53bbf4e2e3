/**
 * Records a bundled guest the way a primary does: the recorder in its own vCPU thread, what it says read
 * here, the log kept instead of sent.
 *
 * Called by the whole-system tests and by the campaigns.
 */
import { encodeLogFileHeader } from "../../codec/log_file.ts";
import { Gauge } from "../../machine/channel.ts";
import { hostKind } from "../../machine/host_kind.ts";
import type { GuestEnd } from "../../machine/machine.ts";
import { decodeMessageRecord, readFrame, readOutput, RecordKind } from "../../machine/records.ts";
import { errorOf, type ThreadNotice, VcpuThread } from "../../machine/vcpu_thread.ts";
import type { RecorderCommand, RecorderNotice } from "../../primary/recorder_messages.ts";
import { Slicer } from "../../primary/slicer.ts";
import type { Verify } from "../../protocol/verify.ts";
import type { PrimaryThreadConfig } from "../../primary/vcpu_worker.ts";

/** What to record. */
export interface RecordOptions {
  /** The name of a bundled guest. */
  readonly guest: string;
  readonly commandLine?: string;
  /** Asked after each output, with all output so far: what to type now, if anything. */
  readonly input?: (output: string) => string | undefined;
  readonly memoryBytes?: number;
  /** How often the log carries a digest. */
  readonly verify?: Verify;
  /** Stop a guest that computes for so long without an exit. */
  readonly sliceMs?: number;
  /** Log states instead of events, and let outputs wait for so long. */
  readonly epochLengthMs?: number;
  /** Begin a new session, with the running guest's state, after each so many outputs. */
  readonly outputsPerSession?: number;
  /** Close a frame at this age, though no output waits for it. */
  readonly frameAgeMs?: number;
  /** The worker that records, if it is not the primary's own; it is started as that one is. */
  readonly worker?: URL;
  /** End a guest that has put nothing out for so long: one that does not end by itself. */
  readonly patienceMs?: number;
  /** End a guest that has put out so much: one that does not stop. */
  readonly outputBytesMax?: number;
}

/** What a guest whose recorder has lost its patience ended for. */
export const OUT_OF_PATIENCE = "nothing came for too long";

/** And one that has put out too much. */
const TOO_MUCH_OUTPUT = "it puts out without end";

/** A recorded run. */
export interface Recording {
  readonly memoryBytes: number;
  /** Each session's frames, whole; the first session begins before the guest's first instruction. */
  readonly logs: readonly (readonly Uint8Array<ArrayBuffer>[])[];
  readonly output: Uint8Array<ArrayBuffer>;
  readonly end: GuestEnd;
  /** The execution point of the end. */
  readonly points: number;
  /** Of which forced. */
  readonly forcedPoints: number;
}

/** Enough for the bundled guests. */
const MEMORY_BYTES = 16 << 20;
/** As the command line has it. */
const SLICE_MS = 20;
/** 2023-11-14, some seconds after 22:13. */
export const EPOCH_MS = 1_700_000_000_000;

const PRIMARY_WORKER = new URL("../../primary/vcpu_worker.ts", import.meta.url);
/** Short: that frames are closed by their age happens often. */
const FRAME_AGE_MS = 20;

/** Records a guest to its end. @throws whatever the recording thread died of */
export async function recordGuest(options: RecordOptions): Promise<Recording> {
  const memoryBytes = options.memoryBytes ?? MEMORY_BYTES;
  const { guest, commandLine = "", verify } = options;
  const image = Deno.readFileSync(new URL(`../../guests/images/${guest}.elf`, import.meta.url));
  const config: PrimaryThreadConfig = {
    image,
    name: guest,
    commandLine,
    memoryBytes,
    epochMs: EPOCH_MS,
    hostKind: hostKind(),
    startPaused: true,
    ...(verify === undefined ? {} : { verify }),
  };
  const thread = new VcpuThread(options.worker ?? PRIMARY_WORKER, config);
  using _slicer = new Slicer(thread, options.sliceMs ?? SLICE_MS);
  try {
    const run = await readToEnd(thread, options);
    return { memoryBytes, ...run, forcedPoints: thread.channel.gauges[Gauge.forcedPoints]! };
  } finally {
    thread.retire();
  }
}

async function readToEnd(
  thread: VcpuThread,
  {
    input,
    outputsPerSession,
    epochLengthMs,
    patienceMs,
    frameAgeMs = FRAME_AGE_MS,
    outputBytesMax = Infinity,
  }: RecordOptions,
): Promise<Omit<Recording, "memoryBytes" | "forcedPoints">> {
  const logs: Uint8Array<ArrayBuffer>[][] = [];
  const outputs: Uint8Array<ArrayBuffer>[] = [];
  const decoder = new TextDecoder();
  let text = "";
  let session = 0;
  let points = 0;
  let end: GuestEnd | undefined;
  const tell = (command: RecorderCommand) => thread.command(command);
  using patience = new Patience(patienceMs, () => tell({ type: "end", why: OUT_OF_PATIENCE }));
  const startLog = () =>
    tell({
      type: "startLog",
      session: ++session,
      generation: 1,
      frameAgeMs,
      checkpointing: epochLengthMs !== undefined,
      epochLengthMs: epochLengthMs ?? 1,
    });
  for (;;) {
    const { kind, body } = await thread.read();
    if (kind === RecordKind.output) {
      const { offset, bytes } = readOutput(body);
      thread.channel.gauges[Gauge.doneOffset] = offset + bytes.length;
      patience.renew();
      const isTooMuch = offset < outputBytesMax && offset + bytes.length >= outputBytesMax;
      if (isTooMuch) await tell({ type: "end", why: TOO_MUCH_OUTPUT });
      outputs.push(bytes);
      text += decoder.decode(bytes, { stream: true });
      const typed = input?.(text);
      if (typed !== undefined) await thread.input(new TextEncoder().encode(typed));
      if (outputsPerSession !== undefined && outputs.length % outputsPerSession === 0) {
        await startLog();
      }
    } else if (kind === RecordKind.frame) {
      const frame = readFrame(body);
      (logs[frame.session - 1] ??= []).push(frame.bytes);
      points = frame.through;
      if (frame.completesState && frame.session === 1) {
        patience.renew();
        await tell({ type: "resume" });
      }
    } else {
      const notice = decodeMessageRecord<ThreadNotice | RecorderNotice>(body);
      if (notice.type === "ready") {
        thread.noteReady(notice);
        await startLog();
      } else if (notice.type === "ended") {
        end = notice.end;
        patience.end();
        await tell({ type: "quit" });
      } else if (notice.type === "gone") {
        if (notice.failure !== undefined) throw errorOf(notice.failure);
        if (end === undefined) throw new Error("the recorder left before the guest's end");
        const output = new Uint8Array(await new Blob(outputs).arrayBuffer());
        return { logs: logs.filter((log) => log !== undefined), output, end, points };
      }
    }
  }
}

/** Acts once, if it is not renewed in time. */
class Patience implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly ms: number | undefined, private readonly act: () => void) {}

  renew(): void {
    this.end();
    if (this.ms !== undefined) this.#timer = setTimeout(this.act, this.ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

/** A session of a recording as a log file, for what reads one. */
export function logFileOf({ memoryBytes, logs }: Recording, session = 0): Blob {
  return new Blob([encodeLogFileHeader(memoryBytes), ...logs[session]!]);
}
