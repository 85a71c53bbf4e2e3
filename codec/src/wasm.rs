//! The boundary to JavaScript: flat calls with numbers, no object a call. `codec.ts` is its only
//! caller, and gives it its types and its errors.
//!
//! A call that is refused returns `false`, 0 or nothing, and leaves the reason in `complaint`.
//! Bytes go through this module's memory: a call returns an address, the caller copies. Numbers
//! come as f64, which is what JavaScript has; an integer that is not one is refused, not rounded.
#![allow(missing_docs)] // codec.ts documents what is public

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::MAX_SAFE_INTEGER;
use crate::checksum;
use crate::decode::{Cursor, open_log, open_message};
use crate::encode::{Closing, FrameEncoder, Misuse, seal_message};
use crate::event::{Carrier, Event};
use crate::fault::Fault;
use crate::header::{HEADER_BYTES, Header};

/// `value` as an integer from 0 to `most`.
fn integer(value: f64, most: u64) -> Result<u64, Misuse> {
    let whole = value as u64; // saturates, and takes NaN to 0
    if whole as f64 == value && whole <= most { Ok(whole) } else { Err(Misuse::Number(most)) }
}

fn integer_u32(value: f64) -> Result<u32, Misuse> {
    Ok(integer(value, u32::MAX.into())? as u32)
}

fn integer_u8(value: f64) -> Result<u8, Misuse> {
    Ok(integer(value, u8::MAX.into())? as u8)
}

pub(crate) fn address(bytes: &[u8]) -> u32 {
    bytes.as_ptr() as usize as u32
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
    frame_bytes: usize,
    complaint: Option<Misuse>,
}

impl RawEncoder {
    fn keep<T>(&mut self, result: Result<T, Misuse>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(misuse) => {
                self.complaint = Some(misuse);
                None
            }
        }
    }

    fn try_time(&mut self, point: f64, clock_us: f64) -> Result<(), Misuse> {
        let point = integer(point, MAX_SAFE_INTEGER)?;
        self.encoder.time(point, integer(clock_us, MAX_SAFE_INTEGER)?)
    }

    fn try_bytes(&mut self, of: Carrier, at: f64, selector: f64, n: u32) -> Result<u32, Misuse> {
        let (point, selector) = (integer(at, MAX_SAFE_INTEGER)?, integer_u8(selector)?);
        Ok(address(self.encoder.bytes(of, point, selector, n as usize)?))
    }

    fn try_close(&mut self, fields: [f64; 3], checksums: [u64; 2]) -> Result<u32, Misuse> {
        let [generation, sequence, through] = fields;
        let [exits_checksum, outputs_checksum] = checksums;
        let frame = self.encoder.close(&Closing {
            generation: integer_u32(generation)?,
            sequence: integer(sequence, MAX_SAFE_INTEGER)?,
            through: integer(through, MAX_SAFE_INTEGER)?,
            exits_checksum,
            outputs_checksum,
        })?;
        self.frame_bytes = frame.len();
        Ok(address(frame))
    }
}

#[wasm_bindgen]
impl RawEncoder {
    #[wasm_bindgen(constructor)]
    pub fn new() -> RawEncoder {
        RawEncoder { encoder: FrameEncoder::new(), frame_bytes: 0, complaint: None }
    }

    pub fn complaint(&self) -> String {
        self.complaint.map_or(String::new(), |misuse| misuse.to_string())
    }

    #[wasm_bindgen(js_name = eventCount)]
    pub fn event_count(&self) -> u32 {
        self.encoder.event_count()
    }

    #[wasm_bindgen(js_name = payloadBytes)]
    pub fn payload_bytes(&self) -> u32 {
        self.encoder.payload_bytes() as u32
    }

    pub fn room(&self, bytes: u32) -> bool {
        self.encoder.room(bytes as usize)
    }

    pub fn time(&mut self, point: f64, clock_us: f64) -> bool {
        let result = self.try_time(point, clock_us);
        self.keep(result).is_some()
    }

    /// The address of the event's `length` bytes, to be filled at once; 0 if refused.
    pub fn bytes(&mut self, kind: u8, point: f64, selector: f64, length: u32) -> u32 {
        let Some(carrier) = Carrier::of_code(kind) else { return 0 };
        let result = self.try_bytes(carrier, point, selector, length);
        self.keep(result).unwrap_or(0)
    }

    /// The address of the sealed frame, `frameBytes` long, until the next call; 0 if refused.
    pub fn close(&mut self, g: f64, sequence: f64, through: f64, exits: u64, outputs: u64) -> u32 {
        let result = self.try_close([g, sequence, through], [exits, outputs]);
        self.keep(result).unwrap_or(0)
    }

    #[wasm_bindgen(js_name = frameBytes)]
    pub fn frame_bytes(&self) -> u32 {
        self.frame_bytes as u32
    }

    pub fn reset(&mut self) {
        self.encoder.reset();
    }

