/**
 * Bad input to a primary: whatever arrives at its addresses, the connection is closed with a reason, and the
 * machine runs on, protected as before.
 *
 * The sides are real ones in this process, with their vCPUs on /dev/kvm.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { freePort } from "../demo/pair_processes.ts";
import { pendingBackupCount } from "../base/limits.ts";
import { HEADER_BYTES, MAX_FRAME_BYTES } from "../codec/codec.ts";
import { serveStatus } from "../link/status_server.ts";
import { type Message, messageKind } from "../protocol/messages.ts";
import type { PrimaryOptions } from "../primary/start.ts";
import {
  backupOptions,
  primaryOptions,
  runBackup,
  type RunningPrimary,
  runPrimary,
  until,
} from "./support/pair_in_process.ts";
import { chooseSeed, Random } from "./support/random.ts";
import {
  announcing,
  emptyLogFrame,
  frameOf,
  HEADER,
  HELLO,
  messagesIn,
  RawPeer,
  tell,
  withByte,
} from "./support/raw_peer.ts";
import { ScratchDirectory } from "./support/run_command.ts";

const seed = chooseSeed("bad_input_test");
const CONSOLE = `127.0.0.1:${freePort()}`;

/** A primary that runs while `test` does, and must be well after it. */
async function withPrimary(
  test: (primary: RunningPrimary, directory: string) => Promise<void>,
  options: Partial<PrimaryOptions> = {},
): Promise<void> {
  using scratch = new ScratchDirectory();
  const primary = await runPrimary({ ...primaryOptions(scratch.path), ...options });
  try {
    await test(primary, scratch.path);
    await runsOn(primary);
  } finally {
    primary.side.stop("the test is over");
  }
  const { code, why } = await primary.halt;
  assert.equal(code, ExitCode.ok, why);
}

/** The same, followed by a real backup all the while. */
function withPair(
  test: (primary: RunningPrimary, directory: string) => Promise<void>,
  options: Partial<PrimaryOptions> = {},
): Promise<void> {
  return withPrimary(async (primary, directory) => {
    const backup = runBackup(backupOptions(directory, primary.address));
    await isProtected(primary);
    await test(primary, directory);
    await isProtected(primary);
    assert.equal(primary.side.status().generation, 1, "the pair was disturbed");
    primary.side.stop("the test is over");
    const { code, why } = await backup.halt;
    assert.equal(code, ExitCode.ok, why);
  }, options);
}

async function isProtected({ side, lines }: RunningPrimary): Promise<void> {
  await until(() => side.status().protected === true, () => `protection: ${lines.join("\n")}`);
}

/** The ledger goes on ticking, or has ended as it was told to. */
async function runsOn({ side, lines, halt }: RunningPrimary): Promise<void> {
  const before = side.status().point as number;
  const isOver = halt.then(() => true);
  let over = false;
  void isOver.then(() => over = true);
  await until(
    () => over || (side.status().point as number) > before + 100,
    () => `a tick: ${lines.join("\n")}`,
  );
}

/** Sends bytes that must be refused with a reason. */
async function refuses(
  { address, lines }: RunningPrimary,
  bytes: Uint8Array,
  reason: RegExp,
): Promise<void> {
  const from = lines.length;
  await tell(address, bytes);
  await until(
    () => lines.slice(from).find((line) => reason.test(line)),
    () => `a line like ${reason}, there are: ${lines.slice(from).join("\n")}`,
  );
}

