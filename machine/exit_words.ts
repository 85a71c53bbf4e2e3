/**
 * The numbers of the kinds of exit, as the checksum of the exit sequence and the trail have them. Both sides must
 * mean the same by them.
 */

/** A number a kind. */
export const EXIT_WORD = {
  io: 1,
  mmio: 2,
  rdmsr: 3,
  wrmsr: 4,
  hlt: 5,
  "irq-window": 6,
  shutdown: 7,
  "fail-entry": 8,
  "internal-error": 9,
  "system-event": 10,
  debug: 11,
  unknown: 12,
} as const;
