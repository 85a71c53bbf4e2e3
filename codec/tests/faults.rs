//! Frames that are refused, where and why; and calls that are.

mod support;

use codec::MAX_SAFE_INTEGER;
use codec::decode::FrameDecoder;
use codec::encode::FrameEncoder;
use codec::event::{Carrier, Closing, MAX_EVENTS};
use codec::fault::Reason;
use codec::frame::{
    HEADER_BYTES, Header, Level, MAX_MESSAGE_BYTES, MAX_PAYLOAD_BYTES, MessageHead, open_message,
    seal_message,
};
use codec::misuse::Misuse;
use support::{Log, Owned, decode, encode, encode_by, reseal};

fn sample() -> Log {
    let events = vec![
        Owned::Time(1000, 5_000_000),
        Owned::Bytes(1001, Carrier::Data, 3, b"input".to_vec()),
        Owned::Time(1064, 5_000_030),
        Owned::Bytes(1064, Carrier::Control, 9, Vec::new()),
        Owned::Bytes(90_000, Carrier::State, 1, vec![7; 40]),
    ];
    let closing = Closing { through: 90_001, sequence: 17, generation: 2, ..Closing::default() };
    Log { events, closing }
}

fn reason_of(frame: &[u8]) -> (Reason, usize) {
    let fault = decode(frame).expect_err("a fault");
    (fault.reason, fault.offset)
}