Deno.test("what is no frame is refused with a reason, and the pair goes on", () =>
  withPair(async (primary) => {
    const hello = frameOf(HELLO);
    await refuses(
      primary,
      new TextEncoder().encode("GET / HTTP/1.1\r\n".repeat(9)),
      /dropped: .*magic/,
    );
    await refuses(primary, withByte(hello, HEADER.magic, 0xd3), /dropped: .*magic/);
    await refuses(
      primary,
      withByte(hello, HEADER.kind, 31),
      /message of kind 31, expected one of/,
    );
    await refuses(primary, announcing(0xff_ffff), /dropped: .*too long \(found 16777215/);
    await refuses(
      primary,
      announcing(MAX_FRAME_BYTES - HEADER_BYTES + 1),
      /dropped: .*too long \(found 1048641/,
    );
    await refuses(primary, emptyLogFrame(), /sends a log to a primary/);
  }));

Deno.test("a hello that is cut or flipped anywhere is refused, and the pair goes on", () =>
  withPair(async ({ address, side }) => {
    const hello = frameOf(HELLO);
    const random = new Random(seed);
    const bad: Uint8Array[] = [];
    for (let length = 1; length < hello.length; length += 1 + random.below(9)) {
      bad.push(hello.subarray(0, length));
    }
    for (let flip = 0; flip < 100; flip++) {
      const flipped = hello.slice();
      flipped[random.below(hello.length)]! ^= 1 << random.below(8);
      bad.push(flipped);
    }
    for (const bytes of bad) assert.equal((await tell(address, bytes)).length, 0);
    assert.equal(side.status().backup, "second");
  }));

Deno.test("random bytes are refused, and the pair goes on", () =>
  withPair(async ({ address }) => {
    const random = new Random(seed);
    for (let time = 0; time < 60; time++) {
      const bytes = Uint8Array.from({ length: 1 + random.below(3000) }, () => random.below(256));
      assert.equal((await tell(address, bytes)).length, 0);
    }
  }));

Deno.test("a message that does not begin a session is refused, whichever it is", () =>
  withPair(async (primary) => {
    const messages: Message[] = [
      {
        type: "welcome",
        machineId: "x",
        generation: 1,
        memoryBytes: 1,
        commitReplayed: false,
        heartbeatMs: 1,
        timeoutMs: 2,
        lagMaxMs: 0,
        sliceMs: 20,
        mode: "replay",
        checkpointing: false,
        epochLengthMs: 10,
        verify: "off",
        divergenceMax: "3",
      },
      { type: "ack", received: 1, replayed: 1, point: 1, echoMs: 1 },
      {
        type: "diverged",
        point: 1,
        place: "here",
        recorded: "1",
        replayed: "2",
        after: 0,
        checksums: new Uint8Array(4),
      },
      { type: "renew", pages: 0 },
      { type: "pages", first: 0, hashes: new Uint8Array(8) },
      { type: "reported", where: "here" },
      { type: "renewing", session: 1, mayClaim: true },
      { type: "recorded", point: 1, exit: new Uint8Array(1) },
      { type: "leave", why: "no reason" },
      { type: "won", generation: 2 },
      { type: "protected", stateSequence: 1 },
      { type: "handover", sequence: 1 },
      { type: "ended", why: "no reason" },
    ];
    for (const message of messages) {
      const reason = new RegExp(`begins with a ${message.type} message, expected hello`);
      await refuses(primary, frameOf(message), reason);
    }
    const short = withByte(frameOf(HELLO), HEADER.kind, messageKind("leave"));
    await refuses(primary, short, /leave message/);
  }));

Deno.test("a second backup hears why it is refused, and the first goes on", () =>
  withPair(async (primary, directory) => {
    const { address } = primary;
    const [refusal] = messagesIn(await tell(address, frameOf(HELLO), false));
    assert.deepEqual(refusal, { type: "refuse", why: "second is the backup already", retry: true });
    const other = frameOf({ ...HELLO, machineId: "other" });
    assert.match(
      (messagesIn(await tell(address, other))[0] as { why: string }).why,
      /machine ledger, not other/,
    );
    const future = frameOf({ ...HELLO, protocol: 9 });
    assert.match(
      (messagesIn(await tell(address, future))[0] as { why: string }).why,
      /protocol version 9.*same release/,
    );
    const second = runBackup({ ...backupOptions(directory, address), who: "third" });
    await until(
      () => second.lines.find((line) => /second is the backup already/.test(line)),
      () => "a refusal",
    );
    second.side.role.retire("enough");
    assert.equal((await second.halt).code, ExitCode.ok);
    const stranger = runBackup({ ...backupOptions(directory, address), id: "other" });
    const { code, why } = await stranger.halt;
    assert.equal(code, ExitCode.unavailable);
    assert.match(why, /the primary refused: this is machine ledger, not other/);
  }));

Deno.test("clients that say nothing are closed, and a backup still gets in", () =>
  withPrimary(async (primary, directory) => {
    const silent = Array.from(
      { length: 5 * pendingBackupCount },
      () => tell(primary.address, new Uint8Array(), false),
    );
    const backup = runBackup(backupOptions(directory, primary.address));
    for (const answer of await Promise.all(silent)) assert.equal(answer.length, 0);
    await isProtected(primary);
    primary.side.stop("the test is over");
    assert.equal((await backup.halt).code, ExitCode.ok);
  }));

Deno.test("a client that says hello and then garbage, or acks what was never sent, loses its place to a backup", () =>
  withPrimary(async (primary, directory) => {
    const ack = { type: "ack", received: 0, replayed: 0, point: 0, echoMs: 0 } as const;
    const misdeeds: [(peer: RawPeer) => Promise<void>, RegExp][] = [
      [(peer) => peer.link.send(new Uint8Array(500).fill(7)), /the join failed: .*magic/],
      [(peer) => peer.link.send(announcing(0xff_ffff)), /the join failed: .*16777215/],
      [(peer) => peer.send({ ...ack, received: 1e9 }), /an ack with received 1000000000/],
      [(peer) => peer.send({ ...ack, echoMs: 1e15 }), /an ack with echoMs 1000000000000000/],
      [
        (peer) => peer.send({ type: "won", generation: 2 }),
        /won generation 2, which was not offered/,
      ],
      [(peer) => peer.send(HELLO), /a hello message, which no backup sends now/],
      // With something unread on its side, it is a reset that the primary sees.
      [
        (peer) => Promise.resolve(peer.link.close()),
        /the join failed: .*(closed by the other side|the connection broke)/,
      ],
    ];
    for (const [act, reason] of misdeeds) {
      const from = primary.lines.length;
      using peer = await RawPeer.connect(primary.address);
      await peer.send(HELLO);
      await peer.next("welcome");
      await act(peer);
      await peer.untilClosed();
      await until(
        () => primary.lines.slice(from).find((line) => reason.test(line)),
        () => `a line like ${reason}, there are: ${primary.lines.slice(from).join("\n")}`,
      );
      await runsOn(primary);
    }
    const backup = runBackup(backupOptions(directory, primary.address));
    await isProtected(primary);
    primary.side.stop("the test is over");
    assert.equal((await backup.halt).code, ExitCode.ok);
  }));

Deno.test("a backup that takes nothing any more is let go, and does not keep its primary from ending", () =>
  withPrimary(async (primary) => {
    using peer = await RawPeer.connect(primary.address);
    await peer.send(HELLO);
    // Not read: the state of the machine fills what lies between.
    await until(
      () => primary.lines.find((line) => /the join failed/.test(line)),
      () => "a failed join",
    );
  }));

Deno.test("garbage at a framed console is refused with a reason, and the console serves the next one", () =>
  withPrimary(async (primary) => {
    const address = primary.lines.join("\n").match(/console at (\S+)/)?.[1] ?? CONSOLE;
    const random = new Random(seed);
    for (let time = 0; time < 20; time++) {
      const bytes = Uint8Array.from({ length: 1 + random.below(500) }, () => random.below(256));
      await tell(address, bytes);
    }
    assert.ok(
      primary.lines.some((line) => /console client .* refused: /.test(line)),
      primary.lines.join("\n"),
    );
  }, { console: `console:${CONSOLE}` }));

Deno.test("a status address answers nobody but who asks as it should, and a slow client does not stop its end", () =>
  withPrimary(async ({ side }) => {
    const server = serveStatus({ hostname: "127.0.0.1", port: 0 }, {
      status: () => side.status(),
      handover: () => side.handover(),
      set: (changes) => side.set(changes),
      stop: () => side.stop("stopped on request"),
    });
    const url = `http://${server.address}`;
    const ask = async (path: string, init?: RequestInit) => {
      const response = await fetch(url + path, init);
      return { status: response.status, text: await response.text() };
    };
    assert.match((await ask("/")).text, /GET \/status and POST \/handover, \/set and \/stop/);
    assert.equal((await ask("/etc/passwd")).status, 404);
    assert.equal((await ask("/stop")).status, 404);
    assert.equal((await ask("/status", { method: "POST", body: "x".repeat(1e6) })).status, 404);
    const handover = await ask("/handover", { method: "POST", body: "please" });
    assert.deepEqual(handover, { status: 409, text: "there is no backup that follows\n" });
    const [hostname, port] = server.address.split(":") as [string, string];
    using slow = await Deno.connect({ hostname, port: Number(port) });
    await slow.write(new TextEncoder().encode("GET /status HTTP/1.1\r\nHost: x\r\n"));
    using rude = await Deno.connect({ hostname, port: Number(port) });
    await rude.write(Uint8Array.from({ length: 999 }, (_, index) => index * 7 & 0xff));
    assert.equal(JSON.parse((await ask("/status")).text).machineId, "ledger");
    await server[Symbol.asyncDispose]();
    assert.equal(await slow.read(new Uint8Array(1)), null);
  }));

Deno.test("a defect that a peer's message uncovers ends the side, and does not pass for a lost connection", async () => {
  using scratch = new ScratchDirectory();
  const interposer = {
    input(input: { readonly type: string }) {
      assert.notEqual(input.type, "message", "uncovered");
    },
  };
  const primary = await runPrimary(primaryOptions(scratch.path), interposer);
  const backup = runBackup(backupOptions(scratch.path, primary.address));
  const { code, why } = await primary.halt;
  assert.equal(code, ExitCode.defect);
  assert.match(why, /uncovered/);
  backup.side.role.stop("the test is over");
  await backup.halt;
});
