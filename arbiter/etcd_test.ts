import assert from "node:assert/strict";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { etcdAnswerBytes } from "../base/arbiter_limits.ts";
import { type Arbiter, formatRegister, type Register } from "./arbiter.ts";
import { register } from "./contract_test_support.ts";
import { openArbiter } from "./open.ts";

const HEADER = `"header":{"cluster_id":"1","member_id":"2","revision":"3","raft_term":"4"}`;
const NOT_FOUND = `{${HEADER}}`;
const CREATED = `{${HEADER},"succeeded":true,"responses":[{"response_put":{}}]}`;

/** What a server does with a connection whose request it has read. */
type Deed = (connection: Deno.Conn) => Promise<void>;

/** Something at an etcd's address that is none, or a bad one: each connection suffers its deed. */
class Impostor implements AsyncDisposable {
  readonly requests: string[] = [];
  /** Of each connection, whether the other end has left it. */
  readonly left: Promise<void>[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;

  constructor(readonly deed: (path: string) => Deed) {
    this.#serving = this.#serve();
  }

  get spec(): string {
    return `etcd:http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const doing: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      doing.push(this.#do(connection).catch(() => {}));
    }
    await Promise.all(doing);
  }

  async #do(connection: Deno.Conn): Promise<void> {
    const bytes = new Uint8Array(64 * 1024);
    let text = "";
    for (;;) {
      text += new TextDecoder().decode(bytes.subarray(0, await connection.read(bytes) ?? 0));
      const [head, body = ""] = text.split("\r\n\r\n");
      if (body.length === Number(head!.match(/content-length: (\d+)/i)?.[1])) break;
    }
    this.requests.push(text);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.left.push(promise);
    await this.deed(text.match(/\S+ (\S+)/)![1]!)(connection).catch(() => {});
    // Until the other end has gone.
    while (await connection.read(bytes).catch(() => null) !== null);
    if (this.#connections.delete(connection)) connection.close();
    resolve();
  }
}

const raw = (text: string): Deed => (connection) => write(connection, text);

const answer = (body: string, status = "200 OK", headers = ""): Deed =>
  raw(`HTTP/1.1 ${status}\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`);

const hangUp = (before: string): Deed => async (connection) => {
  await write(connection, before);
  await connection.closeWrite();
};

/** Sends this over and over again, until the other end has had enough. */
const endlessly = (start: string, more: string): Deed => async (connection) => {
  await write(connection, start);
  for (;;) await write(connection, more);
};

const slowly = (text: string): Deed => async (connection) => {
  for (const letter of text) {
    await write(connection, letter);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

async function write(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function entry(key: string, value: string): string {
  return `"kvs":[{"key":"${btoa(key)}","value":"${btoa(value)}"}]`;
}

function keyOf(generation: number): string {
  return `/understudy/m/${String(generation).padStart(16, "0")}`;
}

/** Asserts that an etcd that does this is out of reach for everything, and says so. */
async function isOutOfReach(deed: Deed, why: RegExp): Promise<void> {
  await using impostor = new Impostor(() => deed);
  using arbiter = openArbiter(impostor.spec);
  const [result] = await Promise.all([
    arbiter.claim(register(1, "mine")),
    isRejected(arbiter, (error) => error instanceof UnavailableError && why.test(error.message)),
  ]);
  assert.ok(result.kind === "unreachable" && why.test(result.why), JSON.stringify(result));
  await Promise.all(impostor.left);
}

/** Asserts that an etcd that does this to everything is not believed. */
async function isMalformed(deed: Deed, what: RegExp): Promise<void> {
  await using impostor = new Impostor(() => deed);
  using arbiter = openArbiter(impostor.spec);
  const expected = (error: Error) => error instanceof PeerError && what.test(error.message);
  await isRejected(arbiter, expected);
  await assert.rejects(arbiter.claim(register(1, "mine")), expected);
  await Promise.all(impostor.left);
}

async function isRejected(arbiter: Arbiter, expected: (error: Error) => boolean): Promise<void> {
  const readings = [arbiter.read("m", 1), arbiter.latest("m"), arbiter.probe("m")];
  await Promise.all(readings.map((reading) => assert.rejects(reading, expected)));
}

Deno.test("what does not speak HTTP, or ends in the middle of it, is an arbiter out of reach", async () => {
  const noise = String.fromCharCode(...Array(3000).keys());
  const cases: [Deed, RegExp][] = [
    [raw(noise), /does not speak HTTP; if it wants TLS, give https/],
    // A TLS alert: what a server that wants TLS says.
    [raw("\x15\x03\x01\x00\x02\x02\x46"), /does not speak HTTP; if it wants TLS, give https/],
    [hangUp(""), /it hung up; look at its log; if it wants TLS, give https/],
    [hangUp("HTTP/1.1 200 OK\r\nContent-Le"), /it hung up|does not speak HTTP/],
    [hangUp(`HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{${HEADER}`), /it hung up/],
    [hangUp(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{`), /it hung up/],
    [
      raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{"),
      /it hung up|does not speak HTTP/,
    ],
    [raw("HTTP/1.1 101 Up\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx"), /it hung up/],
    [endlessly("HTTP/1.1 200 OK\r\n", `x: ${"y".repeat(1000)}\r\n`), /does not speak HTTP/],
    [endlessly("HTTP/1.1 200 O", "K".repeat(1000)), /does not speak HTTP/],
  ];
  for (const [deed, why] of cases) await isOutOfReach(deed, why);
});

