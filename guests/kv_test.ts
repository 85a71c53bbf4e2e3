// The guest kv under QEMU, asked by Redis's own clients and by bytes. Run by `deno task ok`; needs qemu-system-x86,
// redis-tools and iputils-ping (apt-get), and uses TAP devices where they are allowed.

import assert from "node:assert/strict";
import { finish, type GuestNetwork, tapNetwork, userNetwork } from "./network_test_support.ts";
import { boot, chooseAccelerator, exitStatus, linesOf, run } from "./qemu_test_support.ts";

const CLIENTS_MAX = 256;
/** QEMU's virtio-mmio is of the legacy interface unless it is told otherwise. */
const MODERN = ["-global", "virtio-mmio.force-legacy=false"];

const missing: string[] = [];
for (const [program, of] of [["redis-cli", "redis-tools"], ["redis-benchmark", "redis-tools"]]) {
  if (await finish([program!, "--version"]) === null) missing.push(`${program} (${of})`);
}
const ignore = missing.length > 0;
if (ignore) {
  console.log(`kv_test: tests with Redis's clients are left out: no ${missing.join(", ")}`);
}

/** A guest that listens. */
class RunningGuest implements AsyncDisposable {
  private constructor(
    readonly network: GuestNetwork,
    readonly process: Deno.ChildProcess,
    readonly lines: AsyncGenerator<string>,
  ) {}

  /** Boots it, and waits for the line that says where it listens. */
  static async start(
    network: GuestNetwork,
    options: readonly string[] = [],
  ): Promise<RunningGuest> {
    const process = boot("kv", `${network.words} seed=5`, await chooseAccelerator(), {
      options: [...network.options, ...options],
      prefix: network.prefix,
    });
    const guest = new RunningGuest(network, process, linesOf(process));
    const { value } = await guest.lines.next();
    const expected = new RegExp(
      `^kv: ${network.address}:6379, ${CLIENTS_MAX} clients, \\d+ MiB for keys and values$`,
    );
    assert.match(value ?? "it ended", expected);
    return guest;
  }

  /** Runs one of Redis's programs against it; what that prints. */
  async tool(program: string, args: readonly string[], input = ""): Promise<string> {
    const { prefix, host, port } = this.network;
    const all = [...prefix, program, "-h", host, "-p", `${port}`, ...args];
    const result = await finish(all, input);
    assert.equal(result?.code, 0, `${all.join(" ")}: ${result?.stderr}`);
    return result.stdout;
  }

  /** What redis-cli prints as the answer to a command. */
  async ask(...words: string[]): Promise<string> {
    return (await this.tool("redis-cli", words)).trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    const rest = await Array.fromAsync(this.lines);
    await this.process.status;
    await this.process.stdin.close().catch(() => {});
    assert.deepEqual(rest, [], "it says nothing more");
  }
}

/** A connection of our own, for what Redis's clients don't do. */
class Connection implements Disposable {
  private constructor(private readonly socket: Deno.TcpConn) {}

  static async open({ network: { host, port } }: RunningGuest): Promise<Connection> {
    return new Connection(await Deno.connect({ hostname: host, port }));
  }

