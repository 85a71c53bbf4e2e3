//! The library on the host: what the doc comment of lib.rs promises.

use crate::account::KEPT;
use crate::printer::Chain;
use crate::{Ledger, Source, Time, World};
use std::string::String;

const TIME: Time = Time { ms: 1234, wall: Some([26, 11, 22, 23, 59, 8]) };

/// A machine without the instructions that only some ledgers use.
struct Plain;

impl World for Plain {
    fn time(&mut self) -> Time {
        TIME
    }
}

/// One with them: they say what it has.
struct Rogue(Option<u64>);

impl World for Rogue {
    const DRAWS: bool = true;

    fn time(&mut self) -> Time {
        TIME
    }

    fn draw(&mut self, _: Source) -> Option<u64> {
        self.0
    }
}

/// Feeds bytes; gives what was printed.
fn feed(ledger: &mut Ledger, bytes: &[u8]) -> String {
    feed_in(&mut Plain, ledger, bytes)
}

fn feed_in<W: World>(world: &mut W, ledger: &mut Ledger, bytes: &[u8]) -> String {
    let mut printed = String::new();
    for &byte in bytes {
        if let Some(reply) = ledger.receive(byte, false, world) {
            printed += str::from_utf8(reply.line).unwrap();
        }
    }
    printed
}

/// A line without its number and checksum.
fn ask(ledger: &mut Ledger, request: &str) -> String {
    ask_in(&mut Plain, ledger, request)
}

fn ask_in<W: World>(world: &mut W, ledger: &mut Ledger, request: &str) -> String {
    let printed = feed_in(world, ledger, format!("{request}\n").as_bytes());
    let (_, rest) = printed.split_once(' ').unwrap();
    rest.rsplit_once(" ~").unwrap().0.into()
}

/// Does what an observer does: checks numbers and chain by the output alone.
fn observe(output: &str) {
    let mut chain = Chain::default();
    for (index, line) in output.lines().enumerate() {
        let (body, sum) = line.rsplit_once('~').unwrap();
        let mut words = body.splitn(3, ' ');
        assert_eq!(words.next().unwrap(), (index + 1).to_string());
        if !["boot", "tick"].contains(&words.next().unwrap()) {
            let (request, _) = words.next().unwrap().rsplit_once(" => ").unwrap();
            chain.fold(format!("{request}\n").as_bytes());
        }
        chain.fold(body.as_bytes());
        assert_eq!(sum, format!("{:08x}", chain.value()), "{line}");
    }
}

#[test]
fn fnv_1a_has_its_published_values() {
    let mut chain = Chain::default();
    assert_eq!(chain.value(), 0x811c_9dc5);
    chain.fold(b"foobar");
    assert_eq!(chain.value(), 0xbf9c_f968);
}

#[test]
fn the_example_of_the_documentation_is_what_comes_out() {
    let mut ledger = Ledger::new(100);
    let mut output = String::from_utf8(ledger.boot().to_vec()).unwrap();
    output += str::from_utf8(ledger.tick(100).unwrap()).unwrap();
    output += &feed(&mut ledger, b"#7 add 5\n#7 add 5\nb\xff\n");
    observe(&output);
    let documented: String = include_str!("lib.rs")
        .lines()
        .skip_while(|line| *line != "//! ```text")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| format!("{}\n", line.trim_start_matches("//! ")))
        .collect();
    assert_eq!(documented, output);
}

#[test]
fn requests_change_and_tell_the_account() {
    let mut ledger = Ledger::new(100);
    assert_eq!(ask(&mut ledger, "add 5"), "answer add 5 => 5");
    assert_eq!(ask(&mut ledger, "sub 12"), "answer sub 12 => -7");
    assert_eq!(ask(&mut ledger, "get"), "answer get => -7");
    assert_eq!(ask(&mut ledger, "sum"), "answer sum => 2 operations, total 17");
    assert_eq!(ask(&mut ledger, "time"), "answer time => 1234ms 2026-11-22 23:59:08");
    assert_eq!(ask(&mut ledger, "quit"), "bye quit => balance -7");
}

