//! What holds for every log and for every sequence of bytes. A failing case is printed whole, shrunk;
//! PROPTEST_RNG_SEED and PROPTEST_CASES choose the seed and the number of cases.

mod support;

use codec::MAX_SAFE_INTEGER;
use codec::decode::{Cursor, open_log, open_message};
use codec::encode::{Closing, FrameEncoder, seal_message};
use codec::event::Carrier;
use codec::header::HEADER_BYTES;
use proptest::collection::vec;
use proptest::prelude::*;
use support::{Log, Owned, append, decode, encode, reseal};

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