  async send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) sent += await this.socket.write(bytes.subarray(sent));
  }

  /** Reads as many bytes as `text` has, which they are to be; empty: the connection's end. */
  async expect(text: string): Promise<void> {
    assert.equal(await this.#read((received) => received.length >= Math.max(1, text.length)), text);
  }

  /** Reads a reply of one line. */
  line(): Promise<string> {
    return this.#read((received) => received.endsWith("\n"));
  }

  async #read(isEnough: (received: string) => boolean): Promise<string> {
    let received = "";
    const buffer = new Uint8Array(65536);
    while (!isEnough(received)) {
      const count = await this.socket.read(buffer);
      if (count === null) break;
      received += new TextDecoder().decode(buffer.subarray(0, count));
    }
    return received;
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

/** TAP, or else the user network. */
async function someNetwork(): Promise<GuestNetwork> {
  return await tapNetwork() ?? userNetwork();
}

Deno.test({ name: "kv answers redis-cli and ping", ignore }, async () => {
  await using network = await someNetwork();
  await using guest = await RunningGuest.start(network);
  assert.equal(await guest.ask("PING"), "PONG");
  assert.equal(await guest.ask("SET", "greeting", "hello, world"), "OK");
  assert.equal(await guest.ask("GET", "greeting"), "hello, world");
  assert.equal(await guest.ask("INCR", "count"), "1");
  assert.equal(await guest.ask("INCRBY", "count", "41"), "42");
  assert.equal(await guest.ask("MGET", "count", "greeting", "nothing"), "42\nhello, world");
  assert.match(await guest.ask("INFO"), /connected_clients:1\r?\n/);
  assert.equal(await guest.ask("LPUSH", "a", "b"), "ERR unknown command 'LPUSH'");
  const value = "0123456789abcdef".repeat(4096);
  assert.equal((await guest.tool("redis-cli", ["-x", "SET", "long"], value)).trim(), "OK");
  assert.equal(await guest.ask("GET", "long"), value);
  if (network.prefix.length > 0) {
    for (const size of ["56", "1400"]) {
      const pinged = await finish([
        ...network.prefix,
        "ping",
        "-c",
        "3",
        "-i",
        "0.1",
        "-s",
        size,
        network.host,
      ]);
      assert.match(pinged?.stdout ?? "no ping: apt-get install iputils-ping", / 3 received/);
    }
  }
});

Deno.test({ name: "kv's keys end when their time has come", ignore }, async () => {
  await using network = await someNetwork();
  await using guest = await RunningGuest.start(network, MODERN);
  assert.equal(await guest.ask("SET", "a", "1"), "OK");
  assert.equal(await guest.ask("EXPIRE", "a", "100"), "1");
  assert.match(await guest.ask("TTL", "a"), /^(\d\d|100)$/);
  assert.equal(await guest.ask("SET", "b", "1", "PX", "50"), "OK");
  // Removed by the clock: nobody asks for it.
  while (await guest.ask("DBSIZE") !== "1");
  assert.equal(await guest.ask("TTL", "b"), "-2");
  assert.equal(await guest.ask("TTL", "c"), "-2");
});

Deno.test({ name: "kv takes thousands of pipelined commands", ignore }, async () => {
  await using network = await someNetwork();
  await using guest = await RunningGuest.start(network, MODERN);
  const commands = Array.from({ length: 20_000 }, (_, index) => `SET key:${index} ${index}\r\n`);
  const said = await guest.tool("redis-cli", ["--pipe"], commands.join(""));
  assert.match(said, /errors: 0, replies: 20000/);
  assert.equal(await guest.ask("DBSIZE"), "20000");
  assert.equal(await guest.ask("GET", "key:19999"), "19999");
});

Deno.test({
  name: "kv holds out redis-benchmark, with many clients and with deep pipelines",
  ignore,
}, async () => {
  await using network = await someNetwork();
  await using guest = await RunningGuest.start(network);
  // QEMU's user network gets no more through.
  const many = network.prefix.length > 0 ? "200" : "50";
  for (
    const [load, tests] of [
      [["-c", "50", "-P", "16", "-n", "20000"], "ping,set,get,incr,mset"],
      [["-c", many, "-n", "5000"], "set,get"],
      [["-c", "20", "-n", "400", "-d", "20000", "-r", "100"], "set,get"],
    ] as const
  ) {
    const said = await guest.tool("redis-benchmark", [...load, "-q", "-t", tests]);
    assert.doesNotMatch(said, /error/i);
    // PING is measured twice, inline and not.
    const results = said.split(/[\r\n]/).filter((line) => / requests per second/.test(line));
    assert.equal(results.length, tests.split(",").length + (tests.includes("ping") ? 1 : 0), said);
  }
  assert.equal(await guest.ask("GET", "counter:__rand_int__"), "20000");
});

Deno.test({ name: "kv serves 256 clients, and refuses one more", ignore }, async () => {
  await using network = await tapNetwork();
  // QEMU's user network does not get so many connections through.
  if (network === null) return console.log("left out: no TAP device is allowed here");
  await using guest = await RunningGuest.start(network);
  const load = (clients: number) => ["-c", `${clients}`, "-n", "2570", "-q", "-t", "ping_mbulk"];
  assert.match(await guest.tool("redis-benchmark", load(CLIENTS_MAX)), /requests per second/);
  await assert.rejects(
    guest.tool("redis-benchmark", load(CLIENTS_MAX + 1)),
    /ERR max number of clients reached/,
  );
  assert.match(await guest.ask("INFO"), /connected_clients:1\r?\n/);
});

Deno.test("kv takes its address from DHCP, and commands in any pieces", async () => {
  await using network = userNetwork();
  await using guest = await RunningGuest.start(network);
  using clients = new DisposableStack();
  const connections: Connection[] = [];
  for (let index = 0; index < 40; index++) {
    const connection = clients.use(await Connection.open(guest));
    connections.push(connection);
    await connection.send(`SET key${index} `);
  }
  for (const [index, connection] of connections.entries()) {
    await connection.send(`${index}\r\nGET key${index}\r\nQUIT\r\n`);
    await connection.expect(`+OK\r\n$${`${index}`.length}\r\n${index}\r\n+OK\r\n`);
    await connection.expect("");
  }
  using next = await Connection.open(guest);
  await next.send("DBSIZE\r\n");
  await next.expect(`:${connections.length}\r\n`);
});

Deno.test("kv answers a breach of its protocol, and serves others on", async () => {
  await using network = userNetwork();
  await using guest = await RunningGuest.start(network);
  using other = await Connection.open(guest);
  await other.send("*2\r\n$4\r\nECHO\r\n$2");
  using breach = await Connection.open(guest);
  await breach.send("PING\r\n*1\r\nno\r\n");
  await breach.expect("+PONG\r\n-ERR Protocol error: expected '$' before an argument\r\n");
  await breach.expect("");
  await other.send("\r\nhi\r\n");
  await other.expect("$2\r\nhi\r\n");
});

Deno.test("kv with its memory full says so, and lives on", async () => {
  await using network = userNetwork();
  await using guest = await RunningGuest.start(network, ["-m", "12"]);
  using connection = await Connection.open(guest);
  const value = "x".repeat(60_000);
  const full = "-OOM command not allowed when the memory is full\r\n";
  const set = (key: string, value: string) =>
    `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;
  const ask = async (key: string, length: number) => {
    await connection.send(set(key, value.slice(0, length)));
    return await connection.line();
  };
  let stored = 0;
  while (stored < 300 && await ask(`key${stored}`, value.length) === "+OK\r\n") stored++;
  assert(stored > 0 && stored < 300, `${stored} values in a machine of 12 MiB`);
  assert.equal(await ask("one more", value.length), full);
  assert.equal(await ask("key0", value.length), "+OK\r\n", "in the place of the old one");
  await connection.send(`STRLEN key${stored - 1}\r\nDEL key0\r\n`);
  await connection.expect(`:${value.length}\r\n:1\r\n`);
  assert.equal(await ask("one more", value.length), "+OK\r\n");
  await connection.send("GET one\r\nDBSIZE\r\nFLUSHALL\r\nDBSIZE\r\n");
  await connection.expect(`$-1\r\n:${stored}\r\n+OK\r\n:0\r\n`);
});

Deno.test("kv without a network device says so, and ends with code 3", async () => {
  const accelerator = await chooseAccelerator();
  const none = await run("kv", "", accelerator);
  assert.deepEqual(none, {
    lines: ["kv: no network device: none of 0 virtio_mmio.device words names one"],
    code: exitStatus(3),
  });
  const options = ["-device", "virtio-rng-device"];
  const other = await run("kv", "ip=10.0.0.2/24", accelerator, { options });
  assert.deepEqual(other, {
    lines: ["kv: no network device: none of 1 virtio_mmio.device words names one"],
    code: exitStatus(3),
  });
});

Deno.test("kv refuses a command line that makes no sense, and too small a machine", async () => {
  const accelerator = await chooseAccelerator();
  const { lines, code } = await run("kv", "ip=10.0.0.2", accelerator);
  assert.match(lines.join("\n"), /^kv: usage: \[ip=ADDRESS/);
  assert.equal(code, exitStatus(2));
  const small = await run("kv", "", accelerator, { options: ["-m", "8"] });
  assert.match(small.lines.join("\n"), /^kv: too little memory/);
  assert.equal(small.code, exitStatus(4));
});
