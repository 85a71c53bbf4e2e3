// deno-lint-ignore-file no-control-regex -- none is wanted off a terminal
import assert from "node:assert/strict";
import { UnavailableError } from "../base/errors.ts";
import { runDemo } from "./demo.ts";
import type { DemoReport } from "./report.ts";
import { SideProcess } from "./side_process.ts";
import { Show } from "./show.ts";

const main = new URL("../main.ts", import.meta.url);

/** The demo as a process of its own, with a directory for temporary files by which all that it starts is
 * known: they inherit its name. */
class DemoProcess implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "understudy-demo-test-" });
  readonly child: Deno.ChildProcess;
  errors = "";

  constructor(...args: string[]) {
    const config = new URL("../deno.json", import.meta.url).pathname;
    this.child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--config", config, main.href, "demo", ...args],
      env: { TMPDIR: this.directory },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Reads standard error to its end; `seen` is called at each piece. */
  async readErrors(seen: () => void = () => {}): Promise<void> {
    for await (const text of this.child.stderr.pipeThrough(new TextDecoderStream())) {
      this.errors += text;
      seen();
    }
  }

  /** What it has left: processes by their ids, and files. */
  left(): (number | string)[] {
    const files = [...Deno.readDirSync(this.directory)].map(({ name }) => name);
    const processes = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(
      (pid) => {
        try {
          return Deno.readTextFileSync(`/proc/${pid}/environ`).includes(`TMPDIR=${this.directory}`);
        } catch {
          return false;
        }
      },
    );
    return [...files, ...processes];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.status;
    Deno.removeSync(this.directory, { recursive: true });
  }
}

Deno.test("the demo holds, says so as one JSON object, and leaves nothing behind", async () => {
  await using demo = new DemoProcess("--json");
  const [json, { code }] = await Promise.all([
    new Response(demo.child.stdout).json() as Promise<DemoReport>,
    demo.child.status,
    demo.readErrors(),
  ]);
  assert.deepEqual(json.observation.verdict.faults, []);
  assert.equal(code, 0, demo.errors);
  assert.ok(json.ok);
  assert.ok(json.checks.every(({ ok }) => ok));
  const { verdict } = json.observation;
  assert.equal(verdict.requests, json.client.sent);
  assert.equal(verdict.answered, verdict.requests);
  assert.equal(verdict.linesSeenTwice, 0, "a framed console shows every byte once");
  assert.ok(verdict.ticks > 0);
  assert.equal(json.exits.primary.signal, "SIGKILL");
  assert.equal(json.afterTakeover.generation, 2);
  assert.equal(json.client.connections, 2);
  assert.ok(json.log.events > 0 && json.log.bytesPerEvent > 0);
  assert.doesNotMatch(
    demo.errors,
    /[\x00-\x09\x0b-\x1f\x7f]/,
    "no control characters off a terminal",
  );
  assert.match(demo.errors, /It holds/);
  assert.deepEqual(demo.left(), []);
});

for (const moment of ["the doctor", "a pair, protected", "takeover"]) {
  Deno.test(`a demo that is interrupted after "${moment}" leaves nothing behind`, async () => {
    await using demo = new DemoProcess("--json");
    let interrupted = false;
    const [text, { code }] = await Promise.all([
      new Response(demo.child.stdout).text(),
      demo.child.status,
      demo.readErrors(() => {
        if (interrupted || !demo.errors.includes(moment)) return;
        interrupted = true;
        demo.child.kill("SIGINT");
      }),
    ]);
    assert.equal(code, 130, demo.errors);
    assert.equal(text, "");
    assert.deepEqual(demo.left(), []);
  });
}

Deno.test("where guests can't run the demo says what the doctor found, and starts nothing", async () => {
  let shown = "";
  const show = new Show((piece) => shown += piece, false, false);
  const { signal } = new AbortController();
  const running = runDemo({ guest: "ledger", show, signal, device: "/dev/no-such-device" });
  await assert.rejects(running, (error: Error) => {
    assert.ok(error instanceof UnavailableError);
    assert.match(error.message, /no-such-device/);
    return true;
  });
  assert.match(shown, /✗ \/dev\/no-such-device/);
  assert.doesNotMatch(shown, /a pair/);
});

Deno.test("a side that ends before it gets somewhere is reported with what it said", async () => {
  await using side = new SideProcess("primary", ["primary", "no-such-guest", "--listen", ":0"]);
  await assert.rejects(side.protected(), (error: Error) => {
    assert.ok(error instanceof UnavailableError);
    assert.match(error.message, /ended with 2.*--arbiter/s);
    return true;
  });
  assert.deepEqual(await side.kill(), { code: 2, signal: null }, "killing it again does no harm");
});
