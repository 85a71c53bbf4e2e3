/**
 * What all commands share: values of options, how an error becomes an exit code, what signals do.
 */
import { Command, CommanderError, InvalidArgumentError } from "@commander-js/extra-typings";
import { ExitCode, type ExitCodeValue, UnderstudyError } from "./errors.ts";
import { printable } from "./printable.ts";

/** `64M`, `1G`, `65536K`: bytes. */
export function parseSize(text: string): number {
  const [, number, unit] = text.match(/^(\d{1,9})([KMG])$/i) ?? [];
  if (number === undefined) throw new InvalidArgumentError("expected a size such as 64M or 1G");
  return Number(number) * { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[unit!.toUpperCase() as "K"]!;
}

/** A whole number of at least 1. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("expected a number from 1 up");
  return Number(text);
}

/** `500`, `500ms`, `2s`: milliseconds. */
export function parseMilliseconds(text: string): number {
  const [, number, unit] = text.match(/^(\d{1,9})(ms|s|)$/) ?? [];
  if (number === undefined || Number(number) === 0) {
    throw new InvalidArgumentError("expected a duration such as 500ms or 2s");
  }
  return Number(number) * (unit === "s" ? 1000 : 1);
}

/** As {@link parseMilliseconds}, or `off`: 0. */
export function parseLimit(text: string): number {
  return text === "off" ? 0 : parseMilliseconds(text);
}

/** A command whose errors come out as exceptions, and whose help goes on with examples. */
export function command(name: string, description: string, examples: readonly string[]): Command {
  const text = examples.map((example) => `  ${example}`).join("\n");
  return new Command(name)
    .description(description)
    .addHelpText("after", `\nExamples:\n${text}`)
    .exitOverride();
}

/**
 * Runs `main` as this process's main program: its result is the exit code, its errors become a line on
 * standard error and the exit code that docs/CLI.md lists.
 */
export async function runMain(main: () => Promise<ExitCodeValue>): Promise<never> {
  let code: ExitCodeValue;
  try {
    code = await main();
  } catch (error) {
    code = explain(error);
  }
  // Not by running out of work: a read of standard input that nobody answers would wait for ever.
  Deno.exit(code);
}

function explain(error: unknown): ExitCodeValue {
  // Commander has said what was wrong, or has printed the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
  if (error instanceof UnderstudyError) {
    write(`understudy: ${printable(error.message)}`);
    return error.exitCode;
  }
  write(`understudy: a defect of Understudy, please report it: ${(error as Error).stack ?? error}`);
  return ExitCode.defect;
}

/**
 * Calls `first` at the first SIGINT or SIGTERM; a second one ends the process at once, as it would have.
 * @returns stops listening
 */
export function onStopSignals(first: (signal: string) => void): () => void {
  let count = 0;
  const handlers = (["SIGINT", "SIGTERM"] as const).map((signal) => {
    const handler = () => {
      if (++count === 1) first(signal);
      else Deno.exit(signal === "SIGINT" ? 130 : 143);
    };
    Deno.addSignalListener(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) Deno.removeSignalListener(signal, handler);
  };
}
