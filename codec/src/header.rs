//! The header of a frame: its layout, and every check that needs no payload.

use crate::MAX_SAFE_INTEGER;
use crate::checksum::crc32c;
use crate::fault::{Fault, Reason};

/// Bytes in front of every payload.
pub const HEADER_BYTES: usize = 56;
/// The longest payload: 1 MiB.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;
/// The kind of a frame that carries the log; every other kind but 0 is a message.
pub const KIND_LOG: u8 = 1;

const MAGIC: u32 = u32::from_le_bytes(*b"USTY");
const VERSION: u8 = 1;

// Where the fields begin.
const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 4;
const AT_KIND: usize = 5;
const AT_FLAGS: usize = 6;
const AT_PAYLOAD_BYTES: usize = 8;
const AT_CRC: usize = 12;
const AT_GENERATION: usize = 16;
const AT_EVENT_COUNT: usize = 20;
const AT_SEQUENCE: usize = 24;
const AT_THROUGH: usize = 32;
const AT_EXITS: usize = 40;
const AT_OUTPUTS: usize = 48;

/// What a header says, but for what every header says (magic, version, flags) and the CRC32C.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// [`KIND_LOG`], or a message's kind.
    pub kind: u8,
    /// How many bytes follow the header.
    pub payload_bytes: u32,
    /// The number of the reign that the sender acts in.
    pub generation: u32,
    /// How many events the payload holds; 0 in a message.
    pub event_count: u32,
    /// The frame's number on its channel.
    pub sequence: u64,
    /// The execution point up to which the log is complete.
    pub through: u64,
    /// Running checksum of the exit sequence; 0 in a message.
    pub exits_checksum: u64,
    /// Running checksum of the outputs; 0 in a message.
    pub outputs_checksum: u64,
}

/// `N` bytes of a header at `at`; both are constants, so that the bounds check vanishes.
fn field<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut found = [0; N];
    found.copy_from_slice(&bytes[at..at + N]);
    found
}

fn field_u32(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(field(bytes, at))
}

fn field_u64(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(field(bytes, at))
}

fn expect(is: bool, reason: Reason, at: usize, found: u64, expected: u64) -> Result<(), Fault> {
    if is { Ok(()) } else { Err(Fault::new(reason, at, found, expected)) }
}

impl Header {
    /// Reads and checks the header at the front of `frame`, of which no more is looked at.
    pub fn read(frame: &[u8]) -> Result<Header, Fault> {
        let Some(bytes) = frame.first_chunk::<HEADER_BYTES>() else {
            return Err(Fault::new(Reason::Truncated, frame.len(), 0, 0));
        };
        let magic = field_u32(bytes, AT_MAGIC);
        expect(magic == MAGIC, Reason::Magic, AT_MAGIC, magic.into(), MAGIC.into())?;
        let version = bytes[AT_VERSION];
        expect(version == VERSION, Reason::Version, AT_VERSION, version.into(), VERSION.into())?;
        let flags = u16::from_le_bytes(field(bytes, AT_FLAGS));
        expect(flags == 0, Reason::Flags, AT_FLAGS, flags.into(), 0)?;
        let header = Header {
            kind: bytes[AT_KIND],
            payload_bytes: field_u32(bytes, AT_PAYLOAD_BYTES),
            generation: field_u32(bytes, AT_GENERATION),
            event_count: field_u32(bytes, AT_EVENT_COUNT),
            sequence: field_u64(bytes, AT_SEQUENCE),
            through: field_u64(bytes, AT_THROUGH),
            exits_checksum: field_u64(bytes, AT_EXITS),
            outputs_checksum: field_u64(bytes, AT_OUTPUTS),
        };
        header.check()?;
        Ok(header)
    }

    /// Every rule that a header obeys by itself.
    fn check(&self) -> Result<(), Fault> {
        let (payload, events) = (u64::from(self.payload_bytes), u64::from(self.event_count));
        let most = MAX_PAYLOAD_BYTES as u64;
        expect(self.kind != 0, Reason::Kind, AT_KIND, 0, 0)?;
        expect(payload <= most, Reason::PayloadLength, AT_PAYLOAD_BYTES, payload, most)?;
        for (at, value) in [(AT_SEQUENCE, self.sequence), (AT_THROUGH, self.through)] {
            expect(value <= MAX_SAFE_INTEGER, Reason::Unsafe, at, value, MAX_SAFE_INTEGER)?;
        }
        if self.kind == KIND_LOG {
            // A span and an event take three bytes at least, every further event two.
            let possible = if payload < 3 { 0 } else { (payload - 1) / 2 };
            let fits = events <= possible && (events == 0) == (payload == 0);
            return expect(fits, Reason::EventCount, AT_EVENT_COUNT, events, possible);
        }
        let log_only = [
            (AT_EVENT_COUNT, events),
            (AT_EXITS, self.exits_checksum),
            (AT_OUTPUTS, self.outputs_checksum),
        ];
        for (at, value) in log_only {
            expect(value == 0, Reason::MessageField, at, value, 0)?;
        }
        Ok(())
    }

    /// Reads the header of a whole frame and checks the frame's length and its CRC32C.
    pub fn open(frame: &[u8]) -> Result<Header, Fault> {
        let header = Header::read(frame)?;
        let (found, expected) = (frame.len(), HEADER_BYTES + header.payload_bytes as usize);
        let at = AT_PAYLOAD_BYTES;
        expect(found == expected, Reason::FrameLength, at, found as u64, expected as u64)?;
        let (found, expected) = (stored_crc(frame), frame_crc(frame));
        expect(found == expected, Reason::Checksum, AT_CRC, found.into(), expected.into())?;
        Ok(header)
    }

    /// Writes this header over the front of `frame`, which holds the payload behind it, and seals
    /// both with their CRC32C. `frame` is [`HEADER_BYTES`] and the payload long.
    pub(crate) fn seal(&self, frame: &mut [u8]) {
        frame[AT_MAGIC..AT_VERSION].copy_from_slice(&MAGIC.to_le_bytes());
        frame[AT_VERSION] = VERSION;
        frame[AT_KIND] = self.kind;
        frame[AT_FLAGS..AT_PAYLOAD_BYTES].fill(0);
        frame[AT_PAYLOAD_BYTES..AT_CRC].copy_from_slice(&self.payload_bytes.to_le_bytes());
        frame[AT_GENERATION..AT_EVENT_COUNT].copy_from_slice(&self.generation.to_le_bytes());
        frame[AT_EVENT_COUNT..AT_SEQUENCE].copy_from_slice(&self.event_count.to_le_bytes());
        frame[AT_SEQUENCE..AT_THROUGH].copy_from_slice(&self.sequence.to_le_bytes());
        frame[AT_THROUGH..AT_EXITS].copy_from_slice(&self.through.to_le_bytes());
        frame[AT_EXITS..AT_OUTPUTS].copy_from_slice(&self.exits_checksum.to_le_bytes());
        frame[AT_OUTPUTS..HEADER_BYTES].copy_from_slice(&self.outputs_checksum.to_le_bytes());
        let crc = frame_crc(frame);
        frame[AT_CRC..AT_GENERATION].copy_from_slice(&crc.to_le_bytes());
    }
}

fn stored_crc(frame: &[u8]) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&frame[AT_CRC..AT_GENERATION]);
    u32::from_le_bytes(bytes)
}

fn frame_crc(frame: &[u8]) -> u32 {
    let front = crc32c(0, &frame[..AT_CRC]);
    crc32c(crc32c(front, &[0; AT_GENERATION - AT_CRC]), &frame[AT_GENERATION..])
}
