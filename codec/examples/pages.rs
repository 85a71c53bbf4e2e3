//! How fast this machine's own build of the codec encodes and decodes pages: the peer of the WASM
//! build in `bench/pages.ts`, which calls it.
//!
//! ```text
//! pages MEMORY BASE ROUNDS      BASE: a file as MEMORY is, or "-" for none
//! ```
//!
//! Prints the encoded bytes, then nanoseconds for each round of encoding and of decoding all pages.

use std::time::Instant;
use std::{env, fs};

use codec::page::Page;
use codec::page_decode::open_pages;
use codec::page_encode::PageEncoder;

fn pages(bytes: &[u8]) -> &[Page] {
    bytes.as_chunks().0
}

fn encode(encoder: &mut PageEncoder, memory: &[Page], base: Option<&[Page]>) -> Vec<Vec<u8>> {
    let mut batches = Vec::new();
    for (index, page) in memory.iter().enumerate() {
        if encoder.room() == 0 {
            batches.push(encoder.batch().to_vec());
            encoder.reset();
        }
        let base = base.map(|base| &base[index]);
        encoder.page(index as u32, page, base).expect("ascending pages, and room");
    }
    batches.push(encoder.batch().to_vec());
    encoder.reset();
    batches
}

fn decode(batches: &[Vec<u8>], into: &mut [Page]) {
    let count = into.len() as u32;
    for batch in batches {
        let mut cursor = open_pages(batch, count).expect("our own batch");
        while let Some(record) = cursor.next(batch, count).expect("our own batch") {
            record.decode(batch, &mut into[record.page as usize], true).expect("our own record");
        }
    }
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, memory, base, rounds] = &arguments[..] else { panic!("MEMORY BASE ROUNDS") };
    let memory = fs::read(memory).expect("the memory");
    let base = (base != "-").then(|| fs::read(base).expect("the base"));
    let (memory, base) = (pages(&memory), base.as_deref().map(pages));
    let mut encoder = PageEncoder::new();
    let mut into = base.map_or_else(|| vec![[0; 4096]; memory.len()], <[Page]>::to_vec);
    let batches = encode(&mut encoder, memory, base);
    println!("{}", batches.iter().map(Vec::len).sum::<usize>());
    for _ in 0..rounds.parse().expect("a number of rounds") {
        let start = Instant::now();
        let batches = encode(&mut encoder, memory, base);
        let encoded = Instant::now();
        decode(&batches, &mut into);
        println!("{} {}", (encoded - start).as_nanos(), encoded.elapsed().as_nanos());
        assert!(into == memory);
    }
}