    /// A sealed message; nothing if refused. The open log frame is not touched.
    #[wasm_bindgen(js_name = sealMessage)]
    pub fn seal_message(
        &mut self,
        kind: f64,
        generation: f64,
        sequence: f64,
        through: f64,
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        let seal = || {
            let (kind, generation) = (integer_u8(kind)?, integer_u32(generation)?);
            let sequence = integer(sequence, MAX_SAFE_INTEGER)?;
            seal_message(kind, generation, sequence, integer(through, MAX_SAFE_INTEGER)?, payload)
        };
        self.keep(seal())
    }
}

#[wasm_bindgen]
pub struct RawDecoder {
    /// The frame given, at the front; what lies behind it is left over from longer ones.
    buffer: Vec<u8>,
    frame_bytes: usize,
    header: Header,
    cursor: Cursor,
    point: u64,
    /// A time event's clock, or the selector of another one.
    value: u64,
    bytes_at: u32,
    bytes_length: u32,
    complaint: Option<Fault>,
}

impl RawDecoder {
    fn frame(&self) -> &[u8] {
        &self.buffer[..self.frame_bytes]
    }

    fn keep(&mut self, result: Result<(Header, Cursor), Fault>) -> bool {
        match result {
            Ok((header, cursor)) => (self.header, self.cursor) = (header, cursor),
            Err(fault) => {
                (self.cursor, self.complaint) = (Cursor::default(), Some(fault));
                return false;
            }
        }
        true
    }
}

#[wasm_bindgen]
impl RawDecoder {
    #[wasm_bindgen(constructor)]
    pub fn new() -> RawDecoder {
        RawDecoder {
            buffer: Vec::new(),
            frame_bytes: 0,
            header: Header::default(),
            cursor: Cursor::default(),
            point: 0,
            value: 0,
            bytes_at: 0,
            bytes_length: 0,
            complaint: None,
        }
    }

    pub fn complaint(&self) -> String {
        self.complaint.map_or(String::new(), |fault| fault.to_string())
    }

    /// The address of `bytes` bytes, for the caller to put a frame, or its header, into.
    pub fn place(&mut self, bytes: u32) -> u32 {
        self.cursor = Cursor::default();
        self.frame_bytes = bytes as usize;
        if self.buffer.len() < self.frame_bytes {
            self.buffer.resize(self.frame_bytes, 0);
        }
        address(&self.buffer)
    }

    #[wasm_bindgen(js_name = readHeader)]
    pub fn read_header(&mut self) -> bool {
        let result = Header::read(self.frame()).map(|header| (header, Cursor::default()));
        self.keep(result)
    }

    #[wasm_bindgen(js_name = openLog)]
    pub fn open_log(&mut self) -> bool {
        let result = open_log(self.frame());
        self.keep(result)
    }

    #[wasm_bindgen(js_name = openMessage)]
    pub fn open_message(&mut self) -> bool {
        let result = open_message(self.frame()).map(|(header, _)| (header, Cursor::default()));
        self.keep(result)
    }

    /// Where a payload begins, from the address that `place` gave.
    #[wasm_bindgen(js_name = headerBytes)]
    pub fn header_bytes(&self) -> u32 {
        HEADER_BYTES as u32
    }

    pub fn kind(&self) -> u8 {
        self.header.kind
    }

    #[wasm_bindgen(js_name = payloadBytes)]
    pub fn payload_bytes(&self) -> u32 {
        self.header.payload_bytes
    }

    pub fn generation(&self) -> u32 {
        self.header.generation
    }

    #[wasm_bindgen(js_name = eventCount)]
    pub fn event_count(&self) -> u32 {
        self.header.event_count
    }

    pub fn sequence(&self) -> f64 {
        self.header.sequence as f64
    }

    pub fn through(&self) -> f64 {
        self.header.through as f64
    }

    #[wasm_bindgen(js_name = exitsChecksum)]
    pub fn exits_checksum(&self) -> u64 {
        self.header.exits_checksum
    }

    #[wasm_bindgen(js_name = outputsChecksum)]
    pub fn outputs_checksum(&self) -> u64 {
        self.header.outputs_checksum
    }

    /// Moves to the next event and returns its kind: 1 time, 2 data, 3 state, 4 control; 0 at the
    /// end. What the event says is then in `point`, `value`, `bytesAt`, `bytesLength`.
    pub fn next(&mut self) -> u32 {
        let event = self.cursor.next(&self.buffer[..self.frame_bytes]);
        match event {
            Ok(Some(Event::Time { point, clock_us })) => {
                (self.point, self.value) = (point, clock_us);
                1
            }
            Ok(Some(Event::Bytes { point, carrier, selector, bytes })) => {
                (self.point, self.value) = (point, selector.into());
                (self.bytes_at, self.bytes_length) = (address(bytes), bytes.len() as u32);
                1 + u32::from(carrier.code())
            }
            // The frame was proved when it was opened: there is no third case.
            Ok(None) | Err(_) => 0,
        }
    }

    pub fn point(&self) -> f64 {
        self.point as f64
    }

    pub fn value(&self) -> f64 {
        self.value as f64
    }

    #[wasm_bindgen(js_name = bytesAt)]
    pub fn bytes_at(&self) -> u32 {
        self.bytes_at
    }

    #[wasm_bindgen(js_name = bytesLength)]
    pub fn bytes_length(&self) -> u32 {
        self.bytes_length
    }
}