#[test]
fn what_a_processor_says_moves_the_balance_and_is_remembered() {
    let mut ledger = Ledger::new(100);
    let (mut up, mut down, mut balance) = (0, 0, 0);
    for word in 0..100 {
        let request = format!("#{word} {}", ["tsc", "tscp", "random"][word as usize % 3]);
        let answer = ask_in(&mut Rogue(Some(word)), &mut ledger, &request);
        let result = answer.strip_prefix(&format!("answer {request} => ")).unwrap();
        let (amount, now) = result.rsplit_once(" to ").unwrap();
        let now: i64 = now.parse().unwrap();
        match amount.split_once("up ").or(amount.split_once("luck runs out, down ")).unwrap() {
            (_, digits) if amount.starts_with("up") => {
                up += 1;
                assert_eq!(now, balance + digits.parse::<i64>().unwrap());
            }
            (_, digits) => {
                down += 1;
                assert_eq!(now, balance - digits.parse::<i64>().unwrap());
            }
        }
        balance = now;
        let again = ask_in(&mut Rogue(Some(word + 1)), &mut ledger, &request);
        assert_eq!(again, answer.replace("answer", "again"));
    }
    assert!(up > 20 && down > 20, "{up} up, {down} down");
    assert!(ask(&mut ledger, "sum").starts_with("answer sum => 100 operations, "));
}

#[test]
fn an_instruction_that_is_not_there_is_an_error_and_a_plain_ledger_knows_no_such_request() {
    let mut ledger = Ledger::new(100);
    let answer = ask_in(&mut Rogue(None), &mut ledger, "#1 tsc");
    assert_eq!(answer, "error #1 tsc => no such instruction here");
    assert_eq!(ask(&mut ledger, "#1 tsc"), "error #1 tsc => unknown request");
    assert_eq!(ask(&mut ledger, "sum"), "answer sum => 0 operations, total 0");
}

#[test]
fn only_quit_ends_the_guest() {
    let mut ledger = Ledger::new(100);
    let ends = b"get\nquit\n"
        .map(|byte| ledger.receive(byte, false, &mut Plain).is_some_and(|reply| reply.end));
    assert_eq!(ends.iter().position(|&end| end), Some(8));
}

#[test]
fn a_repeated_number_gets_the_same_answer_and_changes_nothing() {
    let mut ledger = Ledger::new(100);
    assert_eq!(ask(&mut ledger, "#1 add 5"), "answer #1 add 5 => 5");
    assert_eq!(ask(&mut ledger, "#2 add 5"), "answer #2 add 5 => 10");
    assert_eq!(ask(&mut ledger, "#1 add 5"), "again #1 add 5 => 5");
    assert_eq!(ask(&mut ledger, "#1 add 6"), "error #1 add 6 => number of another request");
    assert_eq!(ask(&mut ledger, "get"), "answer get => 10");
}

#[test]
fn a_number_that_ended_in_an_error_can_be_used_again() {
    let mut ledger = Ledger::new(100);
    ask(&mut ledger, "add 1");
    let most = format!("#1 add {}", i64::MAX);
    assert_eq!(ask(&mut ledger, &most), format!("error {most} => overflow"));
    ask(&mut ledger, "sub 1");
    assert_eq!(ask(&mut ledger, &most), format!("answer {most} => {}", i64::MAX));
}

#[test]
fn the_last_65536_numbers_are_kept_and_older_ones_refused() {
    let mut ledger = Ledger::new(100);
    for number in 1..=KEPT + 1 {
        ask(&mut ledger, &format!("#{number} add 1"));
    }
    assert_eq!(ask(&mut ledger, "#1 add 1"), "error #1 add 1 => number too old");
    assert_eq!(ask(&mut ledger, "#2 add 1"), "again #2 add 1 => 2");
    assert_eq!(ask(&mut ledger, "get"), format!("answer get => {}", KEPT + 1));
}

