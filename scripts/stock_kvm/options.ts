/**
 * The options that both commands have: the size of a host, and how long it may take.
 */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { parseCount, parseMilliseconds, parseSize } from "../../base/command_line.ts";
import { defaultCpus, defaultMemoryMiB } from "./host.ts";

/** What they come to. */
export interface HostOptions {
  /** MiB. */
  readonly memory: number;
  readonly cpus: number;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  readonly keep?: boolean | undefined;
}

/** This program's arguments, without the `--` that `deno task` is given before them. */
export function ownArgs(): string[] {
  return Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args;
}

const MIB = 2 ** 20;
/** Below this the root file system, which is in memory, does not fit. */
const LEAST_MEMORY_MIB = 768;

/** `3G`, `1024M`: MiB. */
export function parseMemory(text: string): number {
  const bytes = parseSize(text);
  if (bytes < LEAST_MEMORY_MIB * MIB) {
    throw new InvalidArgumentError(`expected at least ${LEAST_MEMORY_MIB}M`);
  }
  return Math.floor(bytes / MIB);
}

/** `90s`, `10m`: milliseconds. */
export function parseLimit(text: string): number {
  const [, minutes] = text.match(/^(\d{1,6})m$/) ?? [];
  return minutes === undefined ? parseMilliseconds(text) : parseCount(minutes) * 60_000;
}

/** `--memory`; in MiB. */
export function memoryOption() {
  return new Option("--memory <size>", "a host's memory").default(defaultMemoryMiB, "3G")
    .argParser(parseMemory);
}

/** `--cpus` */
export function cpusOption() {
  return new Option("--cpus <count>", "a host's processors").default(defaultCpus)
    .argParser(parseCount);
}

/** `--timeout`; in milliseconds. */
export function timeoutOption() {
  return new Option(
    "--timeout <duration>",
    "end after so long, such as 90s or 10m, with code 124 (default: none)",
  ).argParser(parseLimit);
}

/** `--keep` */
export function keepOption() {
  return new Option(
    "--keep",
    "leave a host's folder: what its kernel said, and the command line of QEMU",
  );
}
