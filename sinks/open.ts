/**
 * Which sink a command line means.
 *
 *     stdio            standard output and input of this process
 *     file:PATH        each byte at its offset in a file
 *     console:ADDR     listens for `understudy console`: exactly once for who watches
 *     tcp:ADDR         listens for nc and terminals: best effort
 *     none             shows nothing
 *
 * main.ts calls this with the value of `--console`.
 */
import { UsageError } from "../base/errors.ts";
import { parseAddress } from "../link/address.ts";
import type { Security } from "../link/security.ts";
import { type ConsoleOptions, ConsoleSink } from "./console_server.ts";
import { FileSink } from "./file.ts";
import { NoneSink } from "./none.ts";
import type { Sink } from "./sink.ts";
import { StdioSink } from "./stdio.ts";
import { TcpSink } from "./tcp.ts";

type Maker = (spec: string, what: string, options: ConsoleOptions) => Sink;

const makers: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["console", (spec, address, options) => new ConsoleSink(spec, address, options)],
  ["file", (spec, path) => new FileSink(spec, path)],
  ["tcp", (spec, address, options) => new TcpSink(spec, address, options)],
]);

/**
 * Opens the sink that `spec` names; one that listens does so from now on.
 * @throws UsageError for what is not supported, UnavailableError for a file or an address that can't
 *   be had
 */
export function openSink(spec: string, options: ConsoleOptions): Sink {
  if (spec === "stdio") return new StdioSink(spec);
  if (spec === "none") return new NoneSink(spec);
  const { kind, what } = parseSpec(spec);
  return makers.get(kind)!(spec, what, options);
}

/** Checks what can be known before the sink is opened. @throws UsageError for what is not supported, or would be
 * open to all, unasked */
export function checkSink(spec: string, security: Security): void {
  if (spec === "stdio" || spec === "none") return;
  const { kind, what } = parseSpec(spec);
  if (kind !== "file") security.permit(parseAddress(what));
}

function parseSpec(spec: string): { kind: string; what: string } {
  const colon = spec.indexOf(":");
  const kind = spec.slice(0, colon);
  const what = spec.slice(colon + 1);
  if (!makers.has(kind) || what === "") {
    throw new UsageError(
      `sink ${
        JSON.stringify(spec)
      }: supported are stdio, file:PATH, console:ADDR, tcp:ADDR and none`,
    );
  }
  return { kind, what };
}