/// Why a log frame with this payload is refused, and where in the payload.
fn refused(payload: &[u8]) -> (Reason, usize) {
    let mut frame = vec![0xd2, 1, 0, 0, 0, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    reseal(&mut frame);
    let (reason, offset) = reason_of(&frame);
    (reason, offset - HEADER_BYTES)
}

/// The same of a payload of one event, after flags that say so and a `through` of 0 behind it.
fn event_refused(tokens: &[u8]) -> (Reason, usize) {
    let mut payload = vec![0x10, 0];
    payload.extend_from_slice(tokens);
    let (reason, offset) = refused(&payload);
    (reason, offset - 2)
}

#[test]
fn every_single_bit_flip_and_every_truncation_is_refused() {
    for level in [Level::Fast, Level::Dense] {
        let frame = encode_by(&mut FrameEncoder::new(1, level), &sample());
        assert_eq!(decode(&frame).expect("our own frame"), sample());
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
        for length in 0..frame.len() {
            assert!(decode(&frame[..length]).is_err(), "{length} bytes");
        }
    }
}

#[test]
fn every_truncation_of_a_fast_frame_is_refused_even_when_sealed_again() {
    let frame = encode(&sample());
    for length in HEADER_BYTES..frame.len() {
        let mut cut = frame[..length].to_vec();
        reseal(&mut cut);
        assert!(decode(&cut).is_err(), "{length} bytes");
    }
}

#[test]
fn a_header_that_breaks_a_rule_is_refused_before_anything_else_is_read() {
    let frame = encode(&sample());
    let spoiled = |at: usize, value: u8| {
        let mut header = frame[..HEADER_BYTES].to_vec();
        header[at] = value;
        let fault = Header::read(&header).expect_err("a fault");
        (fault.reason, fault.offset)
    };
    assert_eq!(spoiled(0, b'U'), (Reason::Magic, 0));
    assert_eq!(spoiled(1, 0), (Reason::Kind, 1));
    assert_eq!(spoiled(1, 3 << 5 | 1), (Reason::Flags, 1));
    assert_eq!(spoiled(1, 1 << 5 | 2), (Reason::Flags, 1));
    assert_eq!(spoiled(1, 1 << 7 | 2), (Reason::Flags, 1));
    assert_eq!(spoiled(8, 0x11), (Reason::PayloadLength, 6));
    assert_eq!(Header::read(&frame[..8]).expect_err("a fault").reason, Reason::Truncated);
}

#[test]
fn a_frame_that_is_not_what_was_asked_for_is_refused() {
    let message = seal_message(&MessageHead { kind: 2, ..MessageHead::default() }, b"x");
    assert_eq!(reason_of(&message.expect("valid")), (Reason::OtherKind, 1));
    let fault = open_message(&encode(&sample())).expect_err("a fault");
    assert_eq!((fault.reason, fault.offset), (Reason::OtherKind, 1));
    let mut longer = encode(&sample());
    longer.push(0);
    assert_eq!(reason_of(&longer), (Reason::FrameLength, 6));
}

#[test]
fn a_message_that_carries_too_much_or_wild_numbers_is_refused() {
    let mut frame = vec![0xd2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    frame.resize(HEADER_BYTES + MAX_PAYLOAD_BYTES, 7);
    reseal(&mut frame);
    assert_eq!(open_message(&frame).expect_err("a fault").reason, Reason::PayloadLength);
    let mut frame = vec![0xd2, 2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0];
    reseal(&mut frame);
    assert_eq!(open_message(&frame).expect_err("a fault").reason, Reason::Unsafe);
}

#[test]
fn tokens_that_say_what_can_not_be_are_refused() {
    assert_eq!(event_refused(&[0x40]), (Reason::NoPrediction, 0));
    assert_eq!(event_refused(&[0xa8]), (Reason::NoPrediction, 0));
    assert_eq!(event_refused(&[0xa9]), (Reason::Run, 0));
    assert_eq!(event_refused(&[0xbf, 0xff, 0x7f]), (Reason::Run, 0));
    assert_eq!(event_refused(&[0xc1, 3, 0x81, 0x80, 0x04]), (Reason::EventLength, 2));
    assert_eq!(event_refused(&[0xc2, 3, 0x81, 0x80, 0x10]), (Reason::EventLength, 2));
    assert_eq!(event_refused(&[0xc1, 3, 1]), (Reason::Truncated, 3));
    assert_eq!(event_refused(&[0xc1, 3, 1, 7, 8]), (Reason::Surplus, 4));
    let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let mut far = vec![0xc0 | 15 << 2];
    far.extend_from_slice(&most);
    assert_eq!(event_refused(&far), (Reason::Truncated, 9));
    far.push(0);
    assert_eq!(event_refused(&far), (Reason::Unsafe, 10));
    let mut second = vec![0x20, 0, 0xc0];
    second.extend_from_slice(&most);
    second.extend_from_slice(&[0xc0, 1]);
    assert_eq!(refused(&second), (Reason::Unsafe, 13));
}

#[test]
fn a_residual_needs_a_time_event_whose_clock_does_not_go_back() {
    // Two like events twice teach what comes after two like ones.
    let times = [0xc0, 1, 0xc0, 1, 0xc0, 1, 0xc0, 1];
    let mut residual = vec![0x50, 0];
    residual.extend_from_slice(&times);
    residual.push(0x3e);
    assert_eq!(refused(&residual), (Reason::ClockBackwards, 10));
    let data = [0xc1, 1, 0, 0xc1, 1, 0, 0xc1, 1, 0, 0xc1, 1, 0];
    let mut residual = vec![0x50, 0];
    residual.extend_from_slice(&data);
    residual.push(0x40);
    assert_eq!(refused(&residual), (Reason::NotTime, 14));
}

#[test]
fn more_events_and_more_bytes_than_a_frame_may_have_are_refused() {
    let (reason, _) = refused(&[0xf0, 0xf2, 0xff, 0x03, 0]);
    assert_eq!(reason, Reason::EventCount);
    let mut payload = vec![0x50, 0];
    for _ in 0..5 {
        payload.extend_from_slice(&[0xc2, 0, 0x80, 0x80, 0x10]);
    }
    assert_eq!(refused(&payload).0, Reason::Carried);
}

#[test]
fn bytes_that_do_not_unpack_to_the_length_are_refused() {
    let packed = |block: &[u8]| {
        let mut tokens = vec![0xc1, 3, 40, block.len() as u8];
        tokens.extend_from_slice(block);
        event_refused(&tokens)
    };
    // Five literals; a match beyond the beginning; 41 literals.
    assert_eq!(packed(&[0x50, 1, 2, 3, 4, 5]), (Reason::UnpackedLength, 4));
    assert_eq!(packed(&[0x1f, 1, 9, 0, 30, 0]), (Reason::Packed, 4));
    let mut long = vec![0xf0, 41 - 15];
    long.resize(43, 7);
    assert_eq!(packed(&long), (Reason::Packed, 4));
}

#[test]
fn a_dense_payload_that_is_not_as_long_as_it_should_be_is_refused() {
    let dense = |payload: &[u8]| {
        let mut frame = vec![0xd2, 0x81, 0, 0, 0, 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        reseal(&mut frame);
        reason_of(&frame)
    };
    assert_eq!(dense(&[0xff, 0xff, 0xff, 0x7f]), (Reason::FastLength, 9));
    assert_eq!(dense(&[5, 0]), (Reason::FastLength, 10));
    assert_eq!(dense(&[0x80, 0x80, 0x40]), (Reason::Coded, 12));
    assert_eq!(dense(&[4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), (Reason::Coded, 10));
}

#[test]
fn a_chain_is_continued_at_its_own_level_only() {
    let log = |sequence| {
        let closing = Closing { sequence, ..Closing::default() };
        Log { events: Vec::new(), closing }
    };
    let mut fast = FrameEncoder::new(9, Level::Fast);
    let first = encode_by(&mut fast, &log(1));
    let second = encode_by(&mut fast, &log(2));
    let mut decoder = FrameDecoder::new();
    decoder.open(&first).expect("our own frame");
    let mut dense = second.clone();
    dense[1] |= 0x80;
    // Its checksum, as if it went on from the first one's.
    let before = u32::from_le_bytes([first[2], first[3], first[4], first[5]]);
    let front =
        codec::checksum::crc32c(before, &[dense[0], dense[1], dense[6], dense[7], dense[8]]);
    let crc = codec::checksum::crc32c(front, &dense[HEADER_BYTES..]);
    dense[2..6].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(decoder.open(&dense).expect_err("a fault").reason, Reason::NoChain);
    decoder.open(&first).expect("our own frame");
    decoder.open(&second).expect("our own frame");
    let mut alone = encode(&log(3));
    decoder.open(&alone).expect("our own frame");
    alone[1] = 2 << 5 | 1;
    reseal(&mut alone);
    assert_eq!(decoder.open(&alone).expect_err("a fault").reason, Reason::NoChain);
}

#[test]
fn a_call_that_is_refused_changes_nothing() {
    let log = sample();
    let mut encoder = FrameEncoder::new(1, Level::Fast);
    let (last, rest) = log.events.split_last().expect("events");
    for event in rest {
        support::append(&mut encoder, event).expect("a valid event");
    }
    let beyond = MAX_SAFE_INTEGER + 1;
    assert_eq!(encoder.time(1000, beyond), Err(Misuse::PointBackwards { point: 1000, last: 1064 }));
    assert_eq!(encoder.time(1064, beyond), Err(Misuse::Number(MAX_SAFE_INTEGER)));
    assert_eq!(encoder.time(beyond, 5_000_030), Err(Misuse::Number(MAX_SAFE_INTEGER)));
    let backwards = Misuse::ClockBackwards { clock_us: 5, last_us: 5_000_030 };
    assert_eq!(encoder.time(1064, 5), Err(backwards));
    for carrier in [Carrier::Data, Carrier::State, Carrier::Control] {
        let most = carrier.max_bytes();
        let too_long = Misuse::TooLong { bytes: most + 1, most };
        assert_eq!(encoder.bytes(carrier, 1064, 0, &vec![0; most + 1]), Err(too_long));
    }
    support::append(&mut encoder, last).expect("a valid event");
    let behind = Closing { through: 89_999, ..log.closing };
    let refused = Misuse::ThroughBehind { through: 89_999, last: 90_000 };
    assert_eq!(encoder.close(&behind).map(<[u8]>::len), Err(refused));
    assert_eq!(encoder.close(&log.closing), Ok(&encode(&log)[..]));
}

#[test]
fn a_full_frame_says_so_and_can_be_read() {
    for level in [Level::Fast, Level::Dense] {
        let mut encoder = FrameEncoder::new(1, level);
        let mut count = 0;
        while encoder.room(0) {
            encoder.time(count, count * count).expect("a valid event");
            count += 1;
        }
        assert_eq!(encoder.time(count, 1 << 52), Err(Misuse::Full { bytes: 0 }));
        assert!(encoder.event_count() <= MAX_EVENTS);
        let frame = encoder.close(&Closing { through: count, ..Closing::default() });
        let frame = frame.expect("a valid frame").to_vec();
        assert_eq!(decode(&frame).expect("our own frame").events.len() as u64, count);
    }
    // What does not shrink does not grow beyond a frame's bounds either.
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for level in [Level::Fast, Level::Dense] {
        let mut encoder = FrameEncoder::new(1, level);
        let mut events = Vec::new();
        while encoder.room(60_000) {
            let bytes: Vec<u8> = (0..60_000).map(|_| noise()).collect();
            encoder.bytes(Carrier::State, 7, 7, &bytes).expect("a valid event");
            events.push(Owned::Bytes(7, Carrier::State, 7, bytes));
        }
        let closing = Closing { through: 7, ..Closing::default() };
        let frame = encoder.close(&closing).expect("a valid frame").to_vec();
        assert!(frame.len() <= HEADER_BYTES + MAX_PAYLOAD_BYTES);
        assert_eq!(decode(&frame).expect("our own frame").events, events);
    }
}

#[test]
fn a_message_of_another_kind_or_too_long_is_not_sealed() {
    for kind in [0, 1, 32, 255] {
        let head = MessageHead { kind, ..MessageHead::default() };
        assert_eq!(seal_message(&head, &[]), Err(Misuse::MessageKind(kind)));
    }
    let head = MessageHead { kind: 2, ..MessageHead::default() };
    let bytes = vec![0; MAX_MESSAGE_BYTES + 1];
    let too_long = Misuse::TooLong { bytes: bytes.len(), most: MAX_MESSAGE_BYTES };
    assert_eq!(seal_message(&head, &bytes), Err(too_long));
    let wild = MessageHead { through: MAX_SAFE_INTEGER + 1, ..head };
    assert_eq!(seal_message(&wild, &[]), Err(Misuse::Number(MAX_SAFE_INTEGER)));
}
