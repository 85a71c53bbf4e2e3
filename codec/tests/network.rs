//! Network frames: what they take, that they come back as they went, and which are refused.

mod support;

use std::sync::LazyLock;

use codec::decode::FrameDecoder;
use codec::encode::FrameEncoder;
use codec::event::{Carrier, Closing, Event};
use codec::fault::{Fault, Reason};
use codec::frame::{HEADER_BYTES, Level};
use proptest::collection::vec;
use proptest::prelude::*;
use support::total::traffic::{
    ODD_ACKNOWLEDGMENT, ODD_IDENTIFICATION, ODD_IPV4_CHECKSUM, ODD_SEQUENCE, ODD_SYN,
    ODD_TCP_CHECKSUM, ODD_TIME_TO_LIVE, ODD_URGENT, ODD_WINDOW, Oddities, Traffic,
};
use support::{Log, Owned, decode, decode_by, encode, encode_by, reseal};

const HEADERS_BYTES: usize = 54;

/// So many bytes that LZ4 finds nothing in.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A frame of the log with these bytes as data, all at point 0.
fn log(frames: &[Vec<u8>]) -> Log {
    let event = |bytes: &Vec<u8>| Owned::Bytes(0, Carrier::Data, 0, bytes.clone());
    Log { events: frames.iter().map(event).collect(), closing: Closing::default() }
}

/// What the bytes of each event take in a fast frame.
fn taken(frames: &[Vec<u8>]) -> Vec<usize> {
    let mut decoder = FrameDecoder::new();
    decoder.open(&encode(&log(frames))).expect("our own frame");
    decoder.records().iter().map(|record| (record.sizes >> 8) as usize).collect()
}

fn odd(bits: u16, value: u32) -> Oddities {
    Oddities { bits, value }
}

#[test]
fn the_next_frame_of_a_flow_takes_three_bytes_and_each_field_that_is_odd_its_own() {
    let cases = [
        (Oddities::default(), 3),
        (odd(ODD_IDENTIFICATION, 0x100), 5),
        (odd(ODD_IPV4_CHECKSUM, 1), 5),
        (odd(ODD_SEQUENCE, 1), 7),
        (odd(ODD_ACKNOWLEDGMENT, 100), 4),
        (odd(ODD_ACKNOWLEDGMENT, u32::MAX), 8),
        (odd(ODD_SYN, 0), 4),
        (odd(ODD_WINDOW, 7), 5),
        (odd(ODD_TCP_CHECKSUM, 1), 5),
        (odd(ODD_TIME_TO_LIVE, 63), 1 + HEADERS_BYTES),
        (odd(ODD_URGENT, 1), 1 + HEADERS_BYTES),
    ];
    for carried in [0, 1, 10, 1001] {
        for (odd, expected) in cases {
            let mut traffic = Traffic::default();
            let first = traffic.frame(0, Oddities::default(), &noise(1, carried));
            let second = traffic.frame(0, odd, &noise(2, carried));
            let header = taken(&[first, second])[1] - carried;
            // What LZ4 makes of a header alone depends on its bytes.
            let limit = if expected > HEADERS_BYTES { 0..=expected } else { expected..=expected };
            assert!(limit.contains(&header), "{header} bytes, {carried} behind, {odd:?}");
        }
    }
}

#[test]
fn requests_take_few_bytes_a_header_on_connections_that_are_mixed() {
    let mut traffic = Traffic::default();
    let (mut frames, mut carried) = (Vec::new(), Vec::new());
    for round in 0..60u32 {
        for flow in 0..6u8 {
            // A request, and then what acknowledges the answer to it, with another window.
            let request = noise(round * 8 + u32::from(flow), 12);
            frames.push(traffic.frame(flow, odd(ODD_ACKNOWLEDGMENT, 0), &request));
            carried.push(request.len());
            let answer = odd(ODD_ACKNOWLEDGMENT | ODD_WINDOW, 500 + round % 30);
            frames.push(traffic.frame(flow, answer, &[]));
            carried.push(0);
        }
    }
    let taken = taken(&frames);
    let headers: Vec<usize> = taken.iter().zip(&carried).map(|(all, rest)| all - rest).collect();
    // The first frame of each flow teaches.
    assert!(headers[12..].iter().all(|&bytes| bytes <= 8), "{headers:?}");
    assert!(headers[12..].iter().sum::<usize>() <= 6 * (headers.len() - 12), "{headers:?}");
    // The same text again takes hardly more than its header.
    let text: Vec<u8> = (0..200).collect();
    let frames: Vec<_> = (0..3).map(|_| traffic.frame(0, Oddities::default(), &text)).collect();
    assert!(self::taken(&frames)[1..].iter().all(|&bytes| bytes <= 3 + 20));
}

