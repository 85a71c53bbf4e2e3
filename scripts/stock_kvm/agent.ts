/**
 * Runs inside a stock host: starts processes, passes on what they write, and says how they end.
 *
 * Standard input and output are the port to the outside; init.sh starts it. When the outside goes away, it
 * ends, and the host with it.
 */
import {
  type AgentMessage,
  encodeMessage,
  type End,
  jsonOf,
  type MessageKind,
  MessageReader,
  type Start,
} from "./agent_messages.ts";

/** A read from a process's outputs, and one from the port. */
const CHUNK_BYTES = 32 * 1024;
/** What a shell says of a command that is not there, and of one that can't be run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;

/** The port takes one write at a time. */
class Port {
  #last = Promise.resolve();

  send(kind: MessageKind, id: number, content?: Uint8Array | string | object): Promise<void> {
    const bytes = encodeMessage(kind, id, content);
    this.#last = this.#last.then(async () => {
      for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
    });
    return this.#last;
  }
}

/** One process and what it was started by. */
class RunningProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  constructor(readonly port: Port, readonly id: number, { command, cwd, env }: Start) {
    const [program, ...args] = command;
    this.#child = new Deno.Command(program!, {
      args,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A session of its own, so that a signal reaches all that it starts.
      detached: true,
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
  }

  /** Passes its outputs on until it has ended. */
  async follow(): Promise<End> {
    const [{ code, signal }] = await Promise.all([
      this.#child.status,
      this.#passOn("output", this.#child.stdout),
      this.#passOn("errors", this.#child.stderr),
    ]);
    return { code, signal };
  }

  async input(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await (bytes.length === 0 ? this.#input.close() : this.#input.write(bytes));
    } catch {
      // It has closed its input, or has ended: what it does not want is dropped, as a pipe does.
    }
    await this.port.send("taken", this.id);
  }

  signal(signal: Deno.Signal): void {
    try {
      Deno.kill(-this.#child.pid, signal);
    } catch (error) {
      // It has ended; the outside will hear of it.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #passOn(kind: "output" | "errors", stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const bytes of stream) {
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        await this.port.send(kind, this.id, bytes.subarray(at, at + CHUNK_BYTES));
      }
    }
  }
}

async function serve(): Promise<void> {
  const port = new Port();
  const processes = new Map<number, RunningProcess>();
  const reader = new MessageReader();
  const chunk = new Uint8Array(CHUNK_BYTES);
  await port.send("ready", 0);
  for (let count; (count = await Deno.stdin.read(chunk)) !== null && count > 0;) {
    for (const message of reader.push(chunk.subarray(0, count))) {
      if (message.kind === "start") void start(port, processes, message);
      else if (message.kind === "input" && !processes.has(message.id)) {
        void port.send("taken", message.id);
      } else if (message.kind === "input") void processes.get(message.id)!.input(message.payload);
      else if (message.kind === "signal") {
        const signal = new TextDecoder().decode(message.payload) as Deno.Signal;
        processes.get(message.id)?.signal(signal);
      }
    }
  }
}

async function start(
  port: Port,
  processes: Map<number, RunningProcess>,
  message: AgentMessage,
): Promise<void> {
  const { id } = message;
  const wanted = jsonOf<Start>(message);
  let end: End;
  try {
    const process = new RunningProcess(port, id, wanted);
    processes.set(id, process);
    end = await process.follow();
  } catch (error) {
    const code = error instanceof Deno.errors.NotFound ? NOT_FOUND : NOT_RUNNABLE;
    await port.send("errors", id, `${wanted.command[0]}: ${(error as Error).message}\n`);
    end = { code, signal: null };
  }
  processes.delete(id);
  await port.send("ended", id, end);
}

await serve();
Deno.exit(0);
