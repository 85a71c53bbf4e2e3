//! The two 8259A PICs as ring 3 uses them. Their start is in ring 0 (interrupts.s).

use crate::port;

/// The first PIC's mask register: lines 0 to 7.
pub const MASK: u16 = 0x21;
/// The second PIC's mask register: lines 8 to 15.
pub const SECOND_MASK: u16 = 0xa1;
/// The line by which the second PIC reaches the first.
const CASCADE: u8 = 2;

/// The local APIC, where there is one: software enable, and its pin for the PIC's interrupts.
const APIC_SPURIOUS: *mut u32 = 0xfee0_00f0 as *mut u32;
const APIC_PIN0: *mut u32 = 0xfee0_0350 as *mut u32;

/// Lets the PIC through a local APIC ("virtual wire"), which firmware does on a PC and nobody does for a
/// PVH kernel. In a machine without a local APIC the writes go nowhere.
pub(crate) fn connect() {
    // SAFETY: no machine has RAM there, and the identity map covers it.
    unsafe {
        APIC_SPURIOUS.write_volatile(0x1ff);
        APIC_PIN0.write_volatile(0x700);
    }
}

/// Lets a line (0 to 15) interrupt, at vector 0x20 + line.
pub fn unmask(line: u8) {
    if line >= 8 {
        port::write8(SECOND_MASK, port::read8(SECOND_MASK) & !(1 << (line - 8)));
        unmask(CASCADE);
    } else {
        port::write8(MASK, port::read8(MASK) & !(1 << line));
    }
}

/// Keeps every line from interrupting.
pub fn mask_all() {
    port::write8(MASK, 0xff);
    port::write8(SECOND_MASK, 0xff);
}
