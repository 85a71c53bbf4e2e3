//! Frames that are refused, where and why; and calls that are.

mod support;

use codec::MAX_SAFE_INTEGER;
use codec::encode::{Closing, FrameEncoder, Misuse};
use codec::event::Carrier;
use codec::fault::Reason;
use codec::header::{HEADER_BYTES, Header, MAX_PAYLOAD_BYTES};
use support::{Log, Owned, decode, encode, reseal};

fn sample() -> Vec<u8> {
    let events = vec![
        Owned::Time(1000, 5_000_000),
        Owned::Bytes(1001, Carrier::Data, 3, b"input".to_vec()),
        Owned::Time(1064, 5_000_030),
        Owned::Bytes(1064, Carrier::Control, 9, Vec::new()),
        Owned::Bytes(90_000, Carrier::State, 1, vec![7; 40]),
    ];
    let closing = Closing { through: 90_001, sequence: 17, generation: 2, ..Closing::default() };
    encode(&Log { events, closing })
}

fn reason_of(frame: &[u8]) -> (Reason, usize) {
    let fault = decode(frame).expect_err("a fault");
    (fault.reason, fault.offset)
}

/// The sample with one change, its length and CRC32C right again.
fn spoiled(change: impl FnOnce(&mut Vec<u8>)) -> (Reason, usize) {
    let mut frame = sample();
    change(&mut frame);
    reseal(&mut frame);
    reason_of(&frame)
}

