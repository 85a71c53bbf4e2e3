/**
 * Finds the guest that a command line names: a bundled one, or a file.
 */
import { GuestError, UsageError } from "../base/errors.ts";
import { parseImage } from "../machine/elf.ts";

/** The guests that come with Understudy, and what they are run with if nothing is said. */
export const BUNDLED_GUESTS: Readonly<Record<string, { readonly commandLine: string }>> = {
  hello: { commandLine: "" },
  ledger: { commandLine: "" },
  stress: { commandLine: "1 20" },
};

/** A guest's image, read and known to be bootable. */
export interface GuestSource {
  readonly name: string;
  readonly image: Uint8Array;
  readonly commandLine: string;
}

/**
 * Reads the guest `guest`: a bundled guest's name, or else a path.
 * @throws GuestError if it can't be read or booted
 */
export async function findGuest(guest: string, commandLine: string | undefined): Promise<GuestSource> {
  const bundled = Object.hasOwn(BUNDLED_GUESTS, guest) ? BUNDLED_GUESTS[guest] : undefined;
  const path = bundled === undefined
    ? guest
    : new URL(`../guests/images/${guest}.elf`, import.meta.url);
  let image: Uint8Array;
  try {
    image = await Deno.readFile(path);
  } catch (cause) {
    const names = Object.keys(BUNDLED_GUESTS).join(", ");
    throw new GuestError(
      `can't read the guest ${guest}: ${(cause as Error).message}; name a file, or one of ${names}`,
      { cause },
    );
  }
  parseImage(image, guest);
  return { name: guest, image, commandLine: commandLine ?? bundled?.commandLine ?? "" };
}

/** A machine's id if none was given: the guest's name without folders and ending. */
export function machineIdOf(guest: string): string {
  const name = guest.split("/").at(-1)!.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]/g, "-");
  if (name === "") throw new UsageError(`no machine id follows from ${guest}: give one with --id`);
  return name.slice(0, 64);
}
