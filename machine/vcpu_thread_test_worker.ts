/** The threads of vcpu_thread_test.ts: one that ends, some that fail, one that echoes, one that spins. */
import { GuestError } from "../base/errors.ts";
import type { Channel } from "./channel.ts";
import { decodeMessageRecord, encodeMessageRecord, RecordKind } from "./records.ts";
import { Script, tinyMachine } from "./testing.ts";
import { VcpuLoop } from "./vcpu_loop.ts";
import { readyNotice, serveThread, type ThreadNotice } from "./vcpu_thread.ts";

/** Which of them. */
export interface TestConfig {
  readonly task: "return" | "guestError" | "typeError" | "echo" | "spin" | "readyAndReturn";
}

/** Main to the thread. */
export type TestCommand = { type: "count"; index: number } | { type: "quit" };

/** The thread to main. */
export type TestNotice =
  | { type: "command"; index: number }
  | { type: "input"; first: number }
  | { type: "stopped"; kicked: boolean };

serveThread<TestConfig>((channel, { task }) => {
  switch (task) {
    case "return":
      return;
    case "guestError":
      throw new GuestError("the guest is unfit");
    case "typeError":
      throw new TypeError("undefined is not a function");
    case "readyAndReturn": {
      using machine = tinyMachine([]);
      return say(channel, readyNotice(machine));
    }
    case "echo":
      return echo(channel);
    case "spin":
      return spin(channel);
  }
});

function say(channel: Channel, notice: TestNotice | ThreadNotice): void {
  channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(notice));
}

function echo(channel: Channel): void {
  let quits = false;
  do {
    channel.wait();
    channel.hear();
    for (let input = channel.input.tryRead(); input; input = channel.input.tryRead()) {
      say(channel, { type: "input", first: input.body[0]! });
    }
    for (let record = channel.commands.tryRead(); record; record = channel.commands.tryRead()) {
      const command = decodeMessageRecord<TestCommand>(record.body);
      if (command.type === "count") say(channel, { type: "command", index: command.index });
      else quits = true;
    }
  } while (!quits || channel.input.usedBytes > 0);
}

function spin(channel: Channel): void {
  using machine = tinyMachine([0xeb, 0xfe]);
  say(channel, readyNotice(machine));
  const script = new Script();
  new VcpuLoop(machine, script).run();
  say(channel, { type: "stopped", kicked: script.kicks > 0 });
}
