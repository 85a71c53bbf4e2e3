import assert from "node:assert/strict";
import { connect } from "node:tls";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { handshakeBytes } from "../base/limits.ts";
import { parseAddress } from "./address.ts";
import { testFrame, testFraming } from "./framing_test_support.ts";
import { type Keys, pairName } from "./keys.ts";
import { makeTestKeys } from "./keys_test_support.ts";
import type { FrameLink, LinkListener } from "./link.ts";
import { Security } from "./security.ts";
import { connectTcp, listenTcp } from "./tcp.ts";

const keys = await makeTestKeys();

/** A port with keys, and what it says of who was turned away. */
class Port implements Disposable {
  readonly #said = Promise.withResolvers<string>();
  readonly listener: LinkListener;

  constructor(own: Keys = keys.a, queueBytes?: number) {
    this.listener = listenTcp(parseAddress("127.0.0.1:0"), testFraming, {
      security: new Security(own),
      notice: (text) => this.#said.resolve(text),
      ...(queueBytes === undefined ? {} : { queueBytes }),
    });
  }

  get address() {
    return parseAddress(this.listener.address);
  }

  /** The first thing that it says. */
  get said(): Promise<string> {
    return this.#said.promise;
  }

  connect(own: Keys | undefined = keys.b): Promise<FrameLink> {
    return connectTcp(this.address, testFraming, { security: new Security(own) });
  }

  async pair(own?: Keys): Promise<{ client: FrameLink; server: FrameLink } & Disposable> {
    const [client, server] = await Promise.all([this.connect(own), this.listener.accept()]);
    return {
      client,
      server: server!,
      [Symbol.dispose]() {
        client.close();
        server!.close();
      },
    };
  }

  [Symbol.dispose](): void {
    this.listener.close();
  }
}

/** The port turns this client away, says why, and gives nobody out; the client is told by its first receive. */
async function turnedAway(own: Keys, why: RegExp): Promise<void> {
  using port = new Port();
  const accepted = port.listener.accept();
  const outcome = port.connect(own).then(async (link) => {
    await link.send(bytes(9)).catch(() => {});
    const frame = await link.receive();
    link.close();
    return frame;
  });
  await assert.rejects(outcome, UnavailableError);
  assert.match(await port.said, why);
  port.listener.close();
  assert.equal(await accepted, undefined);
}

const bytes = (length: number, fill = length) => testFrame(new Uint8Array(length).fill(fill));

Deno.test("frames of all sizes arrive whole and in order, both ways, within TLS", async () => {
  using port = new Port();
  using links = await port.pair();
  const frames = [0, 1, 100, 65531, 65536, 1 << 20, 5].map((length) => bytes(length));
  for (const [from, to] of [[links.client, links.server], [links.server, links.client]] as const) {
    const sent = Promise.all(frames.map((frame) => from.send(frame)));
    for (const frame of frames) assert.deepEqual(await to.receive(), frame);
    await sent;
    assert.equal(from.queuedBytes, 0);
  }
});

Deno.test("after an orderly end the rest is received, then undefined, within TLS", async () => {
  using port = new Port();
  using links = await port.pair();
  void links.client.send(bytes(9));
  await links.client.endSending();
  assert.equal((await links.server.receive())?.length, 14);
  assert.equal(await links.server.receive(), undefined);
  await links.server.send(bytes(3));
  assert.equal((await links.client.receive())?.length, 8);
  await links.server.endSending();
  assert.equal(await links.client.receive(), undefined);
});

Deno.test("closing ends a pending receive on both ends, and rejects what waits to be sent", async () => {
  using port = new Port();
  using links = await port.pair();
  const received = [links.client.receive(), links.server.receive().catch((error) => error)];
  await links.server.send(bytes(1));
  await received[0];
  const sent = Array.from({ length: 3 }, () => links.client.send(bytes(1 << 20)));
  links.client.close();
  assert.equal(await links.client.receive(), undefined);
  for (const send of sent) await assert.rejects(send, UnavailableError);
  await received[1];
  while (await links.server.receive().catch(() => undefined) !== undefined);
});

