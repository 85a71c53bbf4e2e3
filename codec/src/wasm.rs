//! The boundary to JavaScript: flat calls with numbers, no object a call, none for an event.
//! `codec/frame_encoder.ts`, `frame_decoder.ts`, `frame_header.ts` and `message_frame.ts` are its
//! only callers, and give it its types and its errors.
//!
//! A call that is refused returns `false`, 0 or nothing, and leaves the reason in `complaint`.
//! Bytes go through this module's memory: a call returns an address, the caller copies. Numbers
//! come as f64, which is what JavaScript has; an integer that is not one is refused, not rounded.
//!
//! Events cross in batches, as records that lie in this memory:
//!
//! ```text
//!         0             8             16        20       24       28       32
//!         ┌─────────────┬─────────────┬─────────┬────────┐
//!     in  │ point   f64 │ value   f64 │ tag u32 │        │      value: clock, or length
//!         ├─────────────┼─────────────┼─────────┼────────┼────────┬────────┐
//!     out │ point   u64 │ clock   u64 │ tag u32 │ at u32 │ length │ sizes  │   decode::Record
//!         └─────────────┴─────────────┴─────────┴────────┴────────┴────────┘
//!     tag: bits 0-1 kind, bits 8-15 selector
//! ```
#![allow(missing_docs)] // the callers document what is public

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::MAX_SAFE_INTEGER;
use crate::checksum;
use crate::decode::FrameDecoder;
use crate::encode::FrameEncoder;
use crate::event::{Carrier, Closing};
use crate::fault::Fault;
use crate::frame::{Header, Level, MessageHead, open_message, seal_message};
use crate::misuse::Misuse;

/// Records in a batch of events on their way in.
const BATCH_RECORDS: usize = 512;
/// Enough for the bytes of common frames; larger ones make it grow.
const FIRST_BYTES: usize = 64 << 10;

/// An event on its way in.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Draft {
    point: f64,
    value: f64,
    tag: u32,
    unused: u32,
}

/// `value` as an integer from 0 to `most`.
#[allow(clippy::float_cmp)] // whether it is an integer is what is asked
fn integer(value: f64, most: u64) -> Result<u64, Misuse> {
    let whole = value as u64; // saturates, and takes NaN to 0
    if whole as f64 == value && whole <= most { Ok(whole) } else { Err(Misuse::Number(most)) }
}

fn safe(value: f64) -> Result<u64, Misuse> {
    integer(value, MAX_SAFE_INTEGER)
}

fn integer_u32(value: f64) -> Result<u32, Misuse> {
    Ok(integer(value, u32::MAX.into())? as u32)
}

pub(crate) fn address<T>(items: &[T]) -> u32 {
    items.as_ptr() as usize as u32
}

/// The memory that addresses point into; its buffer is another one after it has grown.
#[wasm_bindgen(js_name = wasmMemory)]
pub fn wasm_memory() -> JsValue {
    wasm_bindgen::memory()
}

#[wasm_bindgen]
pub fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    checksum::crc32c(seed, bytes)
}

#[wasm_bindgen]
pub struct RawEncoder {
    encoder: FrameEncoder,
    batch: Box<[Draft; BATCH_RECORDS]>,
    /// What the open frame's events carry, and how much of it has been taken in.
    bytes: Vec<u8>,
    taken: usize,
    frame_bytes: usize,
    complaint: Option<Misuse>,
}

impl RawEncoder {
    fn try_take(&mut self, records: usize) -> Result<(), Misuse> {
        for draft in &self.batch[..records] {
            let (point, value) = (safe(draft.point)?, safe(draft.value)?);
            let Some(carrier) = Carrier::of_code((draft.tag & 0xff) as u8) else {
                self.encoder.time(point, value)?;
                continue;
            };
            let length = value as usize;
            let Some(bytes) = self.bytes.get(self.taken..self.taken + length) else {
                return Err(Misuse::TooLong { bytes: length, most: self.bytes.len() - self.taken });
            };
            self.encoder.bytes(carrier, point, (draft.tag >> 8) as u8, bytes)?;
            self.taken += length;
        }
        Ok(())
    }

    fn try_close(&mut self, fields: [f64; 5]) -> Result<u32, Misuse> {
        let [generation, sequence, through, exits_checksum, outputs_checksum] = fields;
        let frame = self.encoder.close(&Closing {
            generation: integer_u32(generation)?,
            sequence: safe(sequence)?,
            through: safe(through)?,
            exits_checksum: integer_u32(exits_checksum)?,
            outputs_checksum: integer_u32(outputs_checksum)?,
        })?;
        (self.frame_bytes, self.taken) = (frame.len(), 0);
        Ok(address(frame))
    }
}

#[wasm_bindgen]
impl RawEncoder {
    #[wasm_bindgen(constructor)]
    pub fn new(chain: u32, dense: bool) -> RawEncoder {
        let level = if dense { Level::Dense } else { Level::Fast };
        RawEncoder {
            encoder: FrameEncoder::new(chain, level),
            batch: Box::new([Draft::default(); BATCH_RECORDS]),
            bytes: alloc::vec![0; FIRST_BYTES],
            taken: 0,
            frame_bytes: 0,
            complaint: None,
        }
    }

    pub fn complaint(&self) -> String {
        self.complaint.map_or(String::new(), |misuse| misuse.to_string())
    }

    /// Where the batch is.
    #[wasm_bindgen(js_name = recordsAt)]
    pub fn records_at(&self) -> u32 {
        address(&*self.batch)
    }

