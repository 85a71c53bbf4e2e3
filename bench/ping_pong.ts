/**
 * The peer of bench/ack_latency.ts: a bare ping-pong over TCP between two Deno processes.
 *
 *   deno run --allow-net bench/ping_pong.ts echo IN OUT              prints its port; answers IN bytes with OUT
 *   deno run --allow-net bench/ping_pong.ts ping PORT OUT IN INTERVAL_MS DURATION_MS
 *                                                                    prints p50 and p95 in microseconds, as JSON
 *
 * With an interval of 0 the next message follows at once.
 */
async function exchange(
  connection: Deno.Conn,
  message: Uint8Array,
  answer: Uint8Array,
): Promise<boolean> {
  for (let at = 0; at < message.length;) at += await connection.write(message.subarray(at));
  return await receive(connection, answer);
}

async function receive(connection: Deno.Conn, buffer: Uint8Array): Promise<boolean> {
  for (let have = 0; have < buffer.length;) {
    const count = await connection.read(buffer.subarray(have));
    if (count === null) return false;
    have += count;
  }
  return true;
}

async function echo(bytesIn: number, bytesOut: number): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  using connection = await listener.accept();
  listener.close();
  connection.setNoDelay(true);
  const message = new Uint8Array(bytesIn);
  const answer = new Uint8Array(bytesOut);
  for (let isOpen = await receive(connection, message); isOpen;) {
    isOpen = await exchange(connection, answer, message);
  }
}

async function ping(
  port: number,
  bytesOut: number,
  bytesIn: number,
  intervalMs: number,
  durationMs: number,
): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const message = new Uint8Array(bytesOut);
  const answer = new Uint8Array(bytesIn);
  const samples: number[] = [];
  for (const endMs = performance.now() + durationMs; performance.now() < endMs;) {
    const startMs = performance.now();
    await exchange(connection, message, answer);
    samples.push((performance.now() - startMs) * 1000);
    if (intervalMs > 0) await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  // The first ones compile the code.
  const sorted = samples.slice(Math.floor(samples.length / 10)).sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)]!;
  console.log(JSON.stringify({ p50: at(0.5), p95: at(0.95) }));
}

const [mode, ...figures] = Deno.args;
const [first, second, third, fourth, fifth] = figures.map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
if (mode === "echo") await echo(first, second);
else await ping(first, second, third, fourth, fifth);
