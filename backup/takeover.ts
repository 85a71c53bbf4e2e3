/**
 * The takeover in main: a primary takes the backup's place, with the same thread, sink and arbiter, and performs
 * the outputs that were kept. The vCPU's thread has its own (takeover_recorder.ts); no other file of this room
 * reaches into primary/.
 */
import type { Claimer } from "../arbiter/claimer.ts";
import {
  heldOutputBytes,
  linkBurstBytes,
  logWindowBytes,
  pageWindowBytes,
} from "../base/limits.ts";
import type { Say } from "../base/reporter.ts";
import { logFraming } from "../link/log_framing.ts";
import { parseAddress } from "../link/address.ts";
import type { Security } from "../link/security.ts";
import { listenTcp } from "../link/tcp.ts";
import type { VcpuThread } from "../machine/vcpu_thread.ts";
import { BackupConnections } from "../primary/backup_connections.ts";
import { outcomeOf } from "../primary/claim_outcome.ts";
import { PrimarySide } from "../primary/primary_side.ts";
import { claimRetryMs } from "../primary/start.ts";
import type { MessageOf } from "../protocol/messages.ts";
import type { Output } from "../protocol/output_gate.ts";
import { PrimaryProtocol } from "../protocol/primary.ts";
import { heardRules } from "../protocol/rules.ts";
import type { Network } from "../network/network.ts";
import type { Sink } from "../sinks/sink.ts";

import type { TakeoverTimes } from "./takeover_times.ts";

export { claimRetryMs, outcomeOf };

/** Listens where new backups will be able to join once this side is a primary; until then they are told. */
export function openConnections(listen: string, say: Say, security: Security): BackupConnections {
  const listener = listenTcp(parseAddress(listen), logFraming, { notice: say, security });
  const connections = new BackupConnections(listener, say);
  connections.refuse("this side is a backup itself");
  return connections;
}

/** What a session leaves to the takeover that ends it. */
export interface SessionParts {
  readonly welcome: MessageOf<"welcome">;
  readonly generation: number;
  readonly kept: readonly Output[];
  readonly thread: VcpuThread;
  readonly sink: Sink;
  readonly network: Network | undefined;
  readonly claimer: Claimer;
  readonly times: TakeoverTimes;
}

/** What a takeover starts from. */
export interface TakeoverParts extends SessionParts {
  /** Where new backups can join; undefined: none can. */
  readonly connections: BackupConnections | undefined;
  readonly say: Say;
}

/** Main: the primary that this backup becomes. Its generation has been won, its thread told. */
export function becomePrimary(parts: TakeoverParts): PrimarySide {
  const { welcome, generation, kept, times } = parts;
  const rules = {
    ...heardRules(welcome),
    claimRetryMs,
    windowBytes: logWindowBytes,
    pageWindowBytes,
    burstBytes: linkBurstBytes,
    heldBytesMax: heldOutputBytes,
  };
  const side = new PrimarySide({
    ...parts,
    protocol: new PrimaryProtocol(rules, generation, kept),
  });
  side.takeover = { ...times.report(), outputs: kept.length };
  return side;
}
