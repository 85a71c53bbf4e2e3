/**
 * Starts a fresh primary: wins a generation, boots the guest, takes in a backup.
 */
import { checkMachineId, checkWho } from "../arbiter/arbiter.ts";
import { Claimer } from "../arbiter/claimer.ts";
import { winFirst } from "../arbiter/first_claim.ts";
import { openArbiter } from "../arbiter/open.ts";
import { UnavailableError, UsageError } from "../base/errors.ts";
import {
  divergenceMaxDefault,
  heldOutputBytes,
  linkBurstBytes,
  logWindowBytes,
  pageWindowBytes,
  timeoutMaxMs,
} from "../base/limits.ts";
import { pause } from "../base/pause.ts";
import type { Say } from "../base/reporter.ts";
import { checkMemoryBytes } from "../machine/guest_memory.ts";
import { hostKind } from "../machine/host_kind.ts";
import { decodeMessageRecord } from "../machine/records.ts";
import { errorOf, type ThreadNotice, VcpuThread } from "../machine/vcpu_thread.ts";
import { parseAddress } from "../link/address.ts";
import { advertisedAddress } from "../link/advertised.ts";
import { logFraming } from "../link/log_framing.ts";
import { Security } from "../link/security.ts";
import { listenTcp } from "../link/tcp.ts";
import type { DivergenceMax } from "../protocol/divergence_budget.ts";
import { PrimaryProtocol, type PrimaryRules } from "../protocol/primary.ts";
import { type Settings, type SharedRules, sharedRules } from "../protocol/rules.ts";
import { type Verify, verifyDefault } from "../protocol/verify.ts";
import { cardFor } from "../network/spec.ts";
import { openNetwork } from "../network/open.ts";
import { openSink } from "../sinks/open.ts";
import { BackupConnections } from "./backup_connections.ts";
import { findGuest, type GuestRequest, machineIdOf } from "./guest_source.ts";
import { type Interposer, PrimarySide } from "./primary_side.ts";
import type { RecorderCommand } from "./recorder_messages.ts";
import { checkSettings } from "./settings.ts";
import type { PrimaryThreadConfig } from "./vcpu_worker.ts";

type FixedRules = Pick<
  SharedRules,
  "memoryBytes" | "commitReplayed" | "heartbeatMs" | "timeoutMs"
>;

/** What a primary is started with. */
export interface PrimaryOptions extends GuestRequest, Settings, FixedRules {
  readonly listen: string;
  readonly arbiter: string;
  readonly console: string;
  /** What the machine's network card is connected to; undefined: it has none. */
  readonly net?: string | undefined;
  readonly id?: string;
  readonly who: string;
  readonly requireBackup: boolean;
  /** The generation that is known to be dead though it never ended; see docs/CLI.md. */
  readonly supersede?: number;
  /** How often the log carries a digest; undefined: as usual. */
  readonly verify?: Verify;
  /** How many divergences are healed; undefined: as usual. */
  readonly divergenceMax?: DivergenceMax;
  /** Where the other side reaches `listen`; undefined: as that says. */
  readonly advertise?: string;
  /** Gives up waiting for an arbiter that does not answer a claim. */
  readonly stopping?: AbortSignal;
  /** How connections are protected; default: not at all, and on loopback addresses only. */
  readonly security?: Security;
}

/** How long to wait before an arbiter that is out of reach is asked again. */
export const claimRetryMs = 200;

/**
 * Starts a primary; it has won its generation and booted when this resolves.
 * @throws ReignsError if the machine reigns, UnavailableError and others for what is not there
 */
