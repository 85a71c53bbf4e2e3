//! What is there, only to be looked at, and what isn't there: ports and addresses that no device claims.

use crate::bench::Bench;
use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

/// An address that is neither RAM nor a device.
const HOLE: usize = 0xd000_0000;

/// The keyboard controller's status, the debug exit's, and ports of nobody, in all widths.
pub fn ports(bench: &mut Bench) {
    for port in [0x64, 0x60, 0x61, 0xf4, 0x300, 0x80] {
        bench.read8(port);
    }
    let value = bench.random() as u32;
    bench.write8(0x80, value as u8);
    bench.write8(0x300, value as u8);
    bench.write16(0x300, value as u16);
    bench.write32(0x300, value);
    bench.read16(0x300);
    bench.read32(0x300);
}

/// Memory of nobody, in all widths, up to the 16 bytes of an SSE register.
pub fn memory(bench: &mut Bench) {
    let value = bench.random();
    let address = HOLE + bench.draw(64) as usize * 64;
    // SAFETY: the identity map covers it, and there is no memory that anything else could own.
    unsafe {
        (address as *mut u8).write_volatile(value as u8);
        (address as *mut u16).write_volatile(value as u16);
        (address as *mut u32).write_volatile(value as u32);
        (address as *mut u64).write_volatile(value);
        bench.fold((address as *const u8).read_volatile().into());
        bench.fold((address as *const u16).read_volatile().into());
        bench.fold((address as *const u32).read_volatile().into());
        bench.fold((address as *const u64).read_volatile());
        let wide: *mut __m128i = core::hint::black_box(address as *mut __m128i);
        let read = core::hint::black_box(_mm_loadu_si128(wide));
        let [low, high]: [u64; 2] = core::mem::transmute(read);
        bench.fold(low);
        bench.fold(high);
        _mm_storeu_si128(wide, read);
    }
}
