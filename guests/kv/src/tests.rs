//! The library on the host. Random tests run from the seeds 0, 1, 2..., and say which one they were at.

use crate::random::Random;

mod blocks;
mod commands;
mod options;
mod resp;
mod session;
mod store;

/// Runs a test from so many seeds.
fn with_seeds(count: u64, mut test: impl FnMut(&mut Random)) {
    for seed in 0..count {
        println!("seed {seed}");
        test(&mut Random(seed));
    }
}

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// So many bytes.
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// A command as clients send it.
fn encoded(arguments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        bytes.extend(format!("${}\r\n", argument.len()).bytes());
        bytes.extend(*argument);
        bytes.extend(b"\r\n");
    }
    bytes
}
