//! What has to hold for any bytes at all. The fuzz targets (../../fuzz) and the properties (../properties.rs)
//! call it; it panics when something does not hold.
#![allow(dead_code)] // each of them uses what it needs

// By their paths: the fuzz targets take this file from where it is.
#[path = "owned.rs"]
pub mod owned;
#[path = "traffic.rs"]
pub mod traffic;

use codec::decode::FrameDecoder;
use codec::encode::FrameEncoder;
use codec::event::{Carrier, Event, MAX_CARRIED_BYTES, MAX_EVENTS};
use codec::frame::{HEADER_BYTES, Header, Level, MAX_PAYLOAD_BYTES, open_message};
use codec::page::{MAX_BATCH_PAGES, PAGE_BYTES, Page};
use codec::page_decode::open_pages;
use owned::{Owned, owned};
use traffic::{Oddities, Traffic};

/// Bytes of a frame made right again, so that what they say reaches the checks behind the header's.
struct Sealer {
    before: u32,
}

impl Sealer {
    fn seal(&mut self, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0xd2, flags, 0, 0, 0, 0];
        frame.extend_from_slice(&(payload.len() as u32).to_le_bytes()[..3]);
        frame.extend_from_slice(payload);
        let seed = if flags >> 5 & 3 == 2 { self.before } else { 0 };
        let front = [frame[0], frame[1], frame[6], frame[7], frame[8]];
        let crc = codec::checksum::crc32c(codec::checksum::crc32c(seed, &front), payload);
        frame[2..6].copy_from_slice(&crc.to_le_bytes());
        self.before = crc;
        frame
    }
}

/// What a decoder says of a frame keeps to the format's bounds, and encodes to a frame that says the same.
fn check_opened(decoder: &mut FrameDecoder, frame: &[u8]) {
    let Ok(closing) = decoder.open(frame) else {
        assert!(decoder.records().is_empty());
        return;
    };
    assert!(decoder.records().len() <= MAX_EVENTS);
    assert!(decoder.carried().len() <= MAX_CARRIED_BYTES);
    let mut encoder = FrameEncoder::new(1, Level::Fast);
    for event in decoder.events() {
        // A stream may have events so small that fewer of our own fit into a frame.
        let again = match event {
            Event::Time { point, clock_us } => encoder.time(point, clock_us),
            Event::Bytes { point, carrier, selector, bytes } => {
                encoder.bytes(carrier, point, selector, bytes)
            }
        };
        if again.is_err() {
            let carried = match event {
                Event::Time { .. } => 0,
                Event::Bytes { bytes, .. } => bytes.len(),
            };
            assert!(!encoder.room(carried), "{again:?}");
            return;
        }
    }
    let frame = encoder.close(&closing).expect("what a frame said").to_vec();
    let mut other = FrameDecoder::new();
    assert_eq!(other.open(&frame).expect("our own frame"), closing);
    assert!(other.events().eq(decoder.events()));
}

/// A stream of log frames: each begins with flags and a length of 16 bits, and is sealed here.
pub fn log_frames(mut bytes: &[u8]) {
    let mut sealer = Sealer { before: 0 };
    let mut decoder = FrameDecoder::new();
    while let [flags, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        check_opened(&mut decoder, &sealer.seal(flags & 0xe0 | 1, payload));
        bytes = rest;
    }
}

/// Bytes as they are: as a header, a log frame and a message.
pub fn any_frame(bytes: &[u8]) {
    if let Ok(header) = Header::read(bytes) {
        assert!(header.payload_bytes <= MAX_PAYLOAD_BYTES);
    }
    check_opened(&mut FrameDecoder::new(), bytes);
    if let [flags, payload @ ..] = bytes {
        let frame = Sealer { before: 0 }.seal(flags & 31, payload);
        if let Ok((head, carried)) = open_message(&frame) {
            let again = codec::frame::seal_message(&head, carried).expect("what a message said");
            assert_eq!(again[HEADER_BYTES..], frame[HEADER_BYTES..]);
        }
    }
}

/// A log made of the bytes comes back as it went, in chains and at both levels.
pub fn round_trip(bytes: &[u8]) {
    let [setup, bytes @ ..] = bytes else { return };
    let level = if setup & 1 == 1 { Level::Dense } else { Level::Fast };
    let mut encoder = FrameEncoder::new(u32::from(setup >> 1 & 7), level);
    let mut decoder = FrameDecoder::new();
    let (mut point, mut clock_us, mut sequence) = (0u64, 0u64, 0u64);
    let mut traffic = Traffic::default();
    let mut kept: Vec<Owned> = Vec::new();
    let mut rest = bytes;
    while let [what, amount, more @ ..] = rest {
        rest = more;
        point += u64::from(what >> 4);
        match what & 7 {
            0..=2 => {
                clock_us += u64::from(*amount) << (what & 3);
                encoder.time(point, clock_us).expect("a valid event");
                kept.push(Owned::Time(point, clock_us));
            }
            3..=5 => {
                let carriers = [Carrier::Data, Carrier::State, Carrier::Control];
                let (carrier, selector) = (carriers[usize::from(what & 7) - 3], what >> 4);
                let (carried, more) = rest.split_at(usize::from(*amount).min(rest.len()));
                rest = more;
                encoder.bytes(carrier, point, selector, carried).expect("a valid event");
                kept.push(Owned::Bytes(point, carrier, selector, carried.to_vec()));
            }
            6 => {
                let [flow, low, high, value, more @ ..] = rest else { return };
                let (carried, more) = more.split_at(usize::from(*amount).min(more.len()));
                rest = more;
                let bits = u16::from_le_bytes([*low, *high]);
                let odd = Oddities { bits, value: u32::from(*value) << (flow >> 3) };
                let frame = traffic.frame(flow & 7, odd, carried);
                encoder.bytes(Carrier::Data, point, what >> 7, &frame).expect("a valid event");
                kept.push(Owned::Bytes(point, Carrier::Data, what >> 7, frame));
            }
            _ => {
                sequence += 1 + u64::from(amount >> 6);
                let closing = codec::event::Closing {
                    generation: 3,
                    sequence,
                    through: point,
                    exits_checksum: u32::from(*amount),
                    outputs_checksum: 0,
                };
                let frame = encoder.close(&closing).expect("a valid frame");
                assert_eq!(decoder.open(frame).expect("our own frame"), closing);
                assert!(decoder.events().map(owned).eq(kept.drain(..)));
            }
        }
    }
}

/// Bytes as a page batch: what comes out of it are pages, in order, no more than there may be.
pub fn pages(bytes: &[u8]) {
    const MEMORY_PAGES: u32 = 1 << 20;
    let Ok(mut cursor) = open_pages(bytes, MEMORY_PAGES) else { return };
    let (mut count, mut next) = (0, 0);
    while let Some(record) = cursor.next(bytes, MEMORY_PAGES).expect("a batch that was opened") {
        assert!(record.page >= next && record.page < MEMORY_PAGES);
        next = record.page + 1;
        count += 1;
        let mut page: Page = [0x5a; PAGE_BYTES];
        let _ = record.decode(bytes, &mut page, record.page % 2 == 0);
    }
    assert!(count <= MAX_BATCH_PAGES);
}
