//! The encoder of page batches: takes pages one by one, and chooses how to say each.

use alloc::boxed::Box;
use alloc::vec::Vec;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

use crate::changes::{MAX_CHANGES_BYTES, find_changes, is_zero};
use crate::misuse::Misuse;
use crate::page::{
    KIND_BITS, Kind, LENGTH_BYTES, MAX_BATCH_BYTES, MAX_BATCH_PAGES, PAGE_BYTES, Page, TAG_SKIP,
};
use crate::varint::{MAX_VARINT_BYTES, varint};

/// The most bytes of a record.
pub const MAX_RECORD_BYTES: usize = 1 + MAX_VARINT_BYTES + PAGE_BYTES;
/// Changes up to this many bytes are taken as they are: packing would cost as much time as all else
/// does, to save bytes that hardly count.
const FEW_CHANGES_BYTES: usize = 256;
/// From here on so much of the page differs that it is packed by itself.
const MANY_CHANGES_BYTES: usize = PAGE_BYTES / 4 * 3;

/// The open batch. It allocates what it needs when it is made, and nothing any more.
pub struct PageEncoder {
    batch: Vec<u8>,
    pages: usize,
    /// The page that a skip of 0 would mean.
    next_page: u64,
    changes: Box<[u8; MAX_CHANGES_BYTES]>,
    packed: Vec<u8>,
    table: CompressTable,
}

impl Default for PageEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl PageEncoder {
    /// An encoder with an empty batch open.
    pub fn new() -> PageEncoder {
        PageEncoder {
            batch: Vec::with_capacity(MAX_BATCH_BYTES),
            pages: 0,
            next_page: 0,
            changes: Box::new([0; MAX_CHANGES_BYTES]),
            packed: alloc::vec![0; get_maximum_output_size(PAGE_BYTES)],
            table: CompressTable::small(),
        }
    }

    /// The batch so far.
    pub fn batch(&self) -> &[u8] {
        &self.batch
    }

    /// How many pages it has.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// How many pages fit for sure, whatever they are.
    pub fn room(&self) -> usize {
        let free = MAX_BATCH_BYTES - self.batch.len();
        (free / MAX_RECORD_BYTES).min(MAX_BATCH_PAGES - self.pages)
    }

    /// Forgets the batch and opens an empty one.
    pub fn reset(&mut self) {
        self.batch.clear();
        (self.pages, self.next_page) = (0, 0);
    }

    /// Appends a page, as changes to `base` if that is given and it pays; says with which kind of
    /// record, or with none because it is as its base. Pages come in ascending order.
    pub fn page(
        &mut self,
        number: u32,
        page: &Page,
        base: Option<&Page>,
    ) -> Result<Option<Kind>, Misuse> {
        let number = u64::from(number);
        let Some(skip) = number.checked_sub(self.next_page) else {
            return Err(Misuse::PageBackwards { page: number, next: self.next_page });
        };
        if self.room() == 0 {
            return Err(Misuse::Full { bytes: PAGE_BYTES });
        }
        let changed = match base {
            Some(base) => find_changes(page, base, &mut self.changes),
            None => MAX_CHANGES_BYTES,
        };
        if changed == 0 {
            return Ok(None);
        }
        let kind = self.choose(page, changed);
        self.begin(kind.0, skip, number);
        match kind {
            (Kind::Zero, _) => (),
            (Kind::Raw, _) => self.batch.extend_from_slice(page),
            (kind, length) => {
                self.batch.extend_from_slice(&(length as u16).to_le_bytes());
                let bytes = if kind == Kind::Changed { &self.changes[..] } else { &self.packed };
                self.batch.extend_from_slice(&bytes[..length]);
            }
        }
        Ok(Some(kind.0))
    }

    /// How to say a page of which `changed` bytes of changes are known, and in how many bytes.
    fn choose(&mut self, page: &Page, changed: usize) -> (Kind, usize) {
        if is_zero(page) {
            return (Kind::Zero, 0);
        }
        if changed <= FEW_CHANGES_BYTES {
            return (Kind::Changed, changed);
        }
        if changed < MANY_CHANGES_BYTES {
            let packed = pack(&self.changes[..changed], &mut self.packed, &mut self.table);
            return match packed {
                Some(packed) if packed < changed => (Kind::ChangedPacked, packed),
                _ => (Kind::Changed, changed),
            };
        }
        match pack(page, &mut self.packed, &mut self.table) {
            Some(packed) if packed + LENGTH_BYTES < PAGE_BYTES => (Kind::Packed, packed),
            _ => (Kind::Raw, PAGE_BYTES),
        }
    }

    fn begin(&mut self, kind: Kind, skip: u64, number: u64) {
        self.batch.push((skip.min(TAG_SKIP) as u8) << KIND_BITS | kind.code());
        if skip >= TAG_SKIP {
            let (bytes, length) = varint(skip - TAG_SKIP);
            self.batch.extend_from_slice(&bytes[..length]);
        }
        self.next_page = number + 1;
        self.pages += 1;
    }
}

/// Packs `bytes`, of which there are no more than a page's, and returns how many they are then. It
/// can't fail: there is room for the worst case.
fn pack(bytes: &[u8], out: &mut [u8], table: &mut CompressTable) -> Option<usize> {
    compress_into_with_table(bytes, out, table).ok()
}
