/**
 * Finds the guest that a command line names: a bundled one, or a file.
 */
import { GuestError, UsageError } from "../base/errors.ts";
import { parseImage } from "../machine/elf.ts";

/** The guests that come with Understudy, and what they are run with if nothing is said. */
export const BUNDLED_GUESTS: Readonly<Record<string, { readonly commandLine: string }>> = {
  hello: { commandLine: "" },
  hostile: { commandLine: "1" },
  kv: { commandLine: "" },
  ledger: { commandLine: "" },
  rogue: { commandLine: "" },
  spin: { commandLine: "seconds=10" },
  stress: { commandLine: "1 20" },
};

/** A guest's image, read and known to be bootable. */
export interface GuestSource {
  readonly name: string;
  readonly image: Uint8Array;
  readonly commandLine: string;
  /** An initrd or the like. */
  readonly module?: Uint8Array;
}

/** What a command line says of a guest. */
export interface GuestRequest {
  /** A bundled guest's name, or a path. */
  readonly guest: string;
  readonly commandLine?: string;
  /** A file that the guest gets as PVH module 0. */
  readonly module?: string;
}

/**
 * Reads the guest `guest`: a bundled guest's name, or else a path.
 * @throws GuestError if it can't be read or booted
 */
export async function findGuest(
  { guest, commandLine, module }: GuestRequest,
): Promise<GuestSource> {
  const bundled = Object.hasOwn(BUNDLED_GUESTS, guest) ? BUNDLED_GUESTS[guest] : undefined;
  const path = bundled === undefined
    ? guest
    : new URL(`../guests/images/${guest}.elf`, import.meta.url);
  const names = Object.keys(BUNDLED_GUESTS).join(", ");
  const image = await read(path, `the guest ${guest}`, `; name a file, or one of ${names}`);
  parseImage(image, guest);
  return {
    name: guest,
    image,
    commandLine: commandLine ?? bundled?.commandLine ?? "",
    ...(module === undefined ? {} : { module: await read(module, `the module ${module}`, "") }),
  };
}

async function read(path: string | URL, what: string, advice: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    throw new GuestError(`can't read ${what}: ${(cause as Error).message}${advice}`, { cause });
  }
}

/** A machine's id if none was given: the guest's name without folders and ending. */
export function machineIdOf(guest: string): string {
  const name = guest.split("/").at(-1)!.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]/g, "-");
  if (name === "") throw new UsageError(`no machine id follows from ${guest}: give one with --id`);
  return name.slice(0, 64);
}
