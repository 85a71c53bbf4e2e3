/**
 * A stock KVM host in a box, and two in a network: booted for real. A minute or two under emulation, so it is
 * two tests that each boot once and look at much.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bootFiles, openCache } from "../scripts/stock_kvm/layers.ts";
import { addressOf, StockPair } from "../scripts/stock_kvm/pair.ts";
import { silentProgress } from "../scripts/stock_kvm/progress.ts";
import type { StockHost } from "../scripts/stock_kvm/host.ts";
import { ScratchDirectory } from "./support/run_command.ts";

const ROOT = new URL("../", import.meta.url);
/** How long a command may take before it hangs. */
const HANG = "8m";
const decoder = new TextDecoder();

/** `deno task stock-kvm`, with its standard input. Asserts that it leaves no temporary file. */
async function stockKvm(args: readonly string[], input = "") {
  using scratch = new ScratchDirectory();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "stock-kvm", "--timeout", HANG, ...args],
    cwd: fileURLToPath(ROOT),
    env: { NO_COLOR: "1", TMPDIR: scratch.path },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close());
  const { code, stdout, stderr } = await child.output();
  await written.catch(() => {}); // it may have ended without reading
  assert.deepEqual([...Deno.readDirSync(scratch.path)], []);
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("a stock host runs commands of this project, with their outputs and exit codes", async () => {
  const script = `
    echo "to output $(id -u)"; echo "to errors" >&2
    ./understudy doctor --json
    ./understudy run hello </dev/null
    exit 7
  `;
  const { code, stdout, stderr } = await stockKvm([], script);
  assert.equal(code, 7, stderr);
  assert.match(stdout, /^to output 0\n\{/);
  const report = JSON.parse(stdout.match(/^\{.*?^\}$/ms)![0]);
  assert.equal(report.canRun, true);
  assert.match(stdout, /hello/i);
  assert.match(stderr, /^to errors$/m);
  assert.doesNotMatch(stdout + stderr, /^\[ +\d+\.\d+\]/m, "the kernel's own words");
});

Deno.test("a command that is not there is code 127; one that takes too long ends with 124", async () => {
  const missing = await stockKvm(["--", "no-such-command"]);
  assert.deepEqual([missing.code, missing.stdout], [127, ""], missing.stderr);
  const late = await stockKvm(["--timeout", "100ms", "--", "sleep", "1000"]);
  assert.deepEqual([late.code, late.stdout], [124, ""], late.stderr);
});

Deno.test("a pair's network can be cut and healed, its hosts paused, killed and booted again", async () => {
  const signal = new AbortController().signal;
  const boot = await bootFiles({ cache: openCache(), progress: silentProgress, signal });
  await using pair = await StockPair.start({ boot, cpus: 1 });
  const ping = async (host: StockHost, address: string) => {
    const { code } = await host.run(["ping", "-c", "1", "-W", "2", address]).exited;
    return code === 0;
  };
  const [A, B] = [pair.host("A"), pair.host("B")];

  assert.ok(await ping(A, addressOf.B), "A reaches B");
  pair.rules.cut({ from: "B", to: "A" });
  assert.ok(!await ping(A, addressOf.B), "no answer comes back");
  assert.ok(await ping(A, addressOf.arbiter), "the arbiter's way is another");
  pair.rules.heal();
  assert.ok(await ping(A, addressOf.B), "healed");

  const page = "served by B\n";
  await B.output(["sh", "-c", `mkdir -p /srv; printf '${page}' >/srv/index.html`]);
  const server = B.run(["httpd", "-f", "-p", "8080", "-h", "/srv"]);
  const address = await pair.reach("B", 8080);
  const get = async () => {
    const answer = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(10_000) });
    return await answer.text();
  };
  while (await get().catch(() => undefined) !== page) {
    assert.equal(server.exit, undefined, server.errors);
  }
  pair.rules.cut({ from: "A", to: "B" }, { from: "B", to: "A" });
  assert.equal(await get(), page, "the observer stands outside both");
  pair.rules.heal();

  A.pause();
  assert.ok(!await ping(B, addressOf.A), "A is paused");
  A.resume();
  assert.ok(await ping(B, addressOf.A), "A goes on");

  const sleeper = A.run(["sleep", "1000"]);
  await A.crash();
  assert.deepEqual(await sleeper.exited, { code: undefined, signal: null });
  assert.ok(!await ping(B, addressOf.A), "A is gone");
  await pair.boot("A");
  assert.ok(await ping(B, addressOf.A), "A is there again");

  assert.equal((await server.kill()).signal, "SIGKILL");
});
