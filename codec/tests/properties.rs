//! What holds for every log and for every sequence of bytes. A failing case is printed whole, shrunk;
//! PROPTEST_RNG_SEED and PROPTEST_CASES choose the seed and the number of cases.

use codec::MAX_SAFE_INTEGER;
use codec::decode::{Cursor, open_log, open_message};
use codec::encode::{Closing, FrameEncoder, Misuse, seal_message};
use codec::event::{Carrier, Event};
use codec::fault::{Fault, Reason};
use codec::header::{HEADER_BYTES, Header, MAX_PAYLOAD_BYTES};
use proptest::collection::vec;
use proptest::prelude::*;

/// An event as data of its own, so that a log can be made without bytes to borrow.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Time(u64, u64),
    Bytes(u64, Carrier, u8, Vec<u8>),
}

#[derive(Clone, Debug)]
struct Log {
    events: Vec<Owned>,
    closing: Closing,
}

fn owned(event: Event) -> Owned {
    match event {
        Event::Time { point, clock_us } => Owned::Time(point, clock_us),
        Event::Bytes { point, carrier, selector, bytes } => {
            Owned::Bytes(point, carrier, selector, bytes.to_vec())
        }
    }
}

/// Distances of every size that a varint can have, small ones more often.
fn distance() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0u64..4, 4 => 60u64..70, 3 => 0u64..20_000, 1 => 0u64..(1 << 48)]
}

#[derive(Clone, Debug)]
enum Draft {
    Time(u64),
    Bytes(Carrier, u8, Vec<u8>),
}

fn draft() -> impl Strategy<Value = Draft> {
    let carrier = prop_oneof![Just(Carrier::Data), Just(Carrier::State), Just(Carrier::Control)];
    prop_oneof![
        5 => distance().prop_map(Draft::Time),
        3 => (carrier, any::<u8>(), vec(any::<u8>(), 0..300))
            .prop_map(|(carrier, selector, bytes)| Draft::Bytes(carrier, selector, bytes)),
    ]
}

fn log() -> impl Strategy<Value = Log> {
    let events = vec((distance(), draft()), 0..60);
    let last = (any::<u32>(), 0..=MAX_SAFE_INTEGER, any::<u64>(), any::<u64>());
    (distance(), distance(), events, distance(), last).prop_map(
        |(mut point, mut clock_us, drafts, rest, (generation, sequence, exits, outputs))| {
            let mut events = Vec::new();
            for (points, draft) in drafts {
                point += points;
                events.push(match draft {
                    Draft::Time(passed_us) => {
                        clock_us += passed_us;
                        Owned::Time(point, clock_us)
                    }
                    Draft::Bytes(carrier, selector, bytes) => {
                        Owned::Bytes(point, carrier, selector, bytes)
                    }
                });
            }
            let closing = Closing {
                generation,
                sequence,
                through: point + rest,
                exits_checksum: exits,
                outputs_checksum: outputs,
            };
            Log { events, closing }
        },
    )
}

fn append(encoder: &mut FrameEncoder, event: &Owned) -> Result<(), Misuse> {
    match event {
        Owned::Time(point, clock_us) => encoder.time(*point, *clock_us),
        Owned::Bytes(point, carrier, selector, bytes) => {
            encoder.bytes(*carrier, *point, *selector, bytes.len())?.copy_from_slice(bytes);
            Ok(())
        }
    }
}

fn encode(log: &Log) -> Vec<u8> {
    let mut encoder = FrameEncoder::new();
    for event in &log.events {
        append(&mut encoder, event).expect("a valid event");
    }
    encoder.close(&log.closing).expect("a valid frame").to_vec()
}

fn decode(frame: &[u8]) -> Result<Log, Fault> {
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
fn reseal(frame: &mut [u8]) {
    let payload_bytes = (frame.len() - HEADER_BYTES) as u32;
    frame[8..12].copy_from_slice(&payload_bytes.to_le_bytes());
    frame[12..16].fill(0);
    let crc = codec::checksum::crc32c(0, frame);
    frame[12..16].copy_from_slice(&crc.to_le_bytes());
}

/// Decoding either fails with an offset inside the frame, or gives what encodes to the same bytes.
fn check_total(frame: &[u8]) {
    match decode(frame) {
        Ok(log) => assert_eq!(encode(&log), frame),
        Err(fault) => assert!(fault.offset <= frame.len(), "{fault:?}"),
    }
    let _ = open_message(frame);
    let _ = Cursor::default().next(frame);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_comes_back_as_it_went_and_encodes_to_the_same_bytes(log in log()) {
        let frame = encode(&log);
        let back = decode(&frame).expect("our own frame");
        prop_assert_eq!(&back.events, &log.events);
        prop_assert_eq!(back.closing, log.closing);
        prop_assert_eq!(encode(&back), frame);
    }

    #[test]
    fn an_encoder_that_is_used_again_remembers_nothing(one in log(), other in log()) {
        let mut encoder = FrameEncoder::new();
        for event in &one.events {
            append(&mut encoder, event).expect("a valid event");
        }
        encoder.close(&one.closing).expect("a valid frame");
        encoder.reset();
        for event in &other.events {
            append(&mut encoder, event).expect("a valid event");
        }
        prop_assert_eq!(encoder.close(&other.closing).expect("a valid frame"), encode(&other));
    }

    #[test]
    fn any_bytes_at_all_are_decoded_or_refused(frame in vec(any::<u8>(), 0..400)) {
        check_total(&frame);
    }

    #[test]
    fn any_payload_under_a_sound_header_is_decoded_or_refused(
        payload in vec(any::<u8>(), 0..200),
        event_count in 0u32..40,
        through in 0..=MAX_SAFE_INTEGER,
    ) {
        let mut frame = encode(&Log { events: Vec::new(), closing: Closing::default() });
        frame[20..24].copy_from_slice(&event_count.to_le_bytes());
        frame[32..40].copy_from_slice(&through.to_le_bytes());
        frame.extend_from_slice(&payload);
        reseal(&mut frame);
        check_total(&frame);
    }

    #[test]
    fn a_mutated_frame_is_refused_and_resealed_is_decoded_or_refused(
        log in log(),
        changes in vec((any::<prop::sample::Index>(), 1u8..=255), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut frame = encode(&log);
        let original = frame.clone();
        for (index, change) in changes {
            let at = index.index(frame.len());
            frame[at] ^= change;
        }
        if frame != original {
            prop_assert!(decode(&frame).is_err());
        }
        let keep = HEADER_BYTES + cut.index(frame.len() - HEADER_BYTES + 1);
        reseal(&mut frame);
        check_total(&frame);
        frame.truncate(keep);
        reseal(&mut frame);
        check_total(&frame);
    }

    #[test]
    fn a_message_comes_back_as_it_went(
        kind in 2u8..=255,
        generation in any::<u32>(),
        sequence in 0..=MAX_SAFE_INTEGER,
        through in 0..=MAX_SAFE_INTEGER,
        payload in vec(any::<u8>(), 0..300),
    ) {
        let frame = seal_message(kind, generation, sequence, through, &payload).expect("valid");
        let (header, back) = open_message(&frame).expect("our own frame");
        prop_assert_eq!(back, &payload[..]);
        let found = (header.kind, header.generation, header.sequence, header.through);
        prop_assert_eq!(found, (kind, generation, sequence, through));
        prop_assert!(open_log(&frame).is_err());
    }
}

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
    assert_eq!(spoiled(|f| f[34] = 1 << 1).0, Reason::Span);
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
