//! How fast this machine's own build of the codec encodes and decodes a log's events: the peer of the
//! WASM build in `bench/codec.ts`, which calls it.
//!
//! ```text
//! speed FILE LEVEL FRAMES SECONDS      FILE: a log; LEVEL: fast or dense
//!                                      FRAMES: in a chain; 0: the events of all frames in as few as hold them
//! ```
//!
//! Prints a line of JSON: events, payload bytes, encoded bytes, and nanoseconds of the fastest round of encoding
//! and of decoding all of them.

use std::time::Instant;
use std::{env, fs};

use codec::decode::FrameDecoder;
use codec::encode::FrameEncoder;
use codec::event::{Carrier, Closing, Event};
use codec::frame::{HEADER_BYTES, Header, Level};

/// Where frames begin in a log file: docs/LOG-FORMAT.md.
const FILE_HEAD_BYTES: usize = 16;

#[derive(Clone)]
enum Owned {
    Time(u64, u64),
    Bytes(u64, Carrier, u8, Vec<u8>),
}

struct Frame {
    events: Vec<Owned>,
    closing: Closing,
}

fn read(file: &[u8]) -> Vec<Frame> {
    let mut decoder = FrameDecoder::new();
    let mut frames = Vec::new();
    let mut at = FILE_HEAD_BYTES;
    while at + HEADER_BYTES <= file.len() {
        let end = at + HEADER_BYTES + Header::read(&file[at..]).expect("a frame").payload_bytes;
        let closing = decoder.open(&file[at..end]).expect("a frame of the log");
        let events = decoder.events().map(|event| match event {
            Event::Time { point, clock_us } => Owned::Time(point, clock_us),
            Event::Bytes { point, carrier, selector, bytes } => {
                Owned::Bytes(point, carrier, selector, bytes.to_vec())
            }
        });
        frames.push(Frame { events: events.collect(), closing });
        at = end;
    }
    frames
}

/// The same events in as few frames as hold them.
fn gathered(frames: &[Frame]) -> Vec<Frame> {
    let mut gathered: Vec<Frame> = Vec::new();
    let mut room = 0;
    for frame in frames {
        let takes = |event: &Owned| match event {
            Owned::Time(..) => 24,
            Owned::Bytes(.., bytes) => 24 + bytes.len(),
        };
        let needed: usize = frame.events.iter().map(takes).sum();
        if needed > room || gathered.is_empty() {
            gathered.push(Frame { events: Vec::new(), closing: frame.closing });
            room = (1 << 20) - 24;
        }
        room = room.saturating_sub(needed);
        let last = gathered.last_mut().expect("one was just pushed");
        last.events.extend_from_slice(&frame.events);
        last.closing = frame.closing;
    }
    gathered
}

fn encode(frames: &[Frame], chain: u32, level: Level) -> Vec<Vec<u8>> {
    let mut encoder = FrameEncoder::new(chain, level);
    let encoded = frames.iter().map(|Frame { events, closing }| {
        for event in events {
            match event {
                Owned::Time(point, clock_us) => encoder.time(*point, *clock_us),
                Owned::Bytes(point, carrier, selector, bytes) => {
                    encoder.bytes(*carrier, *point, *selector, bytes)
                }
            }
            .expect("an event of a log");
        }
        encoder.close(closing).expect("a frame of a log").to_vec()
    });
    encoded.collect()
}

fn decode(frames: &[Vec<u8>]) -> u64 {
    let mut decoder = FrameDecoder::new();
    let mut sum = 0u64;
    for frame in frames {
        decoder.open(frame).expect("our own frame");
        for event in decoder.events() {
            sum = sum.wrapping_add(match event {
                Event::Time { point, clock_us } => point ^ clock_us,
                Event::Bytes { point, bytes, .. } => point ^ bytes.len() as u64,
            });
        }
    }
    sum
}

/// Nanoseconds of the fastest round, of as many as there is time for.
fn fastest(seconds: f64, mut act: impl FnMut()) -> u128 {
    let started = Instant::now();
    let mut best = u128::MAX;
    while best == u128::MAX || started.elapsed().as_secs_f64() < seconds {
        let round = Instant::now();
        act();
        best = best.min(round.elapsed().as_nanos());
    }
    best
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, level, chain, seconds] = &arguments[..] else {
        panic!("usage: speed FILE LEVEL FRAMES SECONDS");
    };
    let level = if level == "dense" { Level::Dense } else { Level::Fast };
    let chain: u32 = chain.parse().expect("a number of frames");
    let seconds: f64 = seconds.parse().expect("a number of seconds");
    let mut frames = read(&fs::read(path).expect("a file that can be read"));
    if chain == 0 {
        frames = gathered(&frames);
    }
    let chain = chain.max(1);
    let encoded = encode(&frames, chain, level);
    let encode_ns = fastest(seconds, || drop(encode(&frames, chain, level)));
    let mut sum = 0;
    let decode_ns = fastest(seconds, || sum ^= decode(&encoded));
    let events: usize = frames.iter().map(|frame| frame.events.len()).sum();
    let payload: usize = frames
        .iter()
        .flat_map(|frame| &frame.events)
        .map(|event| if let Owned::Bytes(.., bytes) = event { bytes.len() } else { 0 })
        .sum();
    let bytes: usize = encoded.iter().map(Vec::len).sum();
    println!(
        "{{\"events\":{events},\"payloadBytes\":{payload},\"bytes\":{bytes},\"encodeNs\":{encode_ns},\
         \"decodeNs\":{decode_ns},\"check\":{sum}}}"
    );
}
