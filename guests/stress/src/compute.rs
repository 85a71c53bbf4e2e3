//! Work of the processor alone, whose state must survive exits and state transfers: SSE and x87
//! registers, memory, and long stretches without an exit.

use crate::bench::Bench;
use core::arch::asm;
use core::arch::x86_64::{
    __m128i, _mm_add_epi64, _mm_cvtsd_f64, _mm_mul_epu32, _mm_set_sd, _mm_set1_epi64x,
    _mm_shuffle_epi32, _mm_sqrt_sd, _mm_xor_si128,
};

const PAGE_WORDS: usize = 4096 / size_of::<u64>();

/// Doubles, by SSE and by x87 (a value that stays in its register over an exit).
pub fn floats(bench: &mut Bench) {
    let mut x = 1.0 + bench.draw(1 << 20) as f64 / 7.0;
    for step in 1..500u32 {
        // SAFETY: SSE2 is part of x86-64.
        let root = unsafe { _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(0.0), _mm_set_sd(x))) };
        x = x * 1.000_1 + root / f64::from(step) - 0.125;
    }
    bench.fold(x.to_bits());
    let mut y = x;
    // SAFETY: pushes one x87 register and pops it again.
    unsafe {
        asm!("fld qword ptr [{0}]", "fsqrt", "fld1", "faddp", "out 0x80, al", "fstp qword ptr [{0}]",
            in(reg) &raw mut y, out("st(0)") _, out("st(1)") _, in("al") 0u8, options(nostack));
    }
    bench.fold(y.to_bits());
}

/// Integers in SSE registers, all 16 of them kept over an exit.
pub fn vectors(bench: &mut Bench) {
    let mut words = [0u64; 32];
    words.fill_with(|| bench.random());
    // SAFETY: reads and writes the 256 bytes of the array.
    unsafe {
        asm!(
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "movups xmm\\n, [{0} + 16 * \\n]",
            ".endr",
            "out 0x80, al",
            "paddq xmm0, xmm15",
            "pmuludq xmm1, xmm14",
            "pxor xmm2, xmm13",
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "movups [{0} + 16 * \\n], xmm\\n",
            ".endr",
            in(reg) words.as_mut_ptr(), in("al") 0u8,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _,
            out("xmm5") _, out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _,
            out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _,
            out("xmm15") _, options(nostack)
        );
    }
    for word in words {
        bench.fold(word);
    }
    // SAFETY: SSE2 is part of x86-64.
    let [low, high] = unsafe {
        let mut sum: __m128i = _mm_set1_epi64x(words[0] as i64);
        for word in words {
            let other = _mm_set1_epi64x(word as i64);
            let product = _mm_mul_epu32(sum, other);
            sum =
                _mm_add_epi64(_mm_xor_si128(product, other), _mm_shuffle_epi32(sum, 0b01_10_11_00));
        }
        core::mem::transmute::<__m128i, [u64; 2]>(sum)
    };
    bench.fold(low);
    bench.fold(high);
}

/// Writes on many pages, each depending on what was there.
pub fn pages(bench: &mut Bench) {
    let pages = (bench.memory.len() / PAGE_WORDS) as u64;
    for _ in 0..64 {
        let page = bench.draw(pages) as usize * PAGE_WORDS;
        for _ in 0..4 {
            let (word, value) = (page + bench.draw(PAGE_WORDS as u64) as usize, bench.random());
            let before = bench.memory[word];
            bench.memory[word] = before.rotate_left(7) ^ value;
            bench.fold(before);
        }
    }
}

/// A stretch without an exit, about a millisecond long; once in a while a longer one.
pub fn stretch(bench: &mut Bench) {
    let steps = if bench.draw(16) == 0 { 20_000_000 } else { 300_000 };
    let mut x = bench.random() | 1;
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    bench.fold(x);
}
