//! How fast this machine's own build of the codec encodes and decodes a log: the peer of the WASM build in
//! `bench/codec/`, which calls it.
//!
//! ```text
//! speed LOG ROUNDS MS      a log file; each round lasts at least so many milliseconds a direction
//! ```
//!
//! Prints nanoseconds for each round: encoding all frames once, decoding all frames once.

use std::hint::black_box;
use std::time::{Duration, Instant};
use std::{env, fs};

use codec::decode::open_log;
use codec::encode::{Closing, FrameEncoder};
use codec::event::Event;
use codec::header::{HEADER_BYTES, Header};

/// What precedes the frames of a log file.
const FILE_HEADER_BYTES: usize = 16;

fn frames(mut file: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while !file.is_empty() {
        let header = Header::read(&file[..HEADER_BYTES]).expect("a frame's header");
        let (frame, rest) = file.split_at(HEADER_BYTES + header.payload_bytes as usize);
        frames.push(frame);
        file = rest;
    }
    frames
}

fn events(frame: &[u8]) -> (Closing, Vec<Event<'_>>) {
    let (header, mut cursor) = open_log(frame).expect("a frame of the log");
    let mut events = Vec::new();
    while let Some(event) = cursor.next(frame).expect("checked") {
        events.push(event);
    }
    let Header { generation, sequence, through, exits_checksum, outputs_checksum, .. } = header;
    (Closing { generation, sequence, through, exits_checksum, outputs_checksum }, events)
}

/// As the TypeScript side has it: a copy.
fn encode(encoder: &mut FrameEncoder, closing: &Closing, events: &[Event<'_>]) -> Vec<u8> {
    for event in events {
        match *event {
            Event::Time { point, clock_us } => encoder.time(point, clock_us).expect("in order"),
            Event::Bytes { point, carrier, selector, bytes } => encoder
                .bytes(carrier, point, selector, bytes.len())
                .expect("room for it")
                .copy_from_slice(bytes),
        }
    }
    let frame = encoder.close(closing).expect("a frame").to_vec();
    encoder.reset();
    frame
}

fn decode(frame: &[u8]) {
    let (header, mut cursor) = open_log(frame).expect("a frame of the log");
    black_box(header);
    while let Some(event) = cursor.next(frame).expect("checked") {
        black_box(event);
    }
}

/// Nanoseconds of one call of many, for at least `ms` milliseconds of them.
fn nanoseconds(ms: u64, mut work: impl FnMut()) -> u128 {
    let start = Instant::now();
    let mut passes = 0;
    while passes == 0 || start.elapsed() < Duration::from_millis(ms) {
        work();
        passes += 1;
    }
    start.elapsed().as_nanos() / passes
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [log, rounds, ms] = &arguments[..] else { panic!("LOG ROUNDS MS") };
    let file = fs::read(log).expect("the log");
    let (rounds, ms): (u32, u64) = (rounds.parse().expect("a number"), ms.parse().expect("a time"));
    let frames = frames(&file[FILE_HEADER_BYTES..]);
    let log: Vec<_> = frames.iter().map(|frame| events(frame)).collect();
    let mut encoder = FrameEncoder::new();
    for _ in 0..rounds {
        let encoded = nanoseconds(ms, || {
            for (closing, events) in &log {
                black_box(encode(&mut encoder, closing, events));
            }
        });
        let decoded = nanoseconds(ms, || frames.iter().for_each(|frame| decode(frame)));
        println!("{encoded} {decoded}");
    }
}
