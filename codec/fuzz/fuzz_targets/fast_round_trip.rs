#![no_main]

#[path = "../../tests/support/total.rs"]
mod total;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| total::fast_round_trip(bytes));
