//! Network frames: a TCP frame is said as what the last one of its flow does not say of it, which
//! may be no byte of its headers. docs/LOG-FORMAT.md, "Network frames", specifies it. `context`
//! keeps the flows, `encode` writes such frames, `decode` reads them.
//!
//! What a flow predicts of a header, and what is sent where that is wrong, is as in TCP/IP header
//! compression (Jacobson, RFC 1144), but that checksums are made anew.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use crate::cursor::Cursor;
use crate::fault::{Fault, Reason};
use crate::form::{Form, push_block, read_block};
use crate::tcp::{
    ACKNOWLEDGMENT, FLAGS, FLOWS, HEADERS_BYTES, Headers, IDENTIFICATION, IPV4_CHECKSUM, SEQUENCE,
    TCP_CHECKSUM, TOTAL_LENGTH, TcpFrame, WINDOW, field, ipv4_checksum, sequence_numbers,
    tcp_checksum, total_length,
};
use crate::varint::push_varint;

/// The most bytes behind the headers that become a dictionary, and that an encoder tries to pack.
const MAX_PACKED_BYTES: usize = 4 << 10;

/// What can be said of a header, by the mask's bits.
const FIELDS: [Range<usize>; 7] = [
    IDENTIFICATION..IDENTIFICATION + 2,
    IPV4_CHECKSUM..IPV4_CHECKSUM + 2,
    SEQUENCE..SEQUENCE + 4,
    ACKNOWLEDGMENT..ACKNOWLEDGMENT + 4,
    FLAGS..FLAGS + 1,
    WINDOW..WINDOW + 2,
    TCP_CHECKSUM..TCP_CHECKSUM + 2,
];
const MASK_IPV4_CHECKSUM: u8 = 1 << 1;
const MASK_TCP_CHECKSUM: u8 = 1 << 6;
const MASK_PACKED: u8 = 1 << 7;

/// What can't be said: neither a field nor the total length.
const FIXED: [Range<usize>; 5] = [
    0..TOTAL_LENGTH,
    IDENTIFICATION + 2..IPV4_CHECKSUM,
    IPV4_CHECKSUM + 2..SEQUENCE,
    ACKNOWLEDGMENT + 4..FLAGS,
    TCP_CHECKSUM + 2..HEADERS_BYTES,
];

/// The last frame of a flow.
struct Flow {
    headers: Headers,
    /// What its bytes behind the headers were, if they become a dictionary.
    rest: Vec<u8>,
}

/// The flows of a chain. They take at most 54 and 4,096 bytes each.
pub(crate) struct Flows {
    /// Bit n: there is a flow n.
    learnt: u64,
    flows: Box<[Flow; FLOWS]>,
}

impl Flows {
    pub fn new() -> Flows {
        let flow = |_| Flow { headers: [0; HEADERS_BYTES], rest: Vec::new() };
        Flows { learnt: 0, flows: Box::new(core::array::from_fn(flow)) }
    }

    /// Forgets all, and keeps the memory.
    pub fn reset(&mut self) {
        self.learnt = 0;
    }

    fn get(&self, number: usize) -> Option<&Flow> {
        self.flows.get(number).filter(|_| self.learnt >> number & 1 == 1)
    }

    /// Takes in an event's data, if they are a TCP frame.
    #[inline]
    pub fn learn(&mut self, bytes: &[u8]) {
        let Some(frame) = TcpFrame::of(bytes) else { return };
        let number = frame.flow();
        let flow = &mut self.flows[number & (FLOWS - 1)];
        flow.headers = *frame.headers;
        flow.rest.clear();
        if frame.rest.len() <= MAX_PACKED_BYTES {
            flow.rest.reserve_exact(frame.rest.len());
            flow.rest.extend_from_slice(frame.rest);
        }
        self.learnt |= 1 << number;
    }

    /// Appends an event's data by what their flow does not say, and returns true, if they are a TCP
    /// frame and such a form can say all of it; `packs`: the bytes behind the headers are packed, if
    /// that pays.
    pub fn write(&self, bytes: &[u8], packs: bool, out: &mut Vec<u8>) -> bool {
        let Some(frame) = TcpFrame::of(bytes) else { return false };
        let number = frame.flow();
        let Some(flow) = self.get(number).filter(|flow| flow.is_like(&frame)) else {
            return false;
        };
        push_varint(out, Form::Network.number());
        out.push(number as u8);
        let mask_at = out.len();
        out.push(0);
        let mut mask = flow.write_fields(&frame, out);
        if packs && frame.rest.len() <= MAX_PACKED_BYTES && push_block(out, frame.rest, &flow.rest)
        {
            mask |= MASK_PACKED;
        } else {
            out.extend_from_slice(frame.rest);
        }
        out[mask_at] = mask;
        true
    }