#[test]
fn every_single_bit_flip_and_every_truncation_is_refused() {
    let frame = sample();
    assert!(decode(&frame).is_ok());
    for bit in 0..frame.len() * 8 {
        let mut flipped = frame.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&flipped).is_err(), "bit {bit}");
    }
    for length in 0..frame.len() {
        assert!(decode(&frame[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn every_truncation_is_refused_even_when_sealed_again() {
    let frame = sample();
    for length in HEADER_BYTES..frame.len() {
        let mut cut = frame[..length].to_vec();
        reseal(&mut cut);
        assert!(decode(&cut).is_err(), "{length} bytes");
    }
}

#[test]
fn a_fault_says_where_it_is() {
    let first = HEADER_BYTES + 3; // behind the span, 89 001 points
    let tag = |frame: &[u8]| frame[first];
    assert_eq!(tag(&sample()), 0);
    assert_eq!(spoiled(|f| f[0] = b'u'), (Reason::Magic, 0));
    assert_eq!(spoiled(|f| f[4] = 2), (Reason::Version, 4));
    assert_eq!(spoiled(|f| f[5] = 0), (Reason::Kind, 5));
    assert_eq!(spoiled(|f| f[7] = 1), (Reason::Flags, 6));
    assert_eq!(spoiled(|f| f[20] += 1), (Reason::Truncated, sample().len()));
    assert_eq!(spoiled(|f| f[20] -= 1).0, Reason::EventCount);
    assert_eq!(spoiled(|f| f[20] = 0), (Reason::EventCount, 20));
    assert_eq!(spoiled(|f| f[30] = 0xff), (Reason::Unsafe, 24));
    assert_eq!(spoiled(|f| f[39] = 1), (Reason::Unsafe, 32));
    assert_eq!(spoiled(|f| f[first] = 1 << 2), (Reason::FirstEvent, first));
    assert_eq!(spoiled(|f| f[HEADER_BYTES + 2] = 0x7f), (Reason::Span, HEADER_BYTES));
    assert_eq!(spoiled(|f| f[HEADER_BYTES + 2] = 0), (Reason::Overlong, HEADER_BYTES));
    assert_eq!(spoiled(|f| f[34] = 0), (Reason::Span, HEADER_BYTES)); // through 24 465
    let state = sample().len() - 40 - 1 - 1 - 4; // bytes, length, selector, tag and point
    assert_eq!(spoiled(|f| f[HEADER_BYTES] -= 2), (Reason::BeyondThrough, state));
    assert_eq!(spoiled(|f| f[first + 4] = 0), (Reason::Overlong, first + 1));
}

#[test]
fn a_length_above_the_maximum_is_refused_before_anything_else_is_looked_at() {
    let mut frame = sample();
    for length in [MAX_PAYLOAD_BYTES as u32 + 1, u32::MAX] {
        frame[8..12].copy_from_slice(&length.to_le_bytes());
        let fault = Header::read(&frame[..HEADER_BYTES]).expect_err("a fault");
        assert_eq!((fault.reason, fault.found), (Reason::PayloadLength, length.into()));
        assert_eq!(fault.expected, MAX_PAYLOAD_BYTES as u64);
    }
}

#[test]
fn events_are_refused_that_carry_too_much_or_too_many() {
    let mut encoder = FrameEncoder::new();
    for carrier in [Carrier::Data, Carrier::State, Carrier::Control] {
        let most = carrier.max_bytes();
        let refused = encoder.bytes(carrier, 0, 0, most + 1).map(|_| ());
        assert_eq!(refused, Err(Misuse::TooLong { bytes: most + 1, most }));
        encoder.bytes(carrier, 0, 0, most).expect("fits");
    }
    while encoder.room(65_536) {
        encoder.bytes(Carrier::Data, 0, 0, 65_536).expect("there is room");
    }
    let full = encoder.bytes(Carrier::Data, 0, 0, 65_536).map(|_| ());
    assert_eq!(full, Err(Misuse::Full { bytes: 65_536 }));
    while encoder.room(0) {
        encoder.time(1, MAX_SAFE_INTEGER).expect("there is room");
    }
    let events = encoder.event_count();
    assert_eq!(encoder.time(1, MAX_SAFE_INTEGER), Err(Misuse::Full { bytes: 0 }));
    assert_eq!(encoder.event_count(), events);
    let closing = Closing { through: MAX_SAFE_INTEGER, ..Closing::default() };
    let frame = encoder.close(&closing).expect("a full frame");
    assert!(frame.len() <= HEADER_BYTES + MAX_PAYLOAD_BYTES);
    assert_eq!(decode(frame).expect("a full frame").events.len(), events as usize);
}

#[test]
fn a_refused_call_leaves_the_frame_as_it_was() {
    let mut encoder = FrameEncoder::new();
    encoder.time(10, 100).expect("valid");
    assert_eq!(encoder.time(9, 100), Err(Misuse::PointBackwards { point: 9, last: 10 }));
    let backwards = Misuse::ClockBackwards { clock_us: 99, last_us: 100 };
    assert_eq!(encoder.time(10, 99), Err(backwards));
    assert_eq!(encoder.time(1 << 53, 100), Err(Misuse::Number(MAX_SAFE_INTEGER)));
    assert_eq!(encoder.time(10, 1 << 53), Err(Misuse::Number(MAX_SAFE_INTEGER)));
    let behind = Closing { through: 9, ..Closing::default() };
    assert_eq!(encoder.close(&behind), Err(Misuse::ThroughBehind { through: 9, last: 10 }));
    let closing = Closing { through: 10, ..Closing::default() };
    let frame = encoder.close(&closing).expect("valid").to_vec();
    assert_eq!(frame, encode(&Log { events: vec![Owned::Time(10, 100)], closing }));
}

#[test]
fn a_time_event_after_the_first_takes_at_most_four_bytes() {
    let mut encoder = FrameEncoder::new();
    encoder.time(1 << 40, 1 << 45).expect("valid");
    let (before, mut clock_us) = (encoder.payload_bytes(), 1 << 45);
    for event in 1..=1000 {
        clock_us += event * 16; // up to 16 ms
        encoder.time((1 << 40) + event * 62, clock_us).expect("valid");
    }
    assert!(encoder.payload_bytes() - before <= 4 * 1000);
}
