//! What the attacks share: random numbers, the checksum of all that was read, and accesses that may fail.

use crate::ring0;
use alloc::{vec, vec::Vec};
use runtime::{attempt, start_info};

/// How wide an access is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// A byte.
    Byte,
    /// 2 bytes.
    Word,
    /// 4 bytes.
    Long,
    /// 8 bytes; not for ports.
    Quad,
    /// 16 bytes; not for ports.
    Wide,
}

/// The widths that ports have.
pub const PORT_WIDTHS: [Width; 3] = [Width::Byte, Width::Word, Width::Long];
const WIDTHS: [Width; 5] = [Width::Byte, Width::Word, Width::Long, Width::Quad, Width::Wide];

/// Ports at which a write of any value may end the guest.
const DEADLY: [u16; 3] = [0xf4, 0x60, 0x64];

/// The state of a course of attacks.
pub struct Course {
    random: u64,
    checksum: u64,
    /// Where RAM ends.
    pub ram_end: u64,
    /// RAM that nothing depends on.
    pub spare: Vec<u8>,
}

impl Course {
    /// A course with its seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: seed,
            checksum: 0xcbf2_9ce4_8422_2325,
            ram_end: (start_info::memory_bytes() + (1 << 20) - 1) >> 20 << 20,
            spare: vec![0; 1 << 20],
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

    /// One of several.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.draw(choices.len() as u64) as usize]
    }

    /// Folds a value into the checksum.
    pub fn fold(&mut self, value: u64) {
        self.checksum = (self.checksum ^ value).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
    }

    /// The checksum of all that was folded in so far.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// A random width of memory accesses.
    pub fn width(&mut self) -> Width {
        self.pick(&WIDTHS)
    }

    /// Reads a port. (A host may refuse wide accesses to the last ports.)
    pub fn read_port(&mut self, port: u16, width: Width) {
        let mut value = 0u64;
        // SAFETY: no device writes memory; goes on behind an exception.
        let went_well = unsafe {
            match width {
                Width::Byte => attempt!(["in al, dx"], in("dx") port, inout("rax") value),
                Width::Word => attempt!(["in ax, dx"], in("dx") port, inout("rax") value),
                _ => attempt!(["in eax, dx"], in("dx") port, inout("rax") value),
            }
        };
        self.fold(value);
        self.note(went_well);
    }

    /// Writes a port, whatever comes of it.
    pub fn write_port(&mut self, port: u16, width: Width, value: u64) {
        // SAFETY: as in read_port.
        let went_well = unsafe {
            match width {
                Width::Byte => attempt!(["out dx, al"], in("dx") port, in("rax") value),
                Width::Word => attempt!(["out dx, ax"], in("dx") port, in("rax") value),
                _ => attempt!(["out dx, eax"], in("dx") port, in("rax") value),
            }
        };
        self.note(went_well);
    }

    /// Reads or writes a port, but no write that is likely to end the guest.
    pub fn touch_port(&mut self, port: u16, width: Width) {
        let bytes = match width {
            Width::Byte => 1,
            Width::Word => 2,
            _ => 4,
        };
        let value = self.random();
        let is_deadly = (0..bytes).any(|at| DEADLY.contains(&port.wrapping_add(at)));
        if value >> 63 == 0 || is_deadly {
            self.read_port(port, width);
        } else {
            self.write_port(port, width, value);
        }
    }

    /// Reads memory at any address; what was there, or the vector of the exception, counts.
    pub fn load(&mut self, address: u64, width: Width) {
        let (mut low, mut high) = (0u64, 0u64);
        // SAFETY: reads, and goes on behind an exception.
        let went_well = unsafe {
            match width {
                Width::Byte => {
                    attempt!(["movzx eax, byte ptr [rdi]"], in("rdi") address, inout("rax") low)
                }
                Width::Word => {
                    attempt!(["movzx eax, word ptr [rdi]"], in("rdi") address, inout("rax") low)
                }
                Width::Long => {
                    attempt!(["mov eax, dword ptr [rdi]"], in("rdi") address, inout("rax") low)
                }
                Width::Quad => {
                    attempt!(["mov rax, qword ptr [rdi]"], in("rdi") address, inout("rax") low)
                }
                Width::Wide => attempt!(
                    ["movups xmm0, [rdi]", "movq rax, xmm0", "psrldq xmm0, 8", "movq rdx, xmm0"],
                    in("rdi") address, inout("rax") low, inout("rdx") high, out("xmm0") _
                ),
            }
        };
        self.fold(low);
        self.fold(high);
        self.note(went_well);
    }

    /// Writes memory at an address that nothing depends on, or that is none.
    pub fn store(&mut self, address: u64, width: Width, value: u64) {
        // SAFETY: the caller's choice of address; goes on behind an exception.
        let went_well = unsafe {
            match width {
                Width::Byte => {
                    attempt!(["mov byte ptr [rdi], al"], in("rdi") address, in("rax") value)
                }
                Width::Word => {
                    attempt!(["mov word ptr [rdi], ax"], in("rdi") address, in("rax") value)
                }
                Width::Long => {
                    attempt!(["mov dword ptr [rdi], eax"], in("rdi") address, in("rax") value)
                }
                Width::Quad => {
                    attempt!(["mov qword ptr [rdi], rax"], in("rdi") address, in("rax") value)
                }
                Width::Wide => attempt!(
                    ["movq xmm0, rax", "punpcklqdq xmm0, xmm0", "movups [rdi], xmm0"],
                    in("rdi") address, in("rax") value, out("xmm0") _
                ),
            }
        };
        self.note(went_well);
    }

    /// Folds in whether an attempt went well, and if not, which exception it met.
    pub fn note(&mut self, went_well: bool) {
        self.fold(if went_well { 0x100 } else { ring0::last_vector() });
    }

    /// Runs code in ring 0 and folds in what came of it.
    pub fn ring0(&mut self, code: ring0::Code, index: u64, value: u64) {
        match ring0::run(code, index, value) {
            Ok(value) => self.fold(value),
            Err(vector) => self.fold(vector),
        }
    }
}
