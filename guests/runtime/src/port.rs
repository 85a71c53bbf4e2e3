//! Port I/O: one instruction, one exit each. No string forms.

use core::arch::asm;

/// Reads a byte from a port.
pub fn read8(port: u16) -> u8 {
    let value: u8;
    // SAFETY: IOPL 3 allows it; no device here writes memory on a port access.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack)) }
    value
}

/// Reads 16 bits from a port.
pub fn read16(port: u16) -> u16 {
    let value: u16;
    // SAFETY: as in read8.
    unsafe { asm!("in ax, dx", in("dx") port, out("ax") value, options(nomem, nostack)) }
    value
}

/// Reads 32 bits from a port.
pub fn read32(port: u16) -> u32 {
    let value: u32;
    // SAFETY: as in read8.
    unsafe { asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack)) }
    value
}

/// Writes a byte to a port.
pub fn write8(port: u16, value: u8) {
    // SAFETY: as in read8.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack)) }
}

/// Writes 16 bits to a port.
pub fn write16(port: u16, value: u16) {
    // SAFETY: as in read8.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nomem, nostack)) }
}

/// Writes 32 bits to a port.
pub fn write32(port: u16, value: u32) {
    // SAFETY: as in read8.
    unsafe { asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack)) }
}