Deno.test("a peer that does not read fills the queue to its limit, then the link closes, within TLS", async () => {
  using port = new Port(keys.a, 3 << 20);
  using links = await port.pair();
  let most = 0;
  let isOver = false;
  while (!isOver) {
    const sent = links.server.send(bytes(1 << 20));
    most = Math.max(most, links.server.queuedBytes);
    void sent.catch(() => isOver = true);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(most <= 3 << 20, `${most} bytes waited`);
  assert.equal(await links.server.receive(), undefined);
});

Deno.test("a client without a certificate gets nothing, and nobody hears it", async () => {
  using port = new Port();
  const accepted = port.listener.accept();
  const client = connect({
    port: port.address.port,
    host: "127.0.0.1",
    ca: keys.a.authority,
    servername: pairName,
  });
  let received = 0;
  client.on("error", () => {}).on("data", (chunk) => received += chunk.length);
  client.write("hello");
  await new Promise((resolve) => client.on("close", resolve));
  assert.equal(received, 0);
  assert.match(await port.said, /127\.0\.0\.1:\d+: it shows no certificate/);
  port.listener.close();
  assert.equal(await accepted, undefined);
});

Deno.test("a client of TLS 1.2 is turned away, whatever its certificate", async () => {
  using port = new Port();
  const { certificate: cert, key, authority: ca } = keys.b;
  const { address: { port: number } } = port;
  const versions = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
  const client = connect({ port: number, cert, key, ca, servername: pairName, ...versions });
  let isSecure = false;
  client.on("error", () => {}).on("secureConnect", () => isSecure = true);
  await new Promise((resolve) => client.on("close", resolve));
  assert.equal(isSecure, false);
  assert.match(await port.said, /does not speak TLS 1\.3/);
});

Deno.test("certificates of another pair, past or before their time, or not for a pair, are turned away", async () => {
  const reason = /broke off: .* a certificate that is not of this pair or not valid now/;
  await turnedAway(keys.impostor, reason);
  await turnedAway(keys.expired, reason);
  await turnedAway(keys.early, reason);
  await turnedAway(keys.nameless, /lacks the name "understudy"/);
});

Deno.test("a client believes no server but its own pair's", async () => {
  const cases: [Keys, RegExp][] = [
    [keys.other, /not one that this side's keys vouch for: of another authority/],
    [keys.expired, /or not valid now/],
    [keys.early, /or not valid now/],
    [keys.nameless, /lacks the name/],
  ];
  for (const [own, why] of cases) {
    using port = new Port(own);
    await assert.rejects(
      port.connect(keys.b),
      (error: Error) => error instanceof PeerError && why.test(error.message),
      String(why),
    );
  }
});

Deno.test("of many handshakes at once each is with who began it", async () => {
  using port = new Port();
  const count = 20;
  const echoing = (async () => {
    for (let met = 0; met < count; met++) {
      const link = (await port.listener.accept())!;
      void link.receive().then((frame) => link.send(frame!));
    }
  })();
  await Promise.all(Array.from({ length: count }, async (_, ordinal) => {
    const link = await port.connect(ordinal % 2 === 0 ? keys.a : keys.b);
    await link.send(bytes(ordinal));
    assert.deepEqual(await link.receive(), bytes(ordinal));
    link.close();
  }));
  await echoing;
});

Deno.test("keys of two authorities serve together while both ends believe both", async () => {
  const authority = keys.a.authority + keys.other.authority;
  using port = new Port({ ...keys.a, authority });
  for (const own of [keys.b, { ...keys.other, authority }]) {
    using links = await port.pair({ ...own, authority });
    await links.client.send(bytes(7));
    assert.equal((await links.server.receive())?.length, 12);
  }
});

Deno.test("each end is told when the other one speaks in the clear", async () => {
  using port = new Port();
  using plain = await connectTcp(port.address, testFraming);
  await plain.send(bytes(100));
  await assert.rejects(
    plain.receive(),
    (error: Error) => error instanceof PeerError && /speaks TLS: .*--keys/.test(error.message),
  );
  assert.match(await port.said, /does not speak TLS: was it started without --keys/);

  using clear = listenTcp(parseAddress("127.0.0.1:0"), testFraming);
  const accepted = clear.accept().then((link) => link!.receive());
  void accepted.catch(() => {});
  await assert.rejects(
    connectTcp(parseAddress(clear.address), testFraming, { security: new Security(keys.a) }),
    UnavailableError,
  );
  await assert.rejects(accepted, PeerError);
});

Deno.test("who sends more than a handshake has is turned away", async () => {
  using port = new Port();
  using connection = await Deno.connect(port.address);
  // The header of a handshake record of 16 KiB, over and over, with a message that never ends.
  const record = new Uint8Array(5 + (1 << 14));
  record.set([0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff]);
  let sentBytes = 0;
  try {
    while (sentBytes < 100 * handshakeBytes) sentBytes += await connection.write(record);
    while (await connection.read(record) !== null);
  } catch {
    // It was closed while this end still sent.
  }
  assert.match(await port.said, /sends more than a handshake has|does not speak TLS/);
});

Deno.test("garbage after the handshake breaks the link with an error on both ends", async () => {
  using port = new Port();
  using middle = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relay = (async () => {
    const client = await middle.accept();
    const server = await Deno.connect(port.address);
    void client.readable.pipeTo(server.writable, { preventClose: true }).catch(() => {});
    void server.readable.pipeTo(client.writable).catch(() => {});
    return server;
  })();
  const security = new Security(keys.b);
  const [client, server] = await Promise.all([
    connectTcp(middle.addr, testFraming, { security }),
    port.listener.accept(),
  ]);
  await server!.send(bytes(5));
  assert.equal((await client.receive())?.length, 10);
  const wire = await relay;
  // An application record that no key has made.
  const received = server!.receive();
  const record = new Uint8Array(5 + 40);
  record.set([0x17, 3, 3, 0, 40]);
  await wire.write(record);
  await assert.rejects(received, (error: Error) => /127\.0\.0\.1:/.test(error.message));
  await assert.rejects(client.receive());
  client.close();
  server!.close();
});

Deno.test("a server that stalls in the handshake has its time, and no more", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  const timers: { delayMs: number; fire: () => void }[] = [];
  const connecting = connectTcp(silent.addr, testFraming, {
    security: new Security(keys.b),
    timeoutMs: 77,
    setTimer: (delayMs, fire) => {
      timers.push({ delayMs, fire });
      return () => {};
    },
  });
  using connection = await accepted;
  assert.ok(await connection.read(new Uint8Array(4096)), "the client speaks first");
  assert.equal(timers[0]?.delayMs, 77);
  timers[0].fire();
  await assert.rejects(
    connecting,
    (error: Error) =>
      error instanceof UnavailableError && /no answer for 77 ms/.test(error.message),
  );
});

Deno.test("a connection that is cut, amid a handshake or after it, ends both ends at once", async () => {
  for (const afterBytes of [1, 600, 2000, 5000]) {
    using port = new Port();
    using middle = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = port.listener.accept();
    const client = connectTcp(middle.addr, testFraming, { security: new Security(keys.b) })
      .then(async (link) => {
        void link.send(bytes(9000)).catch(() => {});
        const frame = await link.receive();
        link.close();
        return frame;
      });
    void client.catch(() => {});
    await cutAfter(afterBytes, await middle.accept(), await Deno.connect(port.address));
    await assert.rejects(client, UnavailableError, `${afterBytes} bytes`);
    const said = await Promise.race([port.said, accepting.then((link) => link!.receive())])
      .catch((error: Error) => error.message);
    assert.match(String(said), /turned away|ends inside of a frame|connection/, `${afterBytes}`);
    port.listener.close();
    (await accepting)?.close();
  }
});

/** Passes bytes both ways until the client has sent so many; then both connections are closed. */
async function cutAfter(bytes: number, client: Deno.Conn, server: Deno.Conn): Promise<void> {
  const back = server.readable.pipeTo(client.writable, { preventClose: true }).catch(() => {});
  const buffer = new Uint8Array(4096);
  for (let passed = 0; passed < bytes;) {
    const count = await client.read(buffer.subarray(0, Math.min(buffer.length, bytes - passed)));
    if (count === null) break;
    for (let at = 0; at < count;) at += await server.write(buffer.subarray(at, count));
    passed += count;
  }
  for (const end of [client, server]) {
    try {
      end.close();
    } catch {
      // Its stream has closed it.
    }
  }
  await back;
}
