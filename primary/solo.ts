/**
 * One machine, unprotected: `understudy run`. Its log can be recorded into a file.
 */
import { encodeLogFileHeader } from "../codec/log_file.ts";
import { ExitCode, type ExitCodeValue, OsError, UnavailableError } from "../base/errors.ts";
import type { Say } from "../base/reporter.ts";
import { Gauge } from "../machine/channel.ts";
import { frameAgeMaxMs } from "../base/limits.ts";
import { checkMemoryBytes } from "../machine/guest_memory.ts";
import { hostKind } from "../machine/host_kind.ts";
import type { GuestEnd } from "../machine/machine.ts";
import { decodeMessageRecord, readFrame, readOutput, RecordKind } from "../machine/records.ts";
import { errorOf, type ThreadNotice, VcpuThread } from "../machine/vcpu_thread.ts";
import type { Security } from "../link/security.ts";
import { cardFor } from "../network/spec.ts";
import type { Network } from "../network/network.ts";
import { openNetwork } from "../network/open.ts";
import { openSink } from "../sinks/open.ts";
import { CONSOLE_SINK } from "../protocol/output_gate.ts";
import type { Sink } from "../sinks/sink.ts";
import { findGuest, type GuestRequest, machineIdOf } from "./guest_source.ts";
import type { RecorderCommand, RecorderNotice } from "./recorder_messages.ts";
import { checkSlice, Slicer } from "./slicer.ts";
import type { PrimaryThreadConfig } from "./vcpu_worker.ts";

/** What a machine is run with. */
export interface SoloOptions extends GuestRequest {
  readonly console: string;
  /** What the machine's network card is connected to; undefined: it has none. */
  readonly net?: string | undefined;
  readonly memoryBytes: number;
  /** Where the log goes; undefined: nowhere. */
  readonly record: string | undefined;
  /** A guest that computes for so long without an exit is stopped. */
  readonly sliceMs: number;
  /** How the console's connections are protected. */
  readonly security: Security;
}

/** What one is made of. */
interface SoloParts {
  readonly thread: VcpuThread;
  readonly sink: Sink;
  readonly network: Network | undefined;
  /** Where the log goes. */
  readonly file: Deno.FsFile | undefined;
  readonly sliceMs: number;
  readonly say: Say;
}

/** One unprotected machine. */
export class Solo {
  readonly #thread: VcpuThread;
  readonly #sink: Sink;
  readonly #network: Network | undefined;
  readonly #file: Deno.FsFile | undefined;
  readonly #say: Say;
  readonly #slicer: Slicer;
  #end: GuestEnd | undefined;

  private constructor({ thread, sink, network, file, sliceMs, say }: SoloParts) {
    this.#thread = thread;
    this.#slicer = new Slicer(thread, sliceMs);
    this.#sink = sink;
    this.#network = network;
    this.#file = file;
    this.#say = say;
  }

  /** Boots the guest. @throws what findGuest, openSink and the machine throw */
  static async start(options: SoloOptions, say: Say): Promise<Solo> {
    checkMemoryBytes(options.memoryBytes);
    checkSlice(options.sliceMs);
    const guest = await findGuest(options);
    const file = options.record === undefined ? undefined : createLog(options.record);
    file?.writeSync(encodeLogFileHeader(options.memoryBytes));
    const { security } = options;
    const machineId = machineIdOf(options.guest);
    const sink = openSink(options.console, { machineId, notice: say, security });
    await sink.goLive(0, 0, 1);
    const network = options.net === undefined ? undefined : openNetwork(options.net, say);
    const config: PrimaryThreadConfig = {
      ...guest,
      memoryBytes: options.memoryBytes,
      ...(options.net === undefined ? {} : { net: cardFor(options.net, machineId) }),
      hostKind: file === undefined ? 0 : hostKind(),
      startPaused: file !== undefined,
    };
    const thread = new VcpuThread(new URL("./vcpu_worker.ts", import.meta.url), config);
    network?.goLive(thread.channel, false);
    return new Solo({ thread, sink, network, file, sliceMs: options.sliceMs, say });
  }

  /** Runs to the guest's end; gives everything back. */
  async run(): Promise<ExitCodeValue> {
    void this.#pumpInput();
    try {
      while (!await this.#takeNext());
    } finally {
      this.#slicer[Symbol.dispose]();
      this.#thread.retire();
      this.#file?.close();
      if (this.#end !== undefined) await this.#sink.end(this.#end.code, this.#end.why);
      await this.#sink.close();
      await this.#network?.close();
    }
    this.#say(this.#end!.why);
    return this.#end!.code === 0 ? ExitCode.ok : ExitCode.guest;
  }

  /** Ends the guest. */
  stop(why: string): void {
    this.#tell({ type: "end", why });
  }

  #tell(command: RecorderCommand): void {
    void this.#thread.command(command);
  }

  /** @returns whether that was the thread's last word */
  async #takeNext(): Promise<boolean> {
    const { kind, body } = await this.#thread.read();
    if (kind === RecordKind.output) {
      const { sink, offset, bytes } = readOutput(body);
      const to = sink === CONSOLE_SINK ? this.#sink : this.#network;
      await to?.perform(offset, bytes);
      this.#thread.channel.noteDone(sink, offset + bytes.length);
      this.#sink.inputCommitted(this.#thread.channel.gauges[Gauge.inputOffset]!);
      return false;
    }
    if (kind === RecordKind.frame) {
      const { bytes, completesState } = readFrame(body);
      writeAll(this.#file!, bytes);
      if (completesState) this.#tell({ type: "resume" });
      return false;
    }
    const notice = decodeMessageRecord<RecorderNotice | ThreadNotice>(body);
    switch (notice.type) {
      case "ready":
        this.#thread.noteReady(notice);
        if (this.#file !== undefined) {
          const rules = { frameAgeMs: frameAgeMaxMs, checkpointing: false, epochLengthMs: 1 };
          this.#tell({ type: "startLog", session: 1, generation: 1, ...rules });
        }
        return false;
      case "ended":
        this.#end = notice.end;
        this.#tell({ type: "quit" });
        return false;
      case "gone":
        if (notice.failure !== undefined) throw errorOf(notice.failure);
        return true;
      default:
        return false;
    }
  }

  async #pumpInput(): Promise<void> {
    for (;;) {
      const bytes = await this.#sink.readInput();
      if (bytes === undefined) return;
      await this.#thread.input(bytes);
    }
  }
}

function createLog(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (cause) {
    throw new UnavailableError(`can't record into ${path}: ${(cause as Error).message}`, { cause });
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch (cause) {
    throw new OsError("writing the log", 0, `${(cause as Error).message}; is the disk full?`);
  }
}
