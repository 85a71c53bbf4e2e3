//! What holds for every log and for every sequence of bytes. A failing case is printed whole, shrunk;
//! `PROPTEST_RNG_SEED` and `PROPTEST_CASES` choose the seed and the number of cases.

mod support;

use codec::MAX_SAFE_INTEGER;
use codec::decode::FrameDecoder;
use codec::encode::FrameEncoder;
use codec::event::{Carrier, Closing};
use codec::fault::Reason;
use codec::frame::{HEADER_BYTES, Level, MAX_KIND, MessageHead, open_message, seal_message};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{Log, Owned, decode, decode_by, encode, encode_by, reseal, total};

/// Distances of every size that a varint can have, small ones more often: so predictions come true.
fn distance() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 0u64..4, 2 => 12u64..18, 2 => 0u64..20_000, 1 => 0u64..(1 << 40)]
}

#[derive(Clone, Debug)]
enum Draft {
    Time(u64),
    Bytes(Carrier, u8, Vec<u8>),
}

fn draft() -> impl Strategy<Value = Draft> {
    let carrier = prop_oneof![Just(Carrier::Data), Just(Carrier::State), Just(Carrier::Control)];
    let bytes = prop_oneof![vec(0u8..4, 0..8), vec(0u8..2, 30..120), vec(any::<u8>(), 0..300)];
    prop_oneof![
        5 => distance().prop_map(Draft::Time),
        3 => (carrier, 0u8..10, bytes)
            .prop_map(|(carrier, selector, bytes)| Draft::Bytes(carrier, selector, bytes)),
    ]
}

/// The frames of a chain.
fn logs() -> impl Strategy<Value = Vec<Log>> {
    let frame = (vec((distance(), draft()), 0..40), distance(), 0u32..3, 0u64..3, 0u32..3, 0u32..3);
    (distance(), distance(), distance(), vec(frame, 1..8)).prop_map(
        |(mut point, mut clock_us, mut sequence, frames)| {
            let mut generation = 0;
            let mut logs = Vec::new();
            for (drafts, rest, reigns, skipped, exits_checksum, outputs_checksum) in frames {
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
                point += rest;
                generation += reigns / 2;
                sequence += 1 + skipped / 2;
                let through = point;
                let closing =
                    Closing { generation, sequence, through, exits_checksum, outputs_checksum };
                logs.push(Log { events, closing });
            }
            logs
        },
    )
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![4 => Just(Level::Fast), 1 => Just(Level::Dense)]
}

/// Decoding either fails with an offset inside the frame, or gives what encodes to the same log.
fn check_total(frame: &[u8]) {
    match decode(frame) {
        Ok(log) => assert_eq!(decode(&encode(&log)).expect("our own frame"), log),
        Err(fault) => assert!(fault.offset <= (1 << 20) + 128, "{fault:?}"),
    }
    let _ = open_message(frame);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn logs_come_back_as_they_went(logs in logs(), chain in 1u32..6, level in level()) {
        let mut encoder = FrameEncoder::new(chain, level);
        let mut decoder = FrameDecoder::new();
        for log in &logs {
            let frame = encode_by(&mut encoder, log);
            prop_assert_eq!(&decode_by(&mut decoder, &frame).expect("our own frame"), log);
        }
    }

    #[test]
    fn frames_that_are_alone_are_the_same_whatever_came_before(logs in logs()) {
        let mut encoder = FrameEncoder::new(1, Level::Fast);
        for log in &logs {
            prop_assert_eq!(encode_by(&mut encoder, log), encode(log));
        }
    }

    #[test]
    fn a_chain_is_read_in_order_and_without_a_gap(
        logs in logs(),
        left_out in any::<prop::sample::Index>(),
        level in level(),
    ) {
        let mut encoder = FrameEncoder::new(1000, level);
        let frames: Vec<_> = logs.iter().map(|log| encode_by(&mut encoder, log)).collect();
        let left_out = left_out.index(frames.len());
        let mut decoder = FrameDecoder::new();
        for (index, frame) in frames.iter().enumerate() {
            if index == left_out {
                continue;
            }
            let opened = decode_by(&mut decoder, frame);
            prop_assert_eq!(opened.is_ok(), index < left_out, "frame {} of {:?}", index, opened);
        }
    }

    #[test]
    fn any_bytes_at_all_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        check_total(&bytes);
        total::any_frame(&bytes);
        total::fast_frames(&bytes);
        total::dense_frames(&bytes);
        total::fast_round_trip(&bytes);
        total::dense_round_trip(&bytes);
        total::pages(&bytes);
    }

    #[test]
    fn any_payload_under_a_sound_header_is_decoded_or_refused(
        payload in vec(any::<u8>(), 0..200),
        dense in any::<bool>(),
    ) {
        let mut frame = vec![0xd2, if dense { 0x81 } else { 1 }, 0, 0, 0, 0, 0, 0, 0];
        frame.extend_from_slice(&payload);
        reseal(&mut frame);
        check_total(&frame);
    }

    #[test]
    fn a_mutated_frame_is_refused_and_resealed_is_decoded_or_refused(
        logs in logs(),
        level in level(),
        changes in vec((any::<prop::sample::Index>(), 1u8..=255), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut frame = encode_by(&mut FrameEncoder::new(1, level), &logs[0]);
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
    fn after_a_fault_nothing_continues_the_chain(logs in logs(), level in level()) {
        let mut encoder = FrameEncoder::new(1000, level);
        let frames: Vec<_> = logs.iter().map(|log| encode_by(&mut encoder, log)).collect();
        let mut decoder = FrameDecoder::new();
        decoder.open(&frames[0]).expect("our own frame");
        prop_assert!(decoder.open(b"no frame").is_err());
        for frame in &frames[1..] {
            let fault = decoder.open(frame).expect_err("a fault");
            prop_assert!(matches!(fault.reason, Reason::ChainChecksum | Reason::NoChain), "{:?}", fault);
        }
        prop_assert!(decoder.open(&frames[0]).is_ok());
    }

    #[test]
    fn a_message_comes_back_as_it_went(
        kind in 2u8..=MAX_KIND,
        generation in any::<u32>(),
        sequence in 0..=MAX_SAFE_INTEGER,
        through in 0..=MAX_SAFE_INTEGER,
        payload in vec(any::<u8>(), 0..300),
    ) {
        let head = MessageHead { kind, generation, sequence, through };
        let frame = seal_message(&head, &payload).expect("valid");
        prop_assert_eq!(open_message(&frame).expect("our own frame"), (head, &payload[..]));
        prop_assert!(decode(&frame).is_err());
    }
}
