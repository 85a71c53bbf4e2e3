/**
 * PVH boot: puts an image, its command line and its module into guest memory. `vcpu_state.ts` puts
 * the vCPU where such an image expects it.
 *
 * Source: Xen's `docs/misc/pvh.pandoc` and `public/arch-x86/hvm/start_info.h`.
 */
import { array, struct } from "../base/layout.ts";
import { GuestError, UsageError } from "../base/errors.ts";
import type { Image } from "./elf.ts";
import type { GuestMemory } from "./guest_memory.ts";
import {
  COMMAND_LINE_ADDRESS,
  COMMAND_LINE_BYTES_MAX,
  HIGH_MEMORY_START,
  LOW_MEMORY_END,
  MEMORY_MAP_ADDRESS,
  PAGE_BYTES,
  START_INFO_ADDRESS,
} from "./memory_map.ts";

const START_MAGIC = 0x336ec578;
const START_VERSION = 1;
const MEMORY_IS_RAM = 1;

const startInfo = struct("hvm_start_info", {
  magic: "u32",
  version: "u32",
  flags: "u32",
  nr_modules: "u32",
  modlist_paddr: "u64",
  cmdline_paddr: "u64",
  rsdp_paddr: "u64",
  memmap_paddr: "u64",
  memmap_entries: "u32",
  reserved: "u32",
}, 56);

const moduleEntry = struct("hvm_modlist_entry", {
  paddr: "u64",
  size: "u64",
  cmdline_paddr: "u64",
  reserved: "u64",
}, 32);

const memoryMapEntry = struct("hvm_memmap_table_entry", {
  addr: "u64",
  size: "u64",
  type: "u32",
  reserved: "u32",
}, 24);

const bootPage = struct("start_info_page", { info: startInfo, module: moduleEntry }, 88);
const memoryMap = struct("memory_map", { entry: array(memoryMapEntry, 2) }, 48);

/** What a guest boots from. */
export interface BootSource {
  readonly image: Image;
  /** What to call the image in errors. */
  readonly name: string;
  readonly commandLine: string;
  /** An initrd or the like, given to the guest as PVH module 0. */
  readonly module?: Uint8Array;
}

/**
 * Loads a guest into memory that is all zero.
 * @throws GuestError if the image does not fit into this memory, UsageError for a command line that
 *   is too long
 */
export function loadGuest(memory: GuestMemory, source: BootSource): void {
  const imageEnd = loadSegments(memory, source);
  const commandLine = new TextEncoder().encode(source.commandLine);
  if (commandLine.length >= COMMAND_LINE_BYTES_MAX) {
    throw new UsageError(
      `the command line has ${commandLine.length} bytes, expected at most ${
        COMMAND_LINE_BYTES_MAX - 1
      }`,
    );
  }
  memory.write(COMMAND_LINE_ADDRESS, commandLine);

  const page = new Uint8Array(bootPage.size);
  const view = bootPage.view(page);
  bootPage.set(view, "info.magic", START_MAGIC);
  bootPage.set(view, "info.version", START_VERSION);
  bootPage.set(view, "info.cmdline_paddr", BigInt(COMMAND_LINE_ADDRESS));
  bootPage.set(view, "info.memmap_paddr", BigInt(MEMORY_MAP_ADDRESS));
  bootPage.set(view, "info.memmap_entries", 2);
  if (source.module !== undefined) {
    const address = Math.ceil(imageEnd / PAGE_BYTES) * PAGE_BYTES;
    if (address + source.module.length > memory.bytes.length) {
      throw tooLarge(source.name, address + source.module.length, memory, "with its module ");
    }
    memory.write(address, source.module);
    bootPage.set(view, "info.nr_modules", 1);
    bootPage.set(view, "info.modlist_paddr", BigInt(START_INFO_ADDRESS + startInfo.size));
    bootPage.set(view, "module.paddr", BigInt(address));
    bootPage.set(view, "module.size", BigInt(source.module.length));
  }
  memory.write(START_INFO_ADDRESS, page);
  memory.write(MEMORY_MAP_ADDRESS, describeMemory(memory.bytes.length));
}

/** Copies the image; returns the address where it ends. */
function loadSegments(memory: GuestMemory, { image, name }: BootSource): number {
  let imageEnd = 0;
  for (const { address, bytes, memoryBytes } of image.segments) {
    if (address < HIGH_MEMORY_START) {
      throw new GuestError(
        `${name} wants to be loaded at 0x${address.toString(16)}, expected nothing below 0x${
          HIGH_MEMORY_START.toString(16)
        }`,
      );
    }
    if (!(address + memoryBytes <= memory.bytes.length)) {
      throw tooLarge(name, address + memoryBytes, memory, "");
    }
    memory.write(address, bytes);
    imageEnd = Math.max(imageEnd, address + memoryBytes);
  }
  return imageEnd;
}

function tooLarge(name: string, end: number, memory: GuestMemory, what: string): GuestError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)}M`;
  return new GuestError(
    `${name} ${what}ends at ${mib(end)}, but the guest has ${
      mib(memory.bytes.length)
    } of memory: give it more with --memory`,
  );
}

function describeMemory(memoryBytes: number): Uint8Array<ArrayBuffer> {
  const table = new Uint8Array(memoryMap.size);
  const view = memoryMap.view(table);
  memoryMap.set(view, "entry.0.addr", 0n);
  memoryMap.set(view, "entry.0.size", BigInt(LOW_MEMORY_END));
  memoryMap.set(view, "entry.0.type", MEMORY_IS_RAM);
  memoryMap.set(view, "entry.1.addr", BigInt(HIGH_MEMORY_START));
  memoryMap.set(view, "entry.1.size", BigInt(memoryBytes - HIGH_MEMORY_START));
  memoryMap.set(view, "entry.1.type", MEMORY_IS_RAM);
  return table;
}
