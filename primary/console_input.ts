/**
 * Console input on its way into a machine: what main has handed over, until the UART has room for it.
 *
 * Used by the recorder in the vCPU's thread.
 */
import type { Ring } from "../machine/ring.ts";

/** See the top of the file. */
export class ConsoleInput {
  #bytes: Uint8Array = new Uint8Array(0);

  /** @param ring what main writes to, a record for each piece that came */
  constructor(private readonly ring: Ring) {}

  /** Whether something waits. */
  get hasBytes(): boolean {
    return this.#bytes.length > 0 || this.ring.usedBytes > 0;
  }

  /** The next bytes, at most `space` of them; undefined if there is no room, or nothing. */
  take(space: number): Uint8Array | undefined {
    if (space === 0 || !this.hasBytes) return undefined;
    if (this.#bytes.length === 0) this.#bytes = this.ring.tryRead()!.body;
    const bytes = this.#bytes.subarray(0, space);
    this.#bytes = this.#bytes.subarray(bytes.length);
    return bytes;
  }
}
