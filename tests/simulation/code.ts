/**
 * The code under test: the production protocol of both sides, what it says on the wire, and how it claims.
 *
 * As an object, so that mutants.ts can put altered copies of the same files in its place.
 */
import { Claimer, holderOf } from "../../arbiter/claimer.ts";
import { EtcdArbiter } from "../../arbiter/etcd.ts";
import { FileArbiter } from "../../arbiter/file.ts";
import { ReignsError, winFirst } from "../../arbiter/first_claim.ts";
import { BackupProtocol } from "../../protocol/backup.ts";
import { PrimaryProtocol } from "../../protocol/primary.ts";
import { StagedState } from "../../protocol/staged_state.ts";
import { frameOf, fromBackup, fromPrimary } from "../../protocol/wire.ts";
import { SimRecorder } from "./recorder.ts";
import { SimReplayer } from "./replayer.ts";

/** What the simulation runs: production's code, and the threads that stand for production's. */
export const production = {
  SimRecorder,
  SimReplayer,
  StagedState,
  PrimaryProtocol,
  BackupProtocol,
  frameOf,
  fromBackup,
  fromPrimary,
  Claimer,
  FileArbiter,
  EtcdArbiter,
  ReignsError,
  holderOf,
  winFirst,
};

/** The same, or an altered copy of it. */
export type ProtocolCode = typeof production;