#[test]
fn a_flow_is_learnt_from_a_frame_in_whatever_form_it_came_and_a_fresh_context_has_none() {
    let mut traffic = Traffic::default();
    let frames: Vec<_> = (0..3).map(|_| traffic.frame(0, Oddities::default(), &[])).collect();
    for level in [Level::Fast, Level::Dense] {
        let mut encoder = FrameEncoder::new(2, level);
        let mut decoder = FrameDecoder::new();
        let mut sizes = Vec::new();
        for frame in &frames {
            let log = log(std::slice::from_ref(frame));
            let sealed = encode_by(&mut encoder, &log);
            assert_eq!(decode_by(&mut decoder, &sealed).expect("our own frame"), log);
            sizes.push((decoder.records()[0].sizes >> 8) as usize);
        }
        assert!(sizes[0] > 30 && sizes[1] == 3 && sizes[2] > 30, "{sizes:?}");
    }
}

/// The first frame of a flow as it is, then an event of `length` bytes with these behind its token.
fn second_event(carrier: Carrier, length: u64, form: &[u8]) -> Result<Log, Fault> {
    let first = Traffic::default().frame(0, Oddities::default(), b"abcdefgh");
    let code = match carrier {
        Carrier::Data => 1,
        Carrier::State => 2,
        Carrier::Control => 3,
    };
    let mut frame = vec![0xd2, 1, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0xc1, 0, first.len() as u8];
    frame.extend_from_slice(&[0xc0 | code, 0]);
    let mut rest = length;
    while rest >= 0x80 {
        frame.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    frame.extend_from_slice(&[rest as u8, 0]);
    frame.extend_from_slice(&first);
    let at = frame.len();
    frame.extend_from_slice(form);
    reseal(&mut frame);
    decode(&frame).map_err(|fault| Fault { offset: fault.offset.wrapping_sub(at), ..fault })
}

fn refused(length: u64, form: &[u8]) -> (Reason, usize) {
    let fault = second_event(Carrier::Data, length, form).expect_err("a fault");
    (fault.reason, fault.offset)
}

/// The number of the flow of the first frame that [`second_event`] has.
fn flow() -> u8 {
    static FLOW: LazyLock<u8> = LazyLock::new(|| {
        let is_read = |number: &u8| refused(54, &[1, *number]).0 == Reason::Truncated;
        let numbers: Vec<u8> = (0..=255).filter(is_read).collect();
        assert_eq!(numbers.len(), 1, "{numbers:?}");
        numbers[0]
    });
    *FLOW
}

#[test]
fn a_network_frame_is_read_as_what_continues_its_flow() {
    let mut traffic = Traffic::default();
    traffic.frame(0, Oddities::default(), b"abcdefgh");
    let expected = traffic.frame(0, odd(ODD_ACKNOWLEDGMENT, 300), b"next");
    let log = second_event(Carrier::Data, 58, &[1, flow(), 8, 0xac, 2, b'n', b'e', b'x', b't']);
    let Owned::Bytes(_, _, _, found) = &log.expect("a frame").events[1] else { panic!("no data") };
    assert_eq!(found, &expected);
    // A block: seven bytes of the dictionary, and one more literal.
    let mut traffic = Traffic::default();
    traffic.frame(0, Oddities::default(), b"abcdefgh");
    let expected = traffic.frame(0, Oddities::default(), b"bcdefgh!");
    let log = second_event(Carrier::Data, 62, &[1, flow(), 0x80, 5, 3, 7, 0, 0x10, b'!']);
    let Owned::Bytes(_, _, _, found) = &log.expect("a frame").events[1] else { panic!("no data") };
    assert_eq!(found, &expected);
}

#[test]
fn a_network_frame_is_refused_where_none_can_be() {
    let form = [1, flow(), 0];
    for length in 32..54 {
        assert_eq!(refused(length, &form), (Reason::NotNetwork, 0));
    }
    for carrier in [Carrier::State, Carrier::Control] {
        let fault = second_event(carrier, 54, &form).expect_err("a fault");
        assert_eq!((fault.reason, fault.offset), (Reason::NotNetwork, 0));
    }
    for number in 0..=255 {
        if number != flow() {
            assert_eq!(refused(54, &[1, number, 0]), (Reason::NoFlow, 1));
        }
    }
}

#[test]
fn a_network_frame_that_ends_in_a_field_or_has_a_wild_one_is_refused() {
    let flow = flow();
    let all = [1, flow, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff, 0xf, 9, 1, 2, 3, 4];
    assert!(second_event(Carrier::Data, 54, &all).is_ok());
    let begins = [0, 1, 2, 3, 3, 5, 5, 7, 7, 7, 7, 11, 11, 11, 11, 11, 16, 17, 17, 19, 19];
    for (length, begins) in begins.into_iter().enumerate() {
        assert_eq!(refused(54, &all[..length]), (Reason::Truncated, begins), "{length} bytes");
    }
    assert_eq!(refused(55, &all), (Reason::Truncated, all.len()));
    assert_eq!(refused(54, &[1, flow, 0, 7]), (Reason::Surplus, 3));
    assert_eq!(refused(54, &[1, flow, 8, 0xff, 0xff, 0xff, 0xff, 0x1f]), (Reason::Unsafe, 3));
    assert_eq!(refused(54, &[1, flow, 8, 0x80, 0]), (Reason::Overlong, 3));
}

#[test]
fn a_block_behind_the_headers_that_is_not_their_rest_is_refused() {
    let packed = |length: u64, block: &[u8]| {
        let mut form = vec![1, flow(), 0x80, block.len() as u8];
        form.extend_from_slice(block);
        refused(length, &form)
    };
    // Four literals for five bytes, and for three; a match beyond the dictionary; no block at all.
    assert_eq!(packed(59, &[0x40, 1, 2, 3, 4]), (Reason::UnpackedLength, 4));
    assert_eq!(packed(57, &[0x40, 1, 2, 3, 4]), (Reason::Packed, 4));
    assert_eq!(packed(58, &[0, 9, 0, 0]), (Reason::Packed, 4));
    assert_eq!(packed(54, &[]), (Reason::Packed, 4));
    assert_eq!(refused(54, &[1, flow(), 0x80, 2, 0]), (Reason::Truncated, 4));
    let vast = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1];
    let mut form = vec![1, flow(), 0x80];
    form.extend_from_slice(&vast);
    assert_eq!(refused(54, &form), (Reason::Truncated, 11));
    // The same as a form: no number is taken for its low bits.
    assert_eq!(refused(54, &vast), (Reason::Truncated, 8));
    // No bytes, as a block, are one byte.
    assert!(second_event(Carrier::Data, 54, &[1, flow(), 0x80, 1, 0]).is_ok());
}

