/**
 * Starts and ends pairs in this process, in every way in which a pair can end in good order or be torn, and
 * counts what this process has before and after.
 *
 * Called by leak_test.ts and the campaign campaigns/leak.ts.
 */
import assert from "node:assert/strict";
import { serveStatus } from "../../link/status_server.ts";
import { ExitCode } from "../../base/errors.ts";
import {
  backupOptions,
  Detour,
  primaryOptions,
  runBackup,
  type RunningPrimary,
  runPrimary,
  until,
} from "./pair_in_process.ts";
import { ScratchDirectory } from "./run_command.ts";

/** A pair that is protected, and a place for what it writes. */
interface Protected {
  readonly directory: string;
  readonly primary: RunningPrimary;
  readonly backup: ReturnType<typeof runBackup>;
}

/** The ways in which a pair's life ends. */
export const ENDINGS: Readonly<Record<string, (directory: string) => Promise<void>>> = {
  "the guest is stopped": async (directory) => {
    const { primary, backup } = await protectedPair(directory);
    primary.side.stop("stopped by a test");
    await ends(ExitCode.ok, primary.halt, backup.halt);
  },
  "the guest ends by itself": async (directory) => {
    const options = { ...primaryOptions(directory), guest: "stress", commandLine: "1 1" };
    const primary = await runPrimary({ ...options, requireBackup: true });
    const backup = runBackup(backupOptions(directory, primary.address));
    await ends(ExitCode.ok, primary.halt, backup.halt);
  },
  "a handover, and the guest is stopped at the other side": async (directory) => {
    const { primary, backup } = await protectedPair(directory);
    assert.equal(primary.side.handover(), undefined);
    await ends(ExitCode.ok, primary.halt);
    await until(() => backup.side.role.role === "primary", () => backup.lines.join("\n"));
    backup.side.role.stop("stopped by a test");
    await ends(ExitCode.ok, backup.halt);
  },
  "the backup leaves": async (directory) => {
    const { primary, backup } = await protectedPair(directory);
    backup.side.role.stop("stopped by a test");
    await ends(ExitCode.ok, backup.halt);
    primary.side.stop("stopped by a test");
    await ends(ExitCode.ok, primary.halt);
  },
  "a second backup asks, and gives up": async (directory) => {
    const { primary, backup } = await protectedPair(directory);
    const second = runBackup({ ...backupOptions(directory, primary.address), listen: undefined });
    await until(() => second.lines.find((line) => /already/.test(line)), () => "a refusal");
    second.side.role.retire("stopped by a test");
    await ends(ExitCode.ok, second.halt);
    primary.side.stop("stopped by a test");
    await ends(ExitCode.ok, primary.halt, backup.halt);
  },
  "the connection is cut": async (directory) => {
    const primary = await runPrimary(primaryOptions(directory));
    const detour = new Detour(primary.address);
    const backup = runBackup(backupOptions(directory, detour.address));
    await isProtected({ primary, backup });
    await detour[Symbol.asyncDispose]();
    const both = [primary.halt, backup.halt];
    const loser = await Promise.race(both);
    assert.equal(loser.code, ExitCode.lost, loser.why);
    await until(() => reigning(primary, backup), () => "a winner");
    primary.side.stop("stopped by a test");
    backup.side.role.stop("stopped by a test");
    const codes = (await Promise.all(both)).map(({ code }) => code);
    assert.deepEqual(codes.sort(), [ExitCode.ok, ExitCode.lost]);
  },
  "the machine reigns already": async (directory) => {
    const primary = await runPrimary(primaryOptions(directory));
    await assert.rejects(runPrimary(primaryOptions(directory)), /already reigns/);
    primary.side.stop("stopped by a test");
    await ends(ExitCode.ok, primary.halt);
  },
  "there is no such guest, and no such memory": async (directory) => {
    const options = primaryOptions(directory);
    await assert.rejects(runPrimary({ ...options, guest: directory }), /can't read the guest/);
    await assert.rejects(runPrimary({ ...options, memoryBytes: 1 }), /of memory/);
  },
};

/** Whether one of the two has won generation 2, and can be stopped. */
function reigning({ side }: RunningPrimary, backup: ReturnType<typeof runBackup>): boolean {
  return backup.side.role.role === "primary" || side.status().generation === 2;
}

/** A pair's whole life; everything that it made is given back. */
export async function liveAndEnd(ending: string): Promise<void> {
  using scratch = new ScratchDirectory();
  await ENDINGS[ending]!(scratch.path);
  const left = filesIn(scratch.path).filter((path) =>
    !/^(console|arbiter.[a-z]+\.\d+\.json)$/.test(path)
  );
  assert.deepEqual(left, [], "temporary files");
}

function filesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${directory}/${name}`).map((file) => `${name}/${file}`) : [name]
  );
}

async function protectedPair(directory: string): Promise<Protected> {
  const primary = await runPrimary(primaryOptions(directory));
  const backup = runBackup(backupOptions(directory, primary.address));
  await isProtected({ primary, backup });
  return { directory, primary, backup };
}

async function isProtected({ primary, backup }: Omit<Protected, "directory">): Promise<void> {
  await using server = serveStatus({ hostname: "127.0.0.1", port: 0 }, {
    status: () => primary.side.status(),
    handover: () => undefined,
    set: () => "",
    stop: () => {},
  });
  await until(
    () => primary.side.status().protected === true && backup.side.role.status().protected === true,
    () => `protection; they said:\n${[...primary.lines, ...backup.lines].join("\n")}`,
  );
  // Both vCPUs' run areas and memories: what is counted is there while the pair lives.
  const { mappings, workers } = holdings();
  assert.ok(mappings >= 4 && workers >= 2, `${mappings} mappings, ${workers} workers of a pair`);
  const response = await fetch(`http://${server.address}/status`);
  assert.equal((await response.json()).protected, true);
}

