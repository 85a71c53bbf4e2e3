//! What every frame has in front, its checksum, and messages.

use alloc::vec::Vec;

use crate::checksum::crc32c;
use crate::cursor::Cursor;
use crate::fault::{Fault, Reason};
use crate::misuse::{Misuse, safe};
use crate::varint::push_varint;

/// Bytes in front of every payload.
pub const HEADER_BYTES: usize = 9;
/// The most bytes that a message carries.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// The longest payload: what a message or a frame's events carry, and what says so.
pub const MAX_PAYLOAD_BYTES: usize = MAX_MESSAGE_BYTES + 64;
/// The kind of a frame that carries the log; every other kind but 0 is a message.
pub const KIND_LOG: u8 = 1;
/// The highest kind.
pub const MAX_KIND: u8 = 31;

const MAGIC: u8 = 0xd2;
const AT_FLAGS: usize = 1;
const AT_CRC: usize = 2;
const AT_LENGTH: usize = 6;

/// How a log frame goes with those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chain {
    /// It depends on none, and none on it.
    #[default]
    Alone,
    /// It depends on none.
    Begins,
    /// It depends on the one before.
    Continues,
}

/// How hard a log frame is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Predicted, and LZ4.
    #[default]
    Fast,
    /// The same, coded bit by bit.
    Dense,
}

/// What a header says, but for the checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// [`KIND_LOG`], or a message's kind.
    pub kind: u8,
    /// Of a log frame.
    pub chain: Chain,
    /// Of a log frame.
    pub level: Level,
    /// How many bytes follow the header.
    pub payload_bytes: usize,
}

impl Header {
    /// Reads and checks the header at the front of `frame`, of which no more is looked at.
    pub fn read(frame: &[u8]) -> Result<Header, Fault> {
        let Some(bytes) = frame.first_chunk::<HEADER_BYTES>() else {
            return Err(Fault::new(Reason::Truncated, frame.len(), 0, 0));
        };
        if bytes[0] != MAGIC {
            return Err(Fault::new(Reason::Magic, 0, bytes[0].into(), MAGIC.into()));
        }
        let flags = bytes[AT_FLAGS];
        let kind = flags & MAX_KIND;
        if kind == 0 {
            return Err(Fault::new(Reason::Kind, AT_FLAGS, 0, 0));
        }
        let highest = if kind == KIND_LOG { 0b110 } else { 0 };
        let Some(chain) = Chain::of_code(flags >> 5 & 3).filter(|_| flags >> 5 <= highest) else {
            return Err(Fault::new(Reason::Flags, AT_FLAGS, (flags >> 5).into(), highest.into()));
        };
        let level = if flags >> 7 == 1 { Level::Dense } else { Level::Fast };
        let payload_bytes = u32::from_le_bytes([bytes[6], bytes[7], bytes[8], 0]) as usize;
        if payload_bytes > MAX_PAYLOAD_BYTES {
            let (found, most) = (payload_bytes as u64, MAX_PAYLOAD_BYTES as u64);
            return Err(Fault::new(Reason::PayloadLength, AT_LENGTH, found, most));
        }
        Ok(Header { kind, chain, level, payload_bytes })
    }

    /// Reads the header of a whole frame and checks the frame's length and its CRC32C, which goes
    /// on from the one `before` if the frame continues a chain.
    pub(crate) fn open(frame: &[u8], before: u32) -> Result<(Header, u32), Fault> {
        let header = Header::read(frame)?;
        let (found, expected) = (frame.len(), HEADER_BYTES + header.payload_bytes);
        if found != expected {
            let (found, expected) = (found as u64, expected as u64);
            return Err(Fault::new(Reason::FrameLength, AT_LENGTH, found, expected));
        }
        let seed = if header.chain == Chain::Continues { before } else { 0 };
        let mut stored = [0; 4];
        stored.copy_from_slice(&frame[AT_CRC..AT_LENGTH]);
        let (found, expected) = (u32::from_le_bytes(stored), frame_crc(seed, frame));
        if found != expected {
            return Err(Fault::new(Reason::Checksum, AT_CRC, found.into(), expected.into()));
        }
        Ok((header, found))
    }

