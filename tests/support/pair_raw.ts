/**
 * Reads the raw consoles of a pair (`tcp:ADDR`), as nc would: whatever a side performs arrives here, also
 * what has been performed by the other side before. So this sees what is repeated.
 *
 * Called by takeover_test.ts and its campaign.
 */
import assert from "node:assert/strict";
import { Chain, parseLedgerLine } from "../../demo/ledger_line.ts";
import type { SideProcess } from "../../demo/side_process.ts";

/** One side's raw console. */
export class RawReader implements AsyncDisposable {
  readonly #connection: Deno.TcpConn;
  readonly #read: Promise<void>;
  #bytes: Uint8Array = new Uint8Array(0);

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#read = this.#readAll();
  }

  /** Connects, as soon as the side listens. @throws UnavailableError with what it says if it does not */
  static async connect(side: SideProcess, port: number): Promise<RawReader> {
    const connection = await side.until(async () => {
      try {
        return await Deno.connect({ hostname: "127.0.0.1", port });
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionRefused) return undefined;
        throw error;
      }
    }, "a raw console");
    return new RawReader(connection);
  }

  /** All that has come. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Types. */
  async write(text: string): Promise<void> {
    await this.#connection.write(new TextEncoder().encode(text));
  }

  /** Resolves when the side has closed the connection, or is gone. */
  get ended(): Promise<void> {
    return this.#read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    await this.#read;
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count; (count = await this.#connection.read(buffer)) !== null;) {
        const bytes = new Uint8Array(this.#bytes.length + count);
        bytes.set(this.#bytes);
        bytes.set(buffer.subarray(0, count), this.#bytes.length);
        this.#bytes = bytes;
      }
    } catch {
      // Its process was killed, or we have closed: what came before counts.
    }
  }
}

/** Two sides' bytes, put together. */
export interface Joined {
  /** Without what came twice. */
  readonly bytes: Uint8Array;
  /** How many bytes the second side repeated, and how many line ends are among them. */
  readonly repeatedBytes: number;
  readonly repeatedLines: number;
}

/**
 * Finds out how much of the end of `first` the beginning of `second` repeats: the least after which the
 * ledger's line at the seam has the number and the checksum that follow.
 * @throws AssertionError if there is no such place: then something was lost or changed
 */
export function join(first: Uint8Array, second: Uint8Array): Joined {
  const [before, after] = [first, second].map((bytes) =>
    new TextDecoder("latin1").decode(bytes)
  ) as [
    string,
    string,
  ];
  for (let repeated = 0; repeated <= Math.min(before.length, after.length); repeated++) {
    const kept = before.slice(0, before.length - repeated);
    if (!fits(kept, after)) continue;
    const again = before.slice(kept.length);
    assert.equal(after.slice(0, repeated), again, "what came twice is not the same");
    const bytes = new TextEncoder().encode(kept + after);
    return { bytes, repeatedBytes: repeated, repeatedLines: again.split("\n").length - 1 };
  }
  const seam = `...${JSON.stringify(before.slice(-200))} and ${
    JSON.stringify(after.slice(0, 200))
  }...`;
  assert.fail(`output is missing between ${seam}`);
}

/** Whether the first line that ends in `after` follows on the last line that ends in `kept`. */
function fits(kept: string, after: string): boolean {
  const lineStart = kept.lastIndexOf("\n") + 1;
  const line = parseLedgerLine(kept.slice(lineStart) + after.slice(0, after.indexOf("\n")));
  if (line === undefined) return false;
  const chain = new Chain();
  if (lineStart === 0) return line.number === 1 && chain.fold(line) === line.checksum;
  const previousStart = kept.lastIndexOf("\n", lineStart - 2) + 1;
  const previous = parseLedgerLine(kept.slice(previousStart, lineStart - 1));
  if (previous === undefined) return false;
  chain.set(previous.checksum);
  return line.number === previous.number + 1 && chain.fold(line) === line.checksum;
}