    /// Reads a frame that was written so, after its form.
    pub fn read(
        &self,
        cursor: &mut Cursor,
        headers: &mut Headers,
        rest: &mut [u8],
    ) -> Result<(), Fault> {
        let at = cursor.at();
        let number = cursor.byte()?;
        let Some(flow) = self.get(number.into()) else {
            return Err(Fault::new(Reason::NoFlow, at, number.into(), 0));
        };
        let mask = cursor.byte()?;
        *headers = flow.next(rest.len());
        for (bit, range) in FIELDS.into_iter().enumerate() {
            if mask >> bit & 1 == 0 {
                continue;
            }
            if range.start == ACKNOWLEDGMENT {
                let acknowledged = flow.acknowledgment().wrapping_add(cursor.varint_u32()?);
                put(headers, ACKNOWLEDGMENT, acknowledged.to_be_bytes());
            } else {
                let found = cursor.bytes(range.len() as u64)?;
                headers[range].copy_from_slice(found);
            }
        }
        if mask & MASK_PACKED == 0 {
            rest.copy_from_slice(cursor.bytes(rest.len() as u64)?);
        } else {
            let block_bytes = cursor.varint()?;
            read_block(cursor, block_bytes, rest, &flow.rest)?;
        }
        if mask & MASK_IPV4_CHECKSUM == 0 {
            put(headers, IPV4_CHECKSUM, ipv4_checksum(headers).to_be_bytes());
        }
        if mask & MASK_TCP_CHECKSUM == 0 {
            put(headers, TCP_CHECKSUM, tcp_checksum(headers, rest).to_be_bytes());
        }
        Ok(())
    }
}

impl Flow {
    fn acknowledgment(&self) -> u32 {
        u32::from_be_bytes(field(&self.headers, ACKNOWLEDGMENT))
    }

    /// Whether fields say all that may be otherwise in this frame.
    fn is_like(&self, frame: &TcpFrame) -> bool {
        FIXED.into_iter().all(|range| self.headers[range.clone()] == frame.headers[range])
    }

    /// The headers that come next, with so many bytes behind them; their checksums are not yet as
    /// they have to be.
    fn next(&self, rest_bytes: usize) -> Headers {
        let mut headers = self.headers;
        let identification = u16::from_be_bytes(field(&headers, IDENTIFICATION)).wrapping_add(1);
        let sequence = u32::from_be_bytes(field(&headers, SEQUENCE));
        let sequence = sequence.wrapping_add(sequence_numbers(&headers));
        put(&mut headers, TOTAL_LENGTH, total_length(rest_bytes).to_be_bytes());
        put(&mut headers, IDENTIFICATION, identification.to_be_bytes());
        put(&mut headers, SEQUENCE, sequence.to_be_bytes());
        headers
    }

    /// Appends the fields that are not as they are predicted, and returns the mask that says which.
    fn write_fields(&self, frame: &TcpFrame, out: &mut Vec<u8>) -> u8 {
        let mut expected = self.next(frame.rest.len());
        put(&mut expected, IPV4_CHECKSUM, ipv4_checksum(frame.headers).to_be_bytes());
        put(&mut expected, TCP_CHECKSUM, tcp_checksum(frame.headers, frame.rest).to_be_bytes());
        let mut mask = 0;
        for (bit, range) in FIELDS.into_iter().enumerate() {
            let found = &frame.headers[range.clone()];
            if found == &expected[range.clone()] {
                continue;
            }
            mask |= 1 << bit;
            if range.start == ACKNOWLEDGMENT {
                let acknowledged = u32::from_be_bytes(field(frame.headers, ACKNOWLEDGMENT));
                push_varint(out, acknowledged.wrapping_sub(self.acknowledgment()).into());
            } else {
                out.extend_from_slice(found);
            }
        }
        mask
    }
}

fn put<const BYTES: usize>(headers: &mut Headers, at: usize, value: [u8; BYTES]) {
    headers[at..at + BYTES].copy_from_slice(&value);
}
