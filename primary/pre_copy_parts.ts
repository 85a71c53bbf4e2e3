/**
 * What a state transfer in rounds (pre_copy.ts) needs of the primary that it is for, and what the vCPU's thread
 * answers it.
 */
import type { PageHashes } from "../machine/page_hashes.ts";
import type { VcpuThread } from "../machine/vcpu_thread.ts";
import type { PrimaryInput } from "../protocol/primary.ts";
import type { LogRules, RecorderCommand } from "./recorder_messages.ts";

/** See the top of the file. */
export interface PreCopyParts {
  readonly thread: VcpuThread;
  readonly session: number;
  readonly generation: number;
  /** For what comes after it. */
  rules(): LogRules;
  /** Of how many bytes a frame with pages may be now; 0: none may come before `wake`. */
  room(): number;
  /** Bytes of frames with pages that the backup has not applied yet. */
  unappliedBytes(): number;
  /** Whether the guest may put nothing more out before the backup has its state. */
  mustStand(): boolean;
  step(input: PrimaryInput): void;
  tell(command: RecorderCommand): void;
  /** What no transfer can go on from. */
  fail(error: Error): void;
  /** What of its memory the backup has; undefined: it is all zero. */
  readonly known?: PageHashes | undefined;
  /** What the staging area has room for at most; default: `stagingPagesMax`. */
  readonly stagingPages?: number;
}

/** What the vCPU's thread answers. */
export type TransferAnswer =
  & { readonly session: number }
  & (
    | { readonly type: "copying" }
    | { readonly type: "dirty"; readonly bitmap: Uint8Array }
    | { readonly type: "staged"; readonly pages: readonly number[] }
    | { readonly type: "captured"; readonly stopUs: number }
  );
