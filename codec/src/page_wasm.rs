//! The boundary to JavaScript of page batches, made as `wasm`'s: flat calls with numbers, bytes through
//! this module's memory, the reason of a refusal in `complaint`. `pages.ts` is its only caller.
//!
//! Pages go in by the chunk, because a call a page would cost as much as a page without changes. They
//! come out one by one, each into the same place, where its base is put before if there is one.
#![allow(missing_docs)] // pages.ts documents what is public

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::Fault;
use crate::misuse::Misuse;
use crate::page::{PAGE_BYTES, Page};
use crate::page_decode::{PageCursor, Record, open_pages};
use crate::page_encode::PageEncoder;
use crate::wasm::address;

/// Pages that go in at a time: 64 KiB, and their bases, stay in the processor's nearer caches.
const CHUNK_PAGES: usize = 16;

#[wasm_bindgen]
pub struct RawPageEncoder {
    encoder: PageEncoder,
    numbers: Box<[u32]>,
    pages: Box<[Page]>,
    bases: Box<[Page]>,
    complaint: Option<Misuse>,
}

impl RawPageEncoder {
    fn try_encode(&mut self, count: usize, has_bases: bool) -> Result<(), Misuse> {
        for index in 0..count.min(CHUNK_PAGES) {
            let base = if has_bases { Some(&self.bases[index]) } else { None };
            self.encoder.page(self.numbers[index], &self.pages[index], base)?;
        }
        Ok(())
    }
}

#[wasm_bindgen]
impl RawPageEncoder {
    #[wasm_bindgen(constructor)]
    pub fn new() -> RawPageEncoder {
        RawPageEncoder {
            encoder: PageEncoder::new(),
            numbers: vec![0; CHUNK_PAGES].into_boxed_slice(),
            pages: vec![[0; PAGE_BYTES]; CHUNK_PAGES].into_boxed_slice(),
            bases: vec![[0; PAGE_BYTES]; CHUNK_PAGES].into_boxed_slice(),
            complaint: None,
        }
    }

    pub fn complaint(&self) -> String {
        self.complaint.map_or(String::new(), |misuse| misuse.to_string())
    }

    /// Where a chunk's page numbers go, u32 each.
    #[wasm_bindgen(js_name = numbersAt)]
    pub fn numbers_at(&self) -> u32 {
        self.numbers.as_ptr() as usize as u32
    }

    /// Where a chunk's pages go.
    #[wasm_bindgen(js_name = pagesAt)]
    pub fn pages_at(&self) -> u32 {
        address(self.pages.as_flattened())
    }

    /// Where their bases go.
    #[wasm_bindgen(js_name = basesAt)]
    pub fn bases_at(&self) -> u32 {
        address(self.bases.as_flattened())
    }

    /// How many pages the next chunk may have: as many as fit the batch for sure; 0 if it is full.
    pub fn room(&self) -> u32 {
        self.encoder.room().min(CHUNK_PAGES) as u32
    }

    /// Appends the first `count` pages of the chunk, of which there must be room for.
    pub fn encode(&mut self, count: u32, has_bases: bool) -> bool {
        let result = self.try_encode(count as usize, has_bases);
        self.complaint = result.err();
        self.complaint.is_none()
    }

    /// How many records the batch has.
    pub fn count(&self) -> u32 {
        self.encoder.pages() as u32
    }

    #[wasm_bindgen(js_name = batchAt)]
    pub fn batch_at(&self) -> u32 {
        address(self.encoder.batch())
    }

    #[wasm_bindgen(js_name = batchBytes)]
    pub fn batch_bytes(&self) -> u32 {
        self.encoder.batch().len() as u32
    }

    pub fn reset(&mut self) {
        self.encoder.reset();
    }
}

#[wasm_bindgen]
pub struct RawPageDecoder {
    /// The batch given, at the front; what lies behind it is left over from longer ones.
    buffer: Vec<u8>,
    batch_bytes: usize,
    memory_pages: u32,
    cursor: PageCursor,
    record: Record,
    page: Box<Page>,
    complaint: Option<Fault>,
}

impl RawPageDecoder {
    fn batch(&self) -> &[u8] {
        &self.buffer[..self.batch_bytes]
    }
}

#[wasm_bindgen]
impl RawPageDecoder {
    #[wasm_bindgen(constructor)]
    pub fn new() -> RawPageDecoder {
        RawPageDecoder {
            buffer: Vec::new(),
            batch_bytes: 0,
            memory_pages: 0,
            cursor: PageCursor::default(),
            record: Record::default(),
            page: Box::new([0; PAGE_BYTES]),
            complaint: None,
        }
    }

    pub fn complaint(&self) -> String {
        self.complaint.map_or(String::new(), |fault| fault.to_string())
    }

    /// The address of `bytes` bytes, for the caller to put a batch into.
    pub fn place(&mut self, bytes: u32) -> u32 {
        self.batch_bytes = bytes as usize;
        if self.buffer.len() < self.batch_bytes {
            self.buffer.resize(self.batch_bytes, 0);
        }
        address(&self.buffer)
    }

    /// Checks the batch's records, for a memory of so many pages.
    pub fn open(&mut self, memory_pages: u32) -> bool {
        self.memory_pages = memory_pages;
        match open_pages(self.batch(), memory_pages) {
            Ok(cursor) => self.cursor = cursor,
            Err(fault) => {
                self.complaint = Some(fault);
                return false;
            }
        }
        true
    }

    /// Moves to the next record: 0 at the end, 1 if it is a page by itself, 2 if it is changes, for
    /// which the base is to be put where the page comes out.
    pub fn next(&mut self) -> u32 {
        let mut cursor = self.cursor;
        // The batch was proved when it was opened: a fault can't be.
        let record = cursor.next(self.batch(), self.memory_pages).ok().flatten();
        self.cursor = cursor;
        self.record = record.unwrap_or_default();
        self.record.kind.map_or(0, |kind| 1 + u32::from(kind.needs_base()))
    }

    /// The record's page number.
    pub fn number(&self) -> u32 {
        self.record.page
    }

    /// Where the page comes out.
    #[wasm_bindgen(js_name = pageAt)]
    pub fn page_at(&self) -> u32 {
        address(&self.page[..])
    }

    /// Decodes the record.
    pub fn decode(&mut self, has_base: bool) -> bool {
        let batch = &self.buffer[..self.batch_bytes];
        self.complaint = self.record.decode(batch, &mut self.page, has_base).err();
        self.complaint.is_none()
    }
}
