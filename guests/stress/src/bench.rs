//! What the exercises share: random numbers, the checksum, counted port accesses, memory.

use alloc::{vec, vec::Vec};
use runtime::{interrupts, port};

/// The ports exercised. A wide access counts for its first port.
const PORTS: [u16; 26] = [
    0x20, 0x21, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0xa0, 0xa1, 0xf4,
    0x300, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0x4d0, 0x4d1,
];

/// Bytes of memory that the exercises write to: many pages.
const MEMORY_BYTES: usize = 4 << 20;

#[derive(Clone, Copy, Default)]
struct Accesses {
    reads: u64,
    writes: u64,
}

/// The state of a run.
pub struct Bench {
    random: u64,
    checksum: u64,
    accesses: [Accesses; PORTS.len()],
    /// For [`crate::compute::pages`].
    pub memory: Vec<u64>,
}

impl Bench {
    /// A run with its seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: seed,
            checksum: 0xcbf2_9ce4_8422_2325,
            accesses: [Accesses::default(); PORTS.len()],
            memory: vec![0; MEMORY_BYTES / size_of::<u64>()],
        }
    }

    /// The next 64 random bits (splitmix64).
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A random number from 0 to `below` - 1.
    pub fn draw(&mut self, below: u64) -> u64 {
        self.random() % below
    }

    /// A random byte.
    pub fn byte(&mut self) -> u8 {
        self.random() as u8
    }

    /// Folds a value into the checksum (FNV-1a's step on 64 bits, rotated so that high bits count).
    pub fn fold(&mut self, value: u64) {
        self.checksum = (self.checksum ^ value).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
    }

    /// Folds in how many interrupts there were: when they come is what a replay must repeat.
    pub fn fold_interrupts(&mut self) {
        self.fold(interrupts::total());
    }

    /// The checksum of all that was folded in so far.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// Every port exercised with its reads and writes.
    pub fn ports(&self) -> impl Iterator<Item = (u16, u64, u64)> {
        PORTS.iter().zip(&self.accesses).map(|(&port, of)| (port, of.reads, of.writes))
    }

    fn accesses(&mut self, port: u16) -> &mut Accesses {
        let index = PORTS.iter().position(|&known| known == port).expect("a port of the list");
        &mut self.accesses[index]
    }

    /// Reads a byte; like all reads it is counted and folded in.
    pub fn read8(&mut self, port: u16) -> u8 {
        self.accesses(port).reads += 1;
        let value = port::read8(port);
        self.fold(value.into());
        value
    }

    /// Reads 16 bits.
    pub fn read16(&mut self, port: u16) {
        self.accesses(port).reads += 1;
        self.fold(port::read16(port).into());
    }

    /// Reads 32 bits.
    pub fn read32(&mut self, port: u16) {
        self.accesses(port).reads += 1;
        self.fold(port::read32(port).into());
    }

    /// Writes a byte; like all writes it is counted.
    pub fn write8(&mut self, port: u16, value: u8) {
        self.accesses(port).writes += 1;
        port::write8(port, value);
    }

    /// Writes 16 bits.
    pub fn write16(&mut self, port: u16, value: u16) {
        self.accesses(port).writes += 1;
        port::write16(port, value);
    }

    /// Writes 32 bits.
    pub fn write32(&mut self, port: u16, value: u32) {
        self.accesses(port).writes += 1;
        port::write32(port, value);
    }
}
