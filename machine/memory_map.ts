/**
 * Where things are in the guest's physical address space. One file, so that nothing overlaps unseen.
 *
 * ```
 * 0x0000_0000  ┌─────────────────────────────┐
 * 0x0000_6000  │ PVH start info, module list │
 * 0x0000_7000  │ PVH memory map              │
 * 0x0002_0000  │ kernel command line         │
 * 0x0009_fc00  ├─ end of low memory ─────────┤
 * 0x000a_0000  │ (legacy hole, not RAM in    │
 *              │  the map that guests see)   │
 * 0x0010_0000  ├─────────────────────────────┤
 *              │ the guest's image, from its │
 *              │ own ELF addresses; then the │
 *              │ module, page aligned        │
 * memory size  ├─────────────────────────────┤  at most 2047 MiB
 * 0xc000_0000  │ nothing: MMIO exits         │
 * 0xd000_0000  │ the network card, if there  │
 *              │ is one (devices/board.ts)   │
 * 0xfffb_d000  │ KVM's TSS and identity map  │
 * 0x1_0000_0000└─────────────────────────────┘
 * ```
 */

/** Bytes of a page: KVM's dirty log and our digests count in these. */
export const PAGE_BYTES = 4096;
/** PVH `hvm_start_info`, followed by the module list. */
export const START_INFO_ADDRESS = 0x6000;
/** The table of `hvm_memmap_table_entry` that the start info points to. */
export const MEMORY_MAP_ADDRESS = 0x7000;
/** The command line, zero terminated. */
export const COMMAND_LINE_ADDRESS = 0x20000;
/** The longest command line, its terminating zero included (Linux: COMMAND_LINE_SIZE on x86). */
export const COMMAND_LINE_BYTES_MAX = 2048;
/** End of usable memory below the legacy hole: the last KiB is the EBDA's by tradition. */
export const LOW_MEMORY_END = 0x9fc00;
/** Where memory goes on above the legacy hole; no image may lie below. */
export const HIGH_MEMORY_START = 0x100000;
/**
 * Guest memory is one region below the MMIO hole, and one typed array: V8 takes a length of 2 GiB or more
 * for a negative one once it has optimised the code for smaller ones.
 */
export const GUEST_MEMORY_BYTES_MAX = 0x7ff0_0000;
/** The least that holds the boot structures and a small image. */
export const GUEST_MEMORY_BYTES_MIN = 0x200000;
/** Three pages that KVM on Intel needs for real mode, in no guest's way. */
export const KVM_TSS_ADDRESS = 0xfffb_d000;
