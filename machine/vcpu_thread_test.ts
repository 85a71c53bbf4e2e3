import assert from "node:assert/strict";
import { ExitCode, UnderstudyError } from "../base/errors.ts";
import { decodeMessageRecord, RecordKind } from "./records.ts";
import { errorOf, type ReadyNotice, type ThreadNotice, VcpuThread } from "./vcpu_thread.ts";
import type { TestCommand, TestConfig, TestNotice } from "./vcpu_thread_test_worker.ts";

type Notice = ThreadNotice | TestNotice;

function start(task: TestConfig["task"]): VcpuThread {
  const config: TestConfig = { task };
  return new VcpuThread(new URL("./vcpu_thread_test_worker.ts", import.meta.url), config);
}

function tell(thread: VcpuThread, command: TestCommand): Promise<void> {
  return thread.command(command);
}

async function nextNotice(thread: VcpuThread): Promise<Notice> {
  const { kind, body } = await thread.read();
  assert.equal(kind, RecordKind.message);
  return decodeMessageRecord<Notice>(body);
}

/** From then on the thread is kicked by each command. */
async function untilReady(thread: VcpuThread): Promise<void> {
  const notice = await nextNotice(thread);
  assert.equal(notice.type, "ready");
  thread.noteReady(notice as ReadyNotice);
}

/** Reads the thread's last words, which have to come next. */
async function lastWords(thread: VcpuThread) {
  const notice = await nextNotice(thread);
  assert.equal(notice.type, "gone");
  thread.retire();
  return (notice as ThreadNotice & { type: "gone" }).failure;
}

Deno.test("a thread that comes to its end says so, without a failure", async () => {
  assert.equal(await lastWords(start("return")), undefined);
});

Deno.test("a thread that fails says with what, and main throws the same", async () => {
  const failure = await lastWords(start("guestError"));
  assert.ok(failure !== undefined);
  const error = errorOf(failure);
  assert.ok(error instanceof UnderstudyError);
  assert.equal(error.name, "GuestError");
  assert.equal(error.message, "the guest is unfit");
  assert.equal(error.exitCode, ExitCode.guest);
});

Deno.test("what is no error of ours is a defect, and keeps its stack", async () => {
  const failure = await lastWords(start("typeError"));
  assert.equal(failure?.exitCode, ExitCode.defect);
  assert.match(failure?.message ?? "", /TypeError[^]*vcpu_thread_test_worker/);
});

Deno.test("a worker that can't be loaded is gone, with a failure", async () => {
  const missing = new URL("./no_such_worker.ts", import.meta.url);
  // No thread is left to keep the event loop running, as a process's sockets would.
  const alive = setInterval(() => {}, 1000);
  const failure = await lastWords(new VcpuThread(missing, { task: "return" }));
  clearInterval(alive);
  assert.equal(failure?.exitCode, ExitCode.defect);
});

Deno.test("commands and input arrive in the order of the calls, though nobody waits between", async () => {
  const thread = start("echo");
  const sent = 200;
  const piece = (index: number) => new Uint8Array(1000).fill(index);
  const writes: Promise<void>[] = [];
  for (let index = 0; index < sent; index++) {
    writes.push(tell(thread, { type: "count", index }), thread.input(piece(index)));
  }
  await Promise.all(writes);
  await tell(thread, { type: "quit" });
  const commands: number[] = [];
  const inputs: number[] = [];
  for (;;) {
    const notice = await nextNotice(thread);
    if (notice.type === "command") commands.push(notice.index);
    else if (notice.type === "input") inputs.push(notice.first);
    else break;
  }
  thread.retire();
  const expected = Array.from({ length: sent }, (_, index) => index);
  assert.deepEqual(commands, expected);
  assert.deepEqual(inputs, expected);
});

Deno.test("a command reaches a guest that never exits", async () => {
  const thread = start("spin");
  await untilReady(thread);
  await tell(thread, { type: "quit" });
  assert.deepEqual(await nextNotice(thread), { type: "stopped", kicked: true });
  assert.equal(await lastWords(thread), undefined);
});

Deno.test("a command that crosses with the thread's last words harms nobody", async () => {
  const thread = start("readyAndReturn");
  await untilReady(thread);
  await thread.channel.notices.readable();
  // The words are there, unread. Turns of the event loop give a thread that would end the time to.
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await tell(thread, { type: "quit" });
  }
  assert.equal(await lastWords(thread), undefined);
});
