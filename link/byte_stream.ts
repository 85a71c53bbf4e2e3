/**
 * What a connection is to those who only move its bytes: the same in the clear and within TLS.
 *
 * `Deno.TcpConn` is one as it is, `tls_stream.ts` makes another one. Links and the raw console run over them.
 */
import type { Address } from "./address.ts";
import type { ByteReader } from "./frame_reader.ts";
import type { ByteWriter } from "./send_queue.ts";

/** See the top of the file. */
export interface ByteStream extends ByteReader, ByteWriter {
  /** The other end. */
  readonly remoteAddr: Address;
  /** Tells the other end that nothing follows; reading goes on. */
  closeWrite(): Promise<void>;
  /** Closes at once; a pending read ends, or rejects. */
  close(): void;
}