#[test]
fn overflow_is_an_error_at_both_ends() {
    let mut ledger = Ledger::new(100);
    ask(&mut ledger, &format!("add {}", i64::MAX));
    assert_eq!(ask(&mut ledger, "add 1"), "error add 1 => overflow");
    assert_eq!(ask(&mut ledger, "sub -1"), "error sub -1 => overflow");
    ask(&mut ledger, &format!("sub {}", i64::MAX));
    assert_eq!(
        ask(&mut ledger, &format!("add {}", i64::MIN)),
        format!("answer add {0} => {0}", i64::MIN)
    );
    assert_eq!(ask(&mut ledger, "sub 1"), "error sub 1 => overflow");
    let total = 2 * i64::MAX.unsigned_abs() as u128 + u128::from(i64::MIN.unsigned_abs());
    assert_eq!(ask(&mut ledger, "sum"), format!("answer sum => 3 operations, total {total}"));
}

#[test]
fn bad_requests_say_what_is_wrong() {
    let mut ledger = Ledger::new(100);
    for (request, why) in [
        ("give 5", "unknown request"),
        ("#5", "unknown request"),
        ("#x get", "bad request number"),
        ("add", "bad number"),
        ("add five", "bad number"),
        ("add 9223372036854775808", "bad number"),
        ("get 5", "too many words"),
    ] {
        assert_eq!(ask(&mut ledger, request), format!("error {request} => {why}"));
    }
}

#[test]
fn what_is_echoed_is_escaped_and_bounded() {
    let mut ledger = Ledger::new(100);
    assert!(feed(&mut ledger, b"a\\\x07\xc3\n").contains(r" error a\\\x07\xc3 => "));
    let output = feed(&mut ledger, &[&[0xfe; 300][..], b"\n"].concat());
    let echo = format!("{} => longer than 256 bytes ~", r"\xfe".repeat(256));
    assert!(output.contains(&echo), "{output}");
    assert!(feed(&mut ledger, &[&[b' '; 253][..], b"get\n"].concat()).contains(" answer "));
}

#[test]
fn empty_lines_do_not_count_and_either_end_will_do() {
    let mut ledger = Ledger::new(100);
    let output = feed(&mut ledger, b"\r\n\nget\r\n\rget\n");
    assert_eq!(output.lines().count(), 2);
    observe(&output);
}

#[test]
fn a_request_with_bytes_lost_is_not_applied() {
    let mut ledger = Ledger::new(100);
    feed(&mut ledger, b"add ");
    assert!(ledger.receive(b'5', true, &mut Plain).is_none());
    assert!(feed(&mut ledger, b"\n").contains(" error add 5 => bytes were lost in it ~"));
    assert_eq!(ask(&mut ledger, "get"), "answer get => 0");
}

#[test]
fn ticks_come_one_for_every_100_ms_however_late() {
    let mut ledger = Ledger::new(100);
    assert!(ledger.tick(99).is_none());
    assert!(ledger.tick(100).is_some());
    assert!(ledger.tick(199).is_none());
    let mut late = 0;
    while ledger.tick(1000).is_some() {
        late += 1;
    }
    assert_eq!(late, 9);
}

/// Any bytes at all give lines that an observer can follow. SEED chooses them.
#[test]
fn an_observer_of_the_output_alone_can_follow_the_chain() {
    let mut seed: u64 = std::env::var("SEED").map_or(1, |text| text.parse().unwrap());
    println!("SEED={seed}");
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let parts = ["add ", "sub ", "get", "sum", "#", " => ", "~", "\\", "7", "-", "\n", "\r", " "];
    let mut ledger = Ledger::new(100);
    let mut output = String::from_utf8(ledger.boot().to_vec()).unwrap();
    for _ in 0..20_000 {
        match draw(16) {
            0 => output += &feed(&mut ledger, &[draw(256) as u8]),
            1 => {
                if let Some(line) = ledger.tick(draw(100_000)) {
                    output += str::from_utf8(line).unwrap();
                }
            }
            _ => output += &feed(&mut ledger, parts[draw(parts.len() as u64) as usize].as_bytes()),
        }
    }
    assert!(output.lines().count() > 1000);
    observe(&output);
}
