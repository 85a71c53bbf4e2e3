//! The decoder of page batches: a batch is scanned, which proves its records, and then decoded record
//! by record.

use lz4_flex::block::decompress_into;

use crate::changes::{MAX_CHANGES_BYTES, apply_changes};
use crate::fault::{Fault, Reason};
use crate::page::{
    KIND_BITS, Kind, LENGTH_BYTES, MAX_BATCH_BYTES, MAX_BATCH_PAGES, PAGE_BYTES, Page, TAG_SKIP,
};
use crate::varint::read_varint;

/// One page of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The page's number.
    pub page: u32,
    /// How the record says what the page is; none in no batch.
    pub kind: Option<Kind>,
    offset: usize,
    length: usize,
}

/// Where a reader is in the records of one batch. It borrows nothing; it is to be used with that
/// batch, and that size of memory, only.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageCursor {
    offset: usize,
    next_page: u64,
    pages: usize,
}

/// Checks the records of a batch for a memory of `memory_pages` pages (their kinds, lengths, order
/// and number) and returns a cursor at the first, with which [`PageCursor::next`] does not fail
/// any more. What a record carries is checked by [`Record::decode`].
pub fn open_pages(batch: &[u8], memory_pages: u32) -> Result<PageCursor, Fault> {
    if batch.len() > MAX_BATCH_BYTES {
        let (found, most) = (batch.len() as u64, MAX_BATCH_BYTES as u64);
        return Err(Fault::new(Reason::BatchLength, 0, found, most).of_pages());
    }
    let start = PageCursor::default();
    let mut cursor = start;
    while cursor.next(batch, memory_pages)?.is_some() {}
    Ok(start)
}

impl PageCursor {
    /// The next record; none at the end.
    pub fn next(&mut self, batch: &[u8], memory_pages: u32) -> Result<Option<Record>, Fault> {
        self.read(batch, memory_pages).map_err(Fault::of_pages)
    }

    fn read(&mut self, batch: &[u8], memory_pages: u32) -> Result<Option<Record>, Fault> {
        let start = self.offset;
        let Some(&tag) = batch.get(start) else { return Ok(None) };
        if self.pages == MAX_BATCH_PAGES {
            let most = MAX_BATCH_PAGES as u64;
            return Err(Fault::new(Reason::PageCount, start, most + 1, most));
        }
        let code = tag & ((1 << KIND_BITS) - 1);
        let Some(kind) = Kind::of_code(code) else {
            let last = Kind::ChangedPacked.code();
            return Err(Fault::new(Reason::PageKind, start, code.into(), last.into()));
        };
        let mut offset = start + 1;
        let mut skip = u64::from(tag >> KIND_BITS);
        if skip == TAG_SKIP {
            skip += read_varint(batch, &mut offset)?;
        }
        let page = self.next_page + skip;
        if page >= memory_pages.into() {
            let last = u64::from(memory_pages).saturating_sub(1);
            return Err(Fault::new(Reason::PageNumber, start, page, last));
        }
        let length = match kind {
            Kind::Zero => 0,
            Kind::Raw => PAGE_BYTES,
            _ => read_length(batch, &mut offset)?,
        };
        if batch.len() - offset < length {
            return Err(Fault::new(Reason::Truncated, batch.len(), 0, 0));
        }
        *self = PageCursor { offset: offset + length, next_page: page + 1, pages: self.pages + 1 };
        Ok(Some(Record { page: page as u32, kind: Some(kind), offset, length }))
    }
}

fn read_length(batch: &[u8], offset: &mut usize) -> Result<usize, Fault> {
    let start = *offset;
    let Some(bytes) = batch.get(start..).and_then(|rest| rest.first_chunk::<LENGTH_BYTES>()) else {
        return Err(Fault::new(Reason::Truncated, batch.len(), 0, 0));
    };
    let length = u16::from_le_bytes(*bytes);
    if length == 0 || usize::from(length) >= PAGE_BYTES {
        let most = PAGE_BYTES as u64 - 1;
        return Err(Fault::new(Reason::RecordLength, start, length.into(), most));
    }
    *offset = start + LENGTH_BYTES;
    Ok(length.into())
}

impl Record {
    /// Makes `page` what the record says. If the record is changes, `page` is the base, and
    /// `has_base` says so. After a fault the page is anything.
    pub fn decode(&self, batch: &[u8], page: &mut Page, has_base: bool) -> Result<(), Fault> {
        self.read(batch, page, has_base).map_err(Fault::of_pages)
    }

    fn read(&self, batch: &[u8], page: &mut Page, has_base: bool) -> Result<(), Fault> {
        let (Some(kind), Some(bytes)) =
            (self.kind, batch.get(self.offset..self.offset + self.length))
        else {
            return Err(Fault::new(Reason::Truncated, self.offset, 0, 0));
        };
        if kind.needs_base() && !has_base {
            return Err(Fault::new(Reason::NoBase, self.offset, 0, 0));
        }
        match kind {
            Kind::Zero => page.fill(0),
            Kind::Raw => page.copy_from_slice(bytes),
            Kind::Packed => {
                let length = self.unpack(bytes, page)?;
                if length != PAGE_BYTES {
                    let (found, expected) = (length as u64, PAGE_BYTES as u64);
                    return Err(Fault::new(Reason::UnpackedLength, self.offset, found, expected));
                }
            }
            Kind::Changed => self.apply(bytes, page)?,
            Kind::ChangedPacked => {
                let mut changes = [0; MAX_CHANGES_BYTES];
                let length = self.unpack(bytes, &mut changes)?;
                self.apply(&changes[..length], page)?;
            }
        }
        Ok(())
    }

    fn unpack(&self, bytes: &[u8], out: &mut [u8]) -> Result<usize, Fault> {
        decompress_into(bytes, out).map_err(|_| Fault::new(Reason::Packed, self.offset, 0, 0))
    }

    fn apply(&self, changes: &[u8], page: &mut Page) -> Result<(), Fault> {
        if apply_changes(changes, page) {
            return Ok(());
        }
        Err(Fault::new(Reason::Changes, self.offset, 0, 0))
    }
}
