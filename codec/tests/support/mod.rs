//! Logs as plain data, and whole frames of them, for the tests beside this folder.
#![allow(dead_code)] // each test file uses what it needs

pub mod total;

use codec::decode::FrameDecoder;
use codec::encode::FrameEncoder;
use codec::event::Closing;
use codec::fault::Fault;
use codec::frame::{HEADER_BYTES, Level};
use codec::misuse::Misuse;
pub use total::owned::{Owned, owned};

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    pub events: Vec<Owned>,
    pub closing: Closing,
}

pub fn append(encoder: &mut FrameEncoder, event: &Owned) -> Result<(), Misuse> {
    match event {
        Owned::Time(point, clock_us) => encoder.time(*point, *clock_us),
        Owned::Bytes(point, carrier, selector, bytes) => {
            encoder.bytes(*carrier, *point, *selector, bytes)
        }
    }
}

/// The frame of one log, by an encoder that may have seen others.
pub fn encode_by(encoder: &mut FrameEncoder, log: &Log) -> Vec<u8> {
    for event in &log.events {
        append(encoder, event).expect("a valid event");
    }
    encoder.close(&log.closing).expect("a valid frame").to_vec()
}

pub fn encode(log: &Log) -> Vec<u8> {
    encode_by(&mut FrameEncoder::new(1, Level::Fast), log)
}

/// What a frame says to a decoder that may have seen others.
pub fn decode_by(decoder: &mut FrameDecoder, frame: &[u8]) -> Result<Log, Fault> {
    let closing = decoder.open(frame)?;
    Ok(Log { events: decoder.events().map(owned).collect(), closing })
}

pub fn decode(frame: &[u8]) -> Result<Log, Fault> {
    decode_by(&mut FrameDecoder::new(), frame)
}

/// Makes length and CRC32C of a frame that stands for itself right again, so that a change reaches
/// the checks behind them.
pub fn reseal(frame: &mut [u8]) {
    let payload_bytes = (frame.len() - HEADER_BYTES) as u32;
    frame[6..9].copy_from_slice(&payload_bytes.to_le_bytes()[..3]);
    let front = codec::checksum::crc32c(0, &[frame[0], frame[1], frame[6], frame[7], frame[8]]);
    let crc = codec::checksum::crc32c(front, &frame[HEADER_BYTES..]);
    frame[2..6].copy_from_slice(&crc.to_le_bytes());
}
