//! The memory of keys, values, and of commands and replies that wait: blocks of one size, chained. Nothing
//! fragments, nothing is copied to make room, and what is free is known to the block.
//!
//! Blocks that were never used are never touched: a machine's state is as large as what it holds.

use crate::Full;
use alloc::vec::Vec;

/// A block with its link; a power of two that a short key and its value fill.
pub(crate) const BLOCK_BYTES: usize = 64;
/// What a block holds besides its link.
pub(crate) const PAYLOAD_BYTES: usize = BLOCK_BYTES - 4;
/// The link of a chain's last block.
pub(crate) const NONE: u32 = u32::MAX;

struct Block {
    next: u32,
    payload: [u8; PAYLOAD_BYTES],
}

/// A string of bytes in blocks. Has to go back to its pool ([`Pool::release`]).
#[derive(Debug)]
pub(crate) struct Chain {
    /// The first block; of no meaning without bytes.
    pub first: u32,
    /// Bytes of the first block that were already taken off its front.
    pub start: usize,
    /// The string's length.
    pub bytes: usize,
}

impl Chain {
    /// Of no bytes, and so of no block.
    pub const EMPTY: Self = Self { first: NONE, start: 0, bytes: 0 };

    fn blocks(&self) -> usize {
        blocks_for(self.start + self.bytes)
    }
}

/// Number of blocks that so many bytes take.
pub(crate) fn blocks_for(bytes: usize) -> usize {
    bytes.div_ceil(PAYLOAD_BYTES)
}

/// All blocks.
pub(crate) struct Pool {
    blocks: Vec<Block>,
    capacity: usize,
    /// The first of those that came back.
    free: u32,
    used: usize,
}

impl Pool {
    /// A pool that grows to so many blocks, of which the memory is taken at once.
    pub fn new(capacity: usize) -> Self {
        Self { blocks: Vec::with_capacity(capacity), capacity, free: NONE, used: 0 }
    }

    /// Number of blocks in chains.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Number of blocks that are in no chain.
    pub fn unused(&self) -> usize {
        self.capacity - self.used
    }

    /// Appends all of the bytes or, if that left fewer than `spare` blocks, none.
    pub fn append(&mut self, chain: &mut Chain, bytes: &[u8], spare: usize) -> Result<(), Full> {
        let length = chain.start + chain.bytes;
        let more = blocks_for(length + bytes.len()) - blocks_for(length);
        if more + spare > self.unused() {
            return Err(Full);
        }
        let mut last = self.block_at(chain, length);
        let mut offset = length - length.saturating_sub(1) / PAYLOAD_BYTES * PAYLOAD_BYTES;
        let mut rest = bytes;
        while !rest.is_empty() {
            if last == NONE || offset == PAYLOAD_BYTES {
                let block = self.take();
                match last {
                    NONE => chain.first = block,
                    last => self.blocks[last as usize].next = block,
                }
                (last, offset) = (block, 0);
            }
            let (part, left) = rest.split_at(rest.len().min(PAYLOAD_BYTES - offset));
            self.blocks[last as usize].payload[offset..offset + part.len()].copy_from_slice(part);
            offset += part.len();
            rest = left;
        }
        chain.bytes += bytes.len();
        Ok(())
    }

    /// Hands `take` the bytes from `from` on, in pieces, until it has them all or says false.
    pub fn read(&self, chain: &Chain, from: usize, mut take: impl FnMut(&[u8]) -> bool) {
        let mut position = chain.start + from;
        let end = chain.start + chain.bytes;
        let mut block = chain.first;
        for _ in 0..position / PAYLOAD_BYTES {
            if position < end {
                block = self.blocks[block as usize].next;
            }
        }
        while position < end {
            let Block { next, payload } = &self.blocks[block as usize];
            let offset = position % PAYLOAD_BYTES;
            let part = &payload[offset..PAYLOAD_BYTES.min(offset + end - position)];
            if !take(part) {
                return;
            }
            position += part.len();
            block = *next;
        }
    }

    /// Takes so many bytes, which are there, off the front.
    pub fn drop_front(&mut self, chain: &mut Chain, bytes: usize) {
        let blocks = chain.blocks();
        chain.start += bytes;
        chain.bytes -= bytes;
        let gone = if chain.bytes == 0 { blocks } else { chain.start / PAYLOAD_BYTES };
        for _ in 0..gone {
            let block = chain.first;
            chain.first = self.blocks[block as usize].next;
            self.give_back(block);
        }
        chain.start %= PAYLOAD_BYTES;
        if chain.bytes == 0 {
            *chain = Chain::EMPTY;
        }
    }

    /// Takes the chain back.
    pub fn release(&mut self, mut chain: Chain) {
        let bytes = chain.bytes;
        self.drop_front(&mut chain, bytes);
    }

    /// A block's payload.
    pub fn payload(&self, block: u32) -> &[u8; PAYLOAD_BYTES] {
        &self.blocks[block as usize].payload
    }

    /// A block's payload, to be changed.
    pub fn payload_mut(&mut self, block: u32) -> &mut [u8; PAYLOAD_BYTES] {
        &mut self.blocks[block as usize].payload
    }

    /// The last block of the first `length` bytes.
    fn block_at(&self, chain: &Chain, length: usize) -> u32 {
        let mut block = if length == 0 { NONE } else { chain.first };
        for _ in 1..blocks_for(length) {
            block = self.blocks[block as usize].next;
        }
        block
    }

    /// A block that is there: whoever takes one has asked.
    fn take(&mut self) -> u32 {
        self.used += 1;
        if self.free == NONE {
            self.blocks.push(Block { next: NONE, payload: [0; PAYLOAD_BYTES] });
            return (self.blocks.len() - 1) as u32;
        }
        let block = self.free;
        self.free = self.blocks[block as usize].next;
        self.blocks[block as usize].next = NONE;
        block
    }

    fn give_back(&mut self, block: u32) {
        self.used -= 1;
        self.blocks[block as usize].next = self.free;
        self.free = block;
    }
}
