//! How fast this machine's own build of the codec encodes and decodes a log's events: the peer of the
//! WASM build in `bench/codec.ts`, which calls it.
//!
//! ```text
//! speed LOG LEVEL CHAIN ROUNDS MS      fast or dense, frames in a chain; a round lasts so many milliseconds at least
//! ```
//!
//! Prints nanoseconds for each round: encoding all frames once, decoding all frames once.

use std::hint::black_box;
use std::time::{Duration, Instant};
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

/// What one of many calls takes, for at least so long of them.
fn nanoseconds(least: Duration, mut work: impl FnMut()) -> u128 {
    let start = Instant::now();
    let mut passes = 0;
    while passes == 0 || start.elapsed() < least {
        work();
        passes += 1;
    }
    start.elapsed().as_nanos() / passes
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, level, chain, rounds, ms] = &arguments[..] else {
        panic!("usage: speed LOG LEVEL CHAIN ROUNDS MS");
    };
    let level = if level == "dense" { Level::Dense } else { Level::Fast };
    let chain = chain.parse().expect("a number of frames");
    let rounds: u32 = rounds.parse().expect("a number of rounds");
    let least = Duration::from_millis(ms.parse().expect("a number of milliseconds"));
    let frames = read(&fs::read(path).expect("a file that can be read"));
    let encoded = encode(&frames, chain, level);
    for _ in 0..rounds {
        let encode_ns = nanoseconds(least, || drop(black_box(encode(&frames, chain, level))));
        let decode_ns = nanoseconds(least, || {
            black_box(decode(&encoded));
        });
        println!("{encode_ns} {decode_ns}");
    }
}