Deno.test("what answers too late, or never to the end, is an arbiter out of reach", async () => {
  const late = /no answer within 1500 ms; it is cut off, hangs or has no quorum/;
  await Promise.all([
    isOutOfReach(() => Promise.resolve(), late),
    isOutOfReach(raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), late),
    isOutOfReach(slowly("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), late),
    isOutOfReach(endlessly("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(10)), late),
  ]);
});

Deno.test("an error is an arbiter out of reach, and the message says what to do", async () => {
  const json = (message: string) => JSON.stringify({ error: message, message, code: 2 });
  const cases: [Deed, RegExp][] = [
    [
      answer("404 page not found\n", "404 Not Found"),
      /HTTP 404: 404 page not found; this is no etcd/,
    ],
    [
      answer(json("etcdserver: user name is empty"), "400 Bad Request"),
      /empty; it wants a password/,
    ],
    [answer(json("etcdserver: invalid auth token"), "401 Unauthorized"), /it wants a password/],
    [answer(json("etcdserver: permission denied"), "403 Forbidden"), /and that user a role with/],
    [
      answer("Client sent an HTTP request to an HTTPS server.", "400 Bad"),
      /it wants TLS: give its address with https/,
    ],
    [answer("\n\netcd received", "421 Misdirected Request"), /add the name .* --host-whitelist/],
    [answer(json("etcdserver: mvcc: database space exceeded"), "429 Too Many"), /storage is full/],
    [
      answer(json("etcdserver: request timed out"), "503 Unavailable"),
      /timed out; it has no quorum/,
    ],
    [answer(json("context deadline exceeded"), "500 Error"), /HTTP 500: context .*no quorum/],
    [
      answer(json('connection error: desc = "transport: failed to write"'), "503 Unavailable"),
      /has to be for clients too \(extendedKeyUsage/,
    ],
    [
      answer(json("etcdserver: authentication failed, invalid user ID or password"), "400 Bad"),
      /the right password$/,
    ],
    [answer("", "301 Moved", "Location: http://h:1/\r\n"), /go to http:\/\/h:1\/; give etcd's own/],
    [answer("", "204 No Content"), /HTTP 204: ; look at its log/],
    [answer('{"message":7}', "400 Bad Request"), /HTTP 400: \{"message":7\}; look at its log/],
    [answer(`<p>\x1b[31m${"x".repeat(9000)}`, "418 Teapot"), /HTTP 418: <p>; look at its log/],
    [answer("y".repeat(9000), "418 Teapot"), /HTTP 418: y{100,160}; look at its log/],
    [endlessly("HTTP/1.1 500 No\r\n\r\n", "z".repeat(1000)), /HTTP 500: z+; it has no quorum/],
  ];
  for (const [deed, why] of cases) await isOutOfReach(deed, why);
});

Deno.test("an answer that is malformed, or longer than any, is not believed", async () => {
  const cases: [Deed, RegExp][] = [
    [answer("<html>"), /malformed: not JSON/],
    [answer("{}"), /malformed: header is missing/],
    [answer(`{${HEADER},"kvs":7}`), /malformed: (kvs|responses) is/],
    [hangUp(`HTTP/1.1 200 OK\r\n\r\n{${HEADER}`), /malformed: not JSON/],
    [answer(`{${HEADER},"x":"${"y".repeat(etcdAnswerBytes)}"}`), /longer than 65536 bytes/],
    [endlessly("HTTP/1.1 200 OK\r\n\r\n", "z".repeat(1000)), /longer than 65536 bytes/],
    [raw("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n" + "z".repeat(99_999)), /longer/],
  ];
  for (const [deed, what] of cases) await isMalformed(deed, what);
});

Deno.test("an etcd that tells of other keys than it was asked for is not believed", async () => {
  const text = formatRegister(register(2, "x"));
  for (
    const [key, what] of [
      [keyOf(2), /tells of ".*2", asked for .*1$/],
      ["/understudy/m/7", /tells of|is not a register's/],
      [`${keyOf(2)}x`, /tells of|is not a register's/],
      [keyOf(0), /tells of|is not a register's/],
      ["/understudy/n/0000000000000002", /tells of/],
    ] as const
  ) {
    await using impostor = new Impostor(() => answer(`{${HEADER},${entry(key, text)}}`));
    using arbiter = openArbiter(impostor.spec);
    await assert.rejects(arbiter.read("m", 1), what);
    if (key !== keyOf(2)) await assert.rejects(arbiter.latest("m"), what);
  }
});

Deno.test("a transaction that contradicts itself is not believed, whether a register exists or not", async () => {
  const nothing = `{"response_range":{}}`;
  const before = `{"response_range":{${entry(keyOf(1), formatRegister(register(1, "x")))}}}`;
  for (const [generation, parts] of [[1, nothing], [2, `${nothing},${before}`]] as const) {
    await using impostor = new Impostor((path) =>
      answer(path.endsWith("txn") ? `{${HEADER},"responses":[${parts}]}` : NOT_FOUND)
    );
    using arbiter = openArbiter(impostor.spec);
    await assert.rejects(
      arbiter.claim(register(generation, "mine")),
      (error: Error) =>
        error instanceof PeerError && /exists, and that it does/.test(error.message),
    );
  }
});

Deno.test("a claim whose answer says nothing is decided by reading who has the register", async () => {
  const mine = register(1, "mine");
  const other = register(1, "other");
  const reading = (holder: Register) =>
    answer(`{${HEADER},${entry(keyOf(1), formatRegister(holder))}}`);
  const nothings = [hangUp(""), answer("?"), answer("", "500 Error"), answer(NOT_FOUND)];
  for (const nothing of nothings) {
    for (const holder of [mine, other]) {
      await using impostor = new Impostor((path) =>
        path.endsWith("txn") ? nothing : reading(holder)
      );
      using arbiter = openArbiter(impostor.spec);
      const won = { kind: "won", register: mine };
      const lost = { kind: "lost", holder };
      assert.deepEqual(await arbiter.claim(mine), holder === mine ? won : lost);
      assert.equal(impostor.requests.length, 2);
    }
  }
});

Deno.test("closing ends what waits for an answer", async () => {
  await using impostor = new Impostor(() => () => Promise.resolve());
  const arbiter = openArbiter(impostor.spec);
  const waiting = arbiter.claim(register(1, "mine"));
  while (impostor.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  arbiter.close();
  const result = await waiting;
  assert.ok(result.kind === "unreachable" && /: closed$/.test(result.why), JSON.stringify(result));
  await assert.rejects(arbiter.latest("m"), /: closed$/);
  await Promise.all(impostor.left);
});

Deno.test("a server that would keep a connection keeps neither it nor the process", async () => {
  await using impostor = new Impostor((path) => {
    return answer(
      path.endsWith("txn") ? CREATED : NOT_FOUND,
      "200 OK",
      "Connection: keep-alive\r\n",
    );
  });
  const program = `
    import { openArbiter } from ${JSON.stringify(import.meta.resolve("./open.ts"))};
    const arbiter = openArbiter(${JSON.stringify(impostor.spec)});
    if (await arbiter.latest("m") !== undefined) throw new Error("found");
    const { kind } = await arbiter.claim(${JSON.stringify(register(1, "mine"))});
    console.log(kind);`;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const script = await Deno.makeTempFile({ prefix: "understudy-claim-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, program);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--config", config, script],
    }).output();
    assert.deepEqual([code, new TextDecoder().decode(stdout)], [0, "won\n"]);
  } finally {
    await Deno.remove(script);
  }
  await Promise.all(impostor.left);
  assert.equal(impostor.left.length, 2);
});

Deno.test("requests leave no descriptor behind, whatever came of them", async () => {
  const deeds = [answer(NOT_FOUND), answer("?"), answer("", "500 Error"), raw("?"), hangUp("")];
  let next = 0;
  await using impostor = new Impostor(() => deeds[next++ % deeds.length]!);
  using arbiter = openArbiter(impostor.spec);
  const ask = async (count: number) => {
    for (let i = 0; i < count; i++) await arbiter.claim(register(1, "mine")).catch(() => {});
    await Promise.all(impostor.left);
  };
  // The first ones have libraries open what they keep.
  await ask(5);
  const before = sockets();
  await ask(50);
  for (let tries = 0; tries < 500 && sockets() > before; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(sockets(), before);
  assert.equal(impostor.requests.length, 110);
});

/** How many this process has open. */
function sockets(): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:");
    } catch {
      // The descriptor of this very reading.
      return false;
    }
  }).length;
}
