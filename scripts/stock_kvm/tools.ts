/**
 * Programs of this machine: whether they are there, how to get them, and running one to its end.
 *
 * Everything in this folder that starts a helper program calls it.
 */
import { UnavailableError } from "../../base/errors.ts";

/** How much of a tool's complaint is quoted. */
const COMPLAINT_LENGTH = 2000;
/** How much of its command line. */
const COMMAND_LENGTH = 100;

/** The path of a program on PATH; undefined if there is none. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${folder}/${name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile === true && ((info.mode ?? 0) & 0o111) !== 0) return path;
  }
  return undefined;
}

/** The path of a program. @throws UnavailableError that says which package has it */
export async function requireProgram(name: string, debianPackage: string): Promise<string> {
  const path = await findProgram(name);
  if (path !== undefined) return path;
  const sudo = Deno.uid() === 0 ? "" : "sudo ";
  throw new UnavailableError(
    `${name} is not on PATH; Debian: ${sudo}apt-get install ${debianPackage}`,
  );
}

/** How a program is run. */
export interface ToolOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a program to its end, and returns its standard output.
 * @throws UnavailableError with what it said, if it ends with a code other than 0; the signal's reason
 */
export async function runTool(
  [program, ...args]: readonly [string, ...string[]],
  options: ToolOptions = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  const command = new Deno.Command(program, {
    args,
    ...options,
    env: { LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive", ...options.env },
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  options.signal?.throwIfAborted();
  const decoder = new TextDecoder();
  if (code === 0) return decoder.decode(stdout);
  const shown = [program, ...args].join(" ").slice(0, COMMAND_LENGTH);
  const complaint = decoder.decode(stderr).trim().slice(-COMPLAINT_LENGTH);
  throw new UnavailableError(
    `${shown} ended with code ${code}: ${complaint}`,
  );
}
