/**
 * The peer of benchmarks of latency: a bare ping-pong over TCP between two Deno processes, or between one and whoever
 * answers it.
 *
 *   deno run --allow-net bench/ping_pong.ts echo HOST IN OUT         prints its port; answers IN bytes with OUT
 *   deno run --allow-net bench/ping_pong.ts ping HOST PORT MESSAGE IN INTERVAL_MS DURATION_MS
 *                                                                    sends the message, waits for IN bytes, and so on;
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

async function echo(hostname: string, bytesIn: number, bytesOut: number): Promise<void> {
  const listener = Deno.listen({ hostname, port: 0 });
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
  hostname: string,
  port: number,
  message: Uint8Array,
  bytesIn: number,
  intervalMs: number,
  durationMs: number,
): Promise<void> {
  using connection = await Deno.connect({ hostname, port });
  connection.setNoDelay(true);
  const answer = new Uint8Array(bytesIn);
  const samples: number[] = [];
  for (const endMs = performance.now() + durationMs; performance.now() < endMs;) {
    const startMs = performance.now();
    if (!await exchange(connection, message, answer)) throw new Error("closed by the other side");
    samples.push((performance.now() - startMs) * 1000);
    if (intervalMs > 0) await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  // The first ones compile the code.
  const sorted = samples.slice(Math.floor(samples.length / 10)).sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)]!;
  console.log(JSON.stringify({ p50: at(0.5), p95: at(0.95) }));
}

const [mode, hostname, ...rest] = Deno.args as [string, string, ...string[]];
if (mode === "echo") {
  const [bytesIn, bytesOut] = rest.map(Number) as [number, number];
  await echo(hostname, bytesIn, bytesOut);
} else {
  const [port, message, ...figures] = rest as [string, string, ...string[]];
  const [bytesIn, intervalMs, durationMs] = figures.map(Number) as [number, number, number];
  const bytes = new TextEncoder().encode(message);
  await ping(hostname, Number(port), bytes, bytesIn, intervalMs, durationMs);
}