    /// Where the bytes that the frame's events carry are, with room for so many; they stay as they
    /// are, but perhaps not where they were.
    #[wasm_bindgen(js_name = bytesAt)]
    pub fn bytes_at(&mut self, room: u32) -> u32 {
        let room = room as usize;
        if self.bytes.len() < room {
            self.bytes.resize(room.max(2 * self.bytes.len()), 0);
        }
        address(&self.bytes)
    }

    #[wasm_bindgen(js_name = bytesRoom)]
    pub fn bytes_room(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Takes the first so many records of the batch in.
    pub fn take(&mut self, records: u32) -> bool {
        let result = self.try_take((records as usize).min(BATCH_RECORDS));
        self.complaint = result.err();
        result.is_ok()
    }

    /// The address of the sealed frame, `frameBytes` long, until the next call; 0 if refused.
    pub fn close(&mut self, g: f64, sequence: f64, through: f64, exits: f64, outputs: f64) -> u32 {
        let result = self.try_close([g, sequence, through, exits, outputs]);
        self.complaint = result.err();
        result.unwrap_or(0)
    }

    #[wasm_bindgen(js_name = frameBytes)]
    pub fn frame_bytes(&self) -> u32 {
        self.frame_bytes as u32
    }
}

/// A frame on its way in, at the front; what lies behind it is left over from longer ones.
#[derive(Default)]
struct Given {
    buffer: Vec<u8>,
    length: usize,
}

impl Given {
    fn place(&mut self, bytes: u32) -> u32 {
        self.length = bytes as usize;
        if self.buffer.len() < self.length {
            self.buffer.resize(self.length, 0);
        }
        address(&self.buffer)
    }

    fn frame(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

#[wasm_bindgen]
pub struct RawDecoder {
    given: Given,
    decoder: FrameDecoder,
    /// generation, sequence, through, checksums of exits and outputs, number of events; where their
    /// records are, and what they carry.
    head: Box<[f64; 8]>,
    complaint: Option<Fault>,
}

#[wasm_bindgen]
impl RawDecoder {
    #[wasm_bindgen(constructor)]
    pub fn new() -> RawDecoder {
        RawDecoder {
            given: Given::default(),
            decoder: FrameDecoder::new(),
            head: Box::new([0.0; 8]),
            complaint: None,
        }
    }

    pub fn complaint(&self) -> String {
        self.complaint.map_or(String::new(), |fault| fault.to_string())
    }

    /// The address of `bytes` bytes, for the caller to put a frame into.
    pub fn place(&mut self, bytes: u32) -> u32 {
        self.given.place(bytes)
    }

    #[wasm_bindgen(js_name = headAt)]
    pub fn head_at(&self) -> u32 {
        address(&*self.head)
    }

    /// Opens the frame that was placed; what it says is then in the head.
    pub fn open(&mut self) -> bool {
        match self.decoder.open(self.given.frame()) {
            Ok(closing) => {
                let (records, carried) = (self.decoder.records(), self.decoder.carried());
                *self.head = [
                    closing.generation.into(),
                    closing.sequence as f64,
                    closing.through as f64,
                    closing.exits_checksum.into(),
                    closing.outputs_checksum.into(),
                    records.len() as f64,
                    address(records).into(),
                    address(carried).into(),
                ];
                true
            }
            Err(fault) => {
                self.complaint = Some(fault);
                false
            }
        }
    }
}

/// Headers and messages: calls that keep nothing.
#[wasm_bindgen]
pub struct RawMessages {
    given: Given,
    /// kind, generation, sequence, through.
    head: Box<[f64; 4]>,
    complaint: String,
}

#[wasm_bindgen]
impl RawMessages {
    #[wasm_bindgen(constructor)]
    pub fn new() -> RawMessages {
        RawMessages { given: Given::default(), head: Box::new([0.0; 4]), complaint: String::new() }
    }

    pub fn complaint(&self) -> String {
        self.complaint.clone()
    }

    /// The address of `bytes` bytes, for the caller to put a frame, or its header, into.
    pub fn place(&mut self, bytes: u32) -> u32 {
        self.given.place(bytes)
    }

    #[wasm_bindgen(js_name = headAt)]
    pub fn head_at(&self) -> u32 {
        address(&*self.head)
    }

    /// What the header that was placed says: its second byte above the payload's length of 24 bits;
    /// 0 if refused.
    #[wasm_bindgen(js_name = readHeader)]
    pub fn read_header(&mut self) -> u32 {
        let frame = self.given.frame();
        match Header::read(frame) {
            Ok(header) => u32::from(frame[1]) << 24 | header.payload_bytes as u32,
            Err(fault) => {
                self.complaint = fault.to_string();
                0
            }
        }
    }

    /// Where in the message that was placed its bytes begin; 0 if refused.
    pub fn open(&mut self) -> u32 {
        let frame = self.given.frame();
        match open_message(frame) {
            Ok((MessageHead { kind, generation, sequence, through }, bytes)) => {
                *self.head = [kind.into(), generation.into(), sequence as f64, through as f64];
                (frame.len() - bytes.len()) as u32
            }
            Err(fault) => {
                self.complaint = fault.to_string();
                0
            }
        }
    }

    /// A sealed message; nothing if refused.
    pub fn seal(
        &mut self,
        kind: f64,
        generation: f64,
        sequence: f64,
        through: f64,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        let seal = || {
            let head = MessageHead {
                kind: integer(kind, u8::MAX.into())? as u8,
                generation: integer_u32(generation)?,
                sequence: safe(sequence)?,
                through: safe(through)?,
            };
            seal_message(&head, bytes)
        };
        let result = seal();
        match result {
            Ok(frame) => Some(frame),
            Err(misuse) => {
                self.complaint = misuse.to_string();
                None
            }
        }
    }
}