export async function startPrimary(
  options: PrimaryOptions,
  say: Say,
  interposer?: Interposer,
): Promise<PrimarySide> {
  checkMemoryBytes(options.memoryBytes);
  checkPatience(options);
  checkSettings(options);
  const machineId = options.id ?? machineIdOf(options.guest);
  checkMachineId(machineId);
  checkWho(options.who);
  const guest = await findGuest(options);
  await using stack = new AsyncDisposableStack();
  const { security = Security.loopback } = options;
  const { verify = verifyDefault, divergenceMax = divergenceMaxDefault } = options;
  const checkpointing = options.mode === "checkpoint";
  const sink = openSink(options.console, { machineId, notice: say, security });
  stack.defer(() => sink.close());
  const network = options.net === undefined ? undefined : openNetwork(options.net, say);
  stack.defer(() => network?.close());
  const doorOptions = { notice: say, security };
  const listener = stack.use(listenTcp(parseAddress(options.listen), logFraming, doorOptions));
  const arbiter = stack.use(openArbiter(options.arbiter, { create: true }));
  const claimer = new Claimer(arbiter, {
    machineId,
    who: options.who,
    address: advertisedAddress(listener.address, options.advertise, Deno.hostname()),
  });
  // Booted before it is claimed: a machine that can't run must not reign.
  const thread = await boot({
    ...guest,
    memoryBytes: options.memoryBytes,
    ...(options.net === undefined ? {} : { net: cardFor(options.net, machineId) }),
    hostKind: hostKind(),
    startPaused: true,
    verify,
  });
  stack.defer(() => discard(thread));
  const generation = await winFirst(claimer, options.supersede, async (why) => {
    say(`waits: ${why}`);
    await pause(claimRetryMs, options.stopping);
    if (options.stopping?.aborted) {
      throw new UnavailableError(`stopped, and it is not known whether it was claimed: ${why}`);
    }
  });
  const rules: PrimaryRules = {
    ...sharedRules({ ...options, machineId, checkpointing, verify, divergenceMax }),
    claimRetryMs,
    windowBytes: logWindowBytes,
    pageWindowBytes,
    burstBytes: linkBurstBytes,
    heldBytesMax: heldOutputBytes,
  };
  await sink.goLive(0, 0, generation);
  network?.goLive(thread.channel, false);
  const protocol = new PrimaryProtocol(rules, generation);
  const connections = new BackupConnections(listener, say);
  const side = new PrimarySide({
    protocol,
    thread,
    sink,
    network,
    claimer,
    connections,
    say,
    ...(interposer === undefined ? {} : { interposer }),
  });
  say(`machine ${machineId}, generation ${generation}; a backup can join at ${listener.address}`);
  const resume: RecorderCommand = { type: "resume" };
  if (options.requireBackup) {
    say("waits for a backup before the guest starts");
    void side.firstProtection.then(() => thread.command(resume));
  } else {
    say("unprotected: no backup has joined yet");
    await thread.command(resume);
  }
  stack.move();
  return side;
}

/** @throws UsageError unless the lag can be measured, and silence can be told from an ordinary wait for the next heartbeat */
function checkPatience(
  { heartbeatMs, timeoutMs }: PrimaryOptions,
): void {
  if (2 * heartbeatMs <= timeoutMs && timeoutMs <= timeoutMaxMs) return;
  throw new UsageError(
    `--heartbeat ${heartbeatMs}ms with --timeout ${timeoutMs}ms: expected a timeout of at least two ` +
      `heartbeats, and of at most ${timeoutMaxMs}ms`,
  );
}

/**
 * Starts the machine's thread and boots the guest, which then waits for `resume`.
 * @throws what the thread could not do it for: UnavailableError, GuestError, UsageError
 */
async function boot(config: PrimaryThreadConfig): Promise<VcpuThread> {
  const thread = new VcpuThread(new URL("./vcpu_worker.ts", import.meta.url), config);
  const notice = decodeMessageRecord<ThreadNotice>((await thread.read()).body);
  if (notice.type === "ready") {
    thread.noteReady(notice);
    return thread;
  }
  thread.retire();
  throw errorOf(notice.failure!);
}

/** Ends the thread of a machine that never ran. */
async function discard(thread: VcpuThread): Promise<void> {
  const quit: RecorderCommand = { type: "quit" };
  await thread.command(quit);
  while (decodeMessageRecord<ThreadNotice>((await thread.read()).body).type !== "gone");
  thread.retire();
}
