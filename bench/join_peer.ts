/** The other thread of join.ts's peer: reads all that comes, and says when it has. */

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<number>) => void;
  postMessage(bytes: number): void;
};

scope.onmessage = async ({ data: port }) => {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(64 << 10);
  let bytes = 0;
  for (let count; (count = await connection.read(buffer)) !== null;) bytes += count;
  scope.postMessage(bytes);
};
