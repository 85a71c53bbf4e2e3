/**
 * What a primary is made of, by whoever makes one: start.ts, or backup/takeover.ts.
 */
import type { Claimer } from "../arbiter/claimer.ts";
import type { Say } from "../base/reporter.ts";
import type { VcpuThread } from "../machine/vcpu_thread.ts";
import type { PrimaryEffect, PrimaryInput, PrimaryProtocol } from "../protocol/primary.ts";
import type { Network } from "../network/network.ts";
import type { Sink } from "../sinks/sink.ts";
import type { BackupConnections } from "./backup_connections.ts";

/** A seam for tests: sees what comes in and what goes out, and may end the process there. */
export interface Interposer {
  /** It comes in. */
  input?(input: PrimaryInput): void;
  /** The protocol has taken it in; none of what it wants done has been done. */
  decided?(input: PrimaryInput): void;
  before?(effect: PrimaryEffect): void;
  after?(effect: PrimaryEffect): void;
}

/** What a primary is made of. It takes them over, and closes them in the end. */
export interface PrimaryParts {
  readonly protocol: PrimaryProtocol;
  readonly thread: VcpuThread;
  readonly sink: Sink;
  /** Where the guest's network frames go; undefined: nowhere, as on a cable that nobody holds. */
  readonly network?: Network | undefined;
  readonly claimer: Claimer;
  /** Undefined: no backup can join. */
  readonly connections: BackupConnections | undefined;
  readonly say: Say;
  readonly interposer?: Interposer;
}