    /// Writes this header over the front of `frame`, which holds the payload behind it, and seals
    /// both. Returns the CRC32C.
    pub(crate) fn seal(&self, frame: &mut [u8], before: u32) -> u32 {
        let dense = u8::from(self.level == Level::Dense);
        frame[0] = MAGIC;
        frame[AT_FLAGS] = dense << 7 | self.chain.code() << 5 | self.kind;
        frame[AT_LENGTH..HEADER_BYTES].copy_from_slice(&self.payload_bytes.to_le_bytes()[..3]);
        let seed = if self.chain == Chain::Continues { before } else { 0 };
        let crc = frame_crc(seed, frame);
        frame[AT_CRC..AT_LENGTH].copy_from_slice(&crc.to_le_bytes());
        crc
    }
}

impl Chain {
    const fn code(self) -> u8 {
        match self {
            Chain::Alone => 0,
            Chain::Begins => 1,
            Chain::Continues => 2,
        }
    }

    const fn of_code(code: u8) -> Option<Chain> {
        match code {
            0 => Some(Chain::Alone),
            1 => Some(Chain::Begins),
            2 => Some(Chain::Continues),
            _ => None,
        }
    }
}

fn frame_crc(seed: u32, frame: &[u8]) -> u32 {
    // The header's two pieces in one go: a call for a few bytes costs more than the bytes.
    let mut front = [0; AT_CRC + HEADER_BYTES - AT_LENGTH];
    front[..AT_CRC].copy_from_slice(&frame[..AT_CRC]);
    front[AT_CRC..].copy_from_slice(&frame[AT_LENGTH..HEADER_BYTES]);
    crc32c(crc32c(seed, &front), &frame[HEADER_BYTES..])
}

/// What a message says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageHead {
    /// 2 to 31.
    pub kind: u8,
    /// The number of the reign that the sender acts in.
    pub generation: u32,
    /// The frame's number on its channel.
    pub sequence: u64,
    /// The execution point that it is about.
    pub through: u64,
}

/// Seals a message: a frame of another kind than the log's, with a payload of the caller's own.
pub fn seal_message(head: &MessageHead, bytes: &[u8]) -> Result<Vec<u8>, Misuse> {
    let &MessageHead { kind, generation, sequence, through } = head;
    if kind <= KIND_LOG || kind > MAX_KIND {
        return Err(Misuse::MessageKind(kind));
    }
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(Misuse::TooLong { bytes: bytes.len(), most: MAX_MESSAGE_BYTES });
    }
    let mut frame = Vec::with_capacity(HEADER_BYTES + 32 + bytes.len());
    frame.resize(HEADER_BYTES, 0);
    for value in [generation.into(), safe(sequence)?, safe(through)?] {
        push_varint(&mut frame, value);
    }
    frame.extend_from_slice(bytes);
    let payload_bytes = frame.len() - HEADER_BYTES;
    Header { kind, payload_bytes, ..Header::default() }.seal(&mut frame, 0);
    Ok(frame)
}

/// Checks a message frame and returns what it says of itself, and its bytes.
pub fn open_message(frame: &[u8]) -> Result<(MessageHead, &[u8]), Fault> {
    let (Header { kind, .. }, _) = Header::open(frame, 0)?;
    if kind == KIND_LOG {
        return Err(Fault::new(Reason::OtherKind, AT_FLAGS, kind.into(), 2));
    }
    let mut cursor = Cursor::new(frame, HEADER_BYTES);
    let generation = cursor.varint_u32()?;
    let sequence = cursor.varint()?;
    let through = cursor.varint()?;
    let at = cursor.at();
    let bytes = &frame[at..];
    if bytes.len() > MAX_MESSAGE_BYTES {
        let (found, most) = (bytes.len() as u64, MAX_MESSAGE_BYTES as u64);
        return Err(Fault::new(Reason::PayloadLength, at, found, most));
    }
    Ok((MessageHead { kind, generation, sequence, through }, bytes))
}