async function ends(
  code: number,
  ...halts: Promise<{ code: number; why: string }>[]
): Promise<void> {
  for (const halt of await Promise.all(halts)) assert.equal(halt.code, code, halt.why);
}

/** What this process has that a pair could have left behind. */
export interface Holdings {
  /** What its descriptors are of, sockets and pipes by their kind. */
  readonly descriptors: readonly string[];
  /** Mappings of vCPUs' run areas, and of guest memory. */
  readonly mappings: number;
  /** Threads of workers. */
  readonly workers: number;
  readonly children: number;
}

/** Counts. */
export function holdings(): Holdings {
  return {
    descriptors: descriptors(),
    mappings: Deno.readTextFileSync("/proc/self/maps").split("\n")
      .filter((line) => /anon_inode:kvm|\/dev\/zero/.test(line)).length,
    workers: tasks("comm").filter((name) => name.startsWith("worker")).length,
    children: tasks("children").join(" ").split(" ").filter((pid) => pid.trim() !== "").length,
  };
}

/** Counts, once what is about to go has gone: threads and sockets take a moment. */
export async function settledHoldings(isSettled: (now: Holdings) => boolean): Promise<Holdings> {
  let now = holdings();
  for (let tries = 0; tries < 500 && !isSettled(now); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    now = holdings();
  }
  return now;
}

/** What `after` has that `before` had not. */
export function surplus(before: Holdings, after: Holdings): string[] {
  const rest = [...before.descriptors];
  const more = after.descriptors.filter((name) => {
    const at = rest.indexOf(name);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  for (const kind of ["mappings", "workers", "children"] as const) {
    if (after[kind] > before[kind]) more.push(`${after[kind]} ${kind}, there were ${before[kind]}`);
  }
  return more;
}

function descriptors(): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      found.push(Deno.readLinkSync(`/proc/self/fd/${name}`).replace(/:\[\d+\]$/, ""));
    } catch {
      // The descriptor of this very reading.
    }
  }
  return found.sort();
}

function tasks(file: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    try {
      found.push(Deno.readTextFileSync(`/proc/self/task/${name}/${file}`));
    } catch {
      // A thread that ends meanwhile.
    }
  }
  return found;
}
