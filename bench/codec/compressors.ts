/**
 * The compressors that the plain encodings are put under: the command line tools of this machine, each over all frames
 * of a file in one piece.
 */
import { UnavailableError } from "../../base/errors.ts";

/** A command that reads standard input and writes standard output. */
export interface Compressor {
  /** Program and options, as they are shown. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

function compressor(program: string, ...args: string[]): Compressor {
  return { name: [program, ...args].join(" "), program, args: [...args, "-c"] };
}

/** The one that is given every encoding. */
export const ZSTD_3 = compressor("zstd", "-3");

/** All of them. */
export const COMPRESSORS: readonly Compressor[] = [
  ZSTD_3,
  compressor("zstd", "-19"),
  compressor("xz", "-9"),
  compressor("gzip", "-9"),
  compressor("lz4"),
];

/**
 * How long these bytes become; undefined if this machine does not have the program.
 * @throws UnavailableError if it fails
 */
export async function compressedBytes(
  { name, program, args }: Compressor,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<number | undefined> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    // One that ends without reading it all says why.
    new Blob([bytes]).stream().pipeTo(child.stdin).catch(() => {}),
  ]);
  if (!success) throw new UnavailableError(`${name}: ${new TextDecoder().decode(stderr)}`);
  return stdout.length;
}