#[derive(Clone, Debug)]
struct Draft {
    flow: u8,
    odd: Oddities,
    carried: Vec<u8>,
    selector: u8,
}

fn draft() -> impl Strategy<Value = Draft> {
    let flow = prop_oneof![9 => 0u8..5, 1 => any::<u8>()];
    let bits = prop_oneof![
        5 => Just(0),
        5 => (0u16..16).prop_map(|bit| 1 << bit),
        2 => 0u16..256,
        1 => any::<u16>(),
    ];
    let value = prop_oneof![3 => 0u32..600, 1 => any::<u32>()];
    let carried = prop_oneof![
        3 => Just(Vec::new()),
        4 => vec(0u8..2, 0..90),
        2 => vec(any::<u8>(), 0..400),
        1 => (4030usize..4110).prop_map(|length| vec![7; length]),
    ];
    let odd = (bits, value).prop_map(|(bits, value)| Oddities { bits, value });
    (flow, odd, carried, 0u8..3).prop_map(|(flow, odd, carried, selector)| Draft {
        flow,
        odd,
        carried,
        selector,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_of_flows_that_are_mixed_come_back_as_they_went(
        drafts in vec(vec(draft(), 0..30), 1..6),
        chain in 1u32..5,
        is_dense in prop_oneof![4 => Just(false), 1 => Just(true)],
    ) {
        let level = if is_dense { Level::Dense } else { Level::Fast };
        let mut encoder = FrameEncoder::new(chain, level);
        let mut decoder = FrameDecoder::new();
        let mut traffic = Traffic::default();
        for drafts in drafts {
            let event = |Draft { flow, odd, carried, selector }| {
                Owned::Bytes(0, Carrier::Data, selector, traffic.frame(flow, odd, &carried))
            };
            let events = drafts.into_iter().map(event).collect();
            let log = Log { events, closing: Closing::default() };
            let frame = encode_by(&mut encoder, &log);
            prop_assert_eq!(&decode_by(&mut decoder, &frame).expect("our own frame"), &log);
            for (record, event) in decoder.records().iter().zip(decoder.events()) {
                let Event::Bytes { bytes, .. } = event else { panic!("no data") };
                prop_assert!(record.sizes >> 8 <= bytes.len() as u32 + 1);
            }
        }
    }

    #[test]
    fn whatever_form_one_says_is_a_frame_of_its_flow_or_refused(
        length in 54u64..200,
        mask in any::<u8>(),
        said in vec(any::<u8>(), 0..160),
    ) {
        let mut form = vec![1, flow(), mask];
        form.extend_from_slice(&said);
        if let Ok(log) = second_event(Carrier::Data, length, &form) {
            let [Owned::Bytes(_, _, _, first), Owned::Bytes(_, _, _, second)] = &log.events[..]
            else {
                panic!("two events")
            };
            prop_assert_eq!(&first[..16], &second[..16]);
            prop_assert_eq!(&first[26..38], &second[26..38]);
            prop_assert_eq!(second.len() as u64, length);
            prop_assert_eq!(decode(&encode(&log)).expect("our own frame"), log);
        }
    }
}

#[test]
fn every_truncation_of_network_frames_is_refused_even_when_sealed_again() {
    let mut traffic = Traffic::default();
    let frames: Vec<_> = (0..4)
        .map(|round| traffic.frame(round % 2, odd(ODD_WINDOW, round.into()), &[round; 40]))
        .collect();
    let frame = encode(&log(&frames));
    for length in HEADER_BYTES..frame.len() {
        let mut cut = frame[..length].to_vec();
        reseal(&mut cut);
        assert!(decode(&cut).is_err(), "{length} bytes");
    }
}
