//! Logs as plain data, and whole frames of them, for the tests beside this folder.
#![allow(dead_code)] // each test file uses what it needs

use codec::decode::open_log;
use codec::encode::{Closing, FrameEncoder, Misuse};
use codec::event::{Carrier, Event};
use codec::fault::Fault;
use codec::header::HEADER_BYTES;

/// An event as data of its own, so that a log can be made without bytes to borrow.
#[derive(Clone, Debug, PartialEq)]
pub enum Owned {
    Time(u64, u64),
    Bytes(u64, Carrier, u8, Vec<u8>),
}

#[derive(Clone, Debug)]
pub struct Log {
    pub events: Vec<Owned>,
    pub closing: Closing,
}

pub fn owned(event: Event) -> Owned {
    match event {
        Event::Time { point, clock_us } => Owned::Time(point, clock_us),
        Event::Bytes { point, carrier, selector, bytes } => {
            Owned::Bytes(point, carrier, selector, bytes.to_vec())
        }
    }
}

pub fn append(encoder: &mut FrameEncoder, event: &Owned) -> Result<(), Misuse> {
    match event {
        Owned::Time(point, clock_us) => encoder.time(*point, *clock_us),
        Owned::Bytes(point, carrier, selector, bytes) => {
            encoder.bytes(*carrier, *point, *selector, bytes.len())?.copy_from_slice(bytes);
            Ok(())
        }
    }
}

pub fn encode(log: &Log) -> Vec<u8> {
    let mut encoder = FrameEncoder::new();
    for event in &log.events {
        append(&mut encoder, event).expect("a valid event");
    }
    encoder.close(&log.closing).expect("a valid frame").to_vec()
}

pub fn decode(frame: &[u8]) -> Result<Log, Fault> {
    let (header, mut cursor) = open_log(frame)?;
    let mut events = Vec::new();
    while let Some(event) = cursor.next(frame)? {
        events.push(owned(event));
    }
    assert_eq!(events.len(), header.event_count as usize);
    let closing = Closing {
        generation: header.generation,
        sequence: header.sequence,
        through: header.through,
        exits_checksum: header.exits_checksum,
        outputs_checksum: header.outputs_checksum,
    };
    Ok(Log { events, closing })
}

/// Makes length and CRC32C right again, so that a change reaches the checks behind them.
pub fn reseal(frame: &mut [u8]) {
    let payload_bytes = (frame.len() - HEADER_BYTES) as u32;
    frame[8..12].copy_from_slice(&payload_bytes.to_le_bytes());
    frame[12..16].fill(0);
    let crc = codec::checksum::crc32c(0, frame);
    frame[12..16].copy_from_slice(&crc.to_le_bytes());
}
