/**
 * The bits of the 16550A's registers, by the names of National's PC16550D data sheet.
 *
 * Only those that mean something to this model: there is no DMA, no parity, no baud rate. Called by
 * uart.ts.
 */

/** Interrupt enable register. */
export const IER = { received: 0x01, thrEmpty: 0x02, lineStatus: 0x04, modemStatus: 0x08 } as const;

/** Interrupt identification register: the most urgent one, and whether the FIFOs are on. */
export const IIR = {
  none: 0x01,
  lineStatus: 0x06,
  received: 0x04,
  timeout: 0x0c,
  thrEmpty: 0x02,
  modemStatus: 0x00,
  fifoEnabled: 0xc0,
} as const;

/** FIFO control register. */
export const FCR = { enable: 0x01, clearReceiver: 0x02 } as const;

/** Line control register. */
export const LCR = { dlab: 0x80 } as const;

/** Line status register; the transmitter's two bits (THRE, TEMT) always go together here. */
export const LSR = { ready: 0x01, overrun: 0x02, transmitterEmpty: 0x60 } as const;

/** Modem control register: four outputs, and loopback mode. */
export const MCR = { dtr: 0x01, rts: 0x02, out1: 0x04, out2: 0x08, loop: 0x10 } as const;

/** Modem status register: four inputs, and in the low half whether each has changed. */
export const MSR = {
  cts: 0x10,
  dsr: 0x20,
  ri: 0x40,
  dcd: 0x80,
  changes: 0x0f,
  /** The inputs with a modem that is ready. */
  modemPresent: 0xb0,
} as const;
