/**
 * The peer of bench/ack_latency.ts: answers each message of a fixed size with one of another, and does nothing
 * else. Arguments: bytes in, bytes out. Prints its port.
 */
const [bytesIn, bytesOut] = Deno.args.map(Number) as [number, number];
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
const connection = await listener.accept();
connection.setNoDelay(true);
const answer = new Uint8Array(bytesOut);
const buffer = new Uint8Array(bytesIn);
for (let have = 0;;) {
  const count = await connection.read(buffer.subarray(have));
  if (count === null) break;
  have += count;
  if (have < bytesIn) continue;
  have = 0;
  for (let at = 0; at < bytesOut;) at += await connection.write(answer.subarray(at));
}
