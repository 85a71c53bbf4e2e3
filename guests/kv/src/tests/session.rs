//! Sessions over a stream of bounded buffers, its bytes in pieces of any size.

use super::commands::replies;
use super::{encoded, with_seeds};
use crate::commands::Facts;
use crate::limits::{ARGUMENTS_MAX, RECEIVE_BYTES, TRANSMIT_BYTES, VALUE_MAX};
use crate::random::Random;
use crate::session::{Session, Shared, Stream};
use crate::store::Store;
use std::collections::VecDeque;

/// The buffers, and the wire at both ends of them.
#[derive(Default)]
struct Wire {
    coming: VecDeque<u8>,
    received: VecDeque<u8>,
    sending: VecDeque<u8>,
    sent: Vec<u8>,
}

impl Stream for Wire {
    fn available(&self) -> usize {
        self.received.len()
    }

    fn peek(&mut self, to: &mut [u8]) {
        to.iter_mut().zip(&self.received).for_each(|(to, byte)| *to = *byte);
    }

    fn consume(&mut self, bytes: usize) {
        self.received.drain(..bytes);
    }

    fn room(&self) -> usize {
        TRANSMIT_BYTES - self.sending.len()
    }

    fn send(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.sending.extend(&bytes[..count]);
        count
    }
}

impl Wire {
    /// Moves at most so many bytes each way.
    fn move_bytes(&mut self, coming: usize, sent: usize) {
        let count = coming.min(self.coming.len()).min(RECEIVE_BYTES - self.received.len());
        self.received.extend(self.coming.drain(..count));
        let count = sent.min(self.sending.len());
        self.sent.extend(self.sending.drain(..count));
    }

    fn is_quiet(&self) -> bool {
        self.coming.is_empty() && self.sending.is_empty()
    }
}

fn shared(memory_bytes: usize) -> Shared {
    Shared::new(Facts::default(), || Store::new(memory_bytes, 1))
}

/// Serves until nothing moves any more; whether the session ended.
fn exchange(session: &mut Session, shared: &mut Shared, wire: &mut Wire, piece: usize) -> bool {
    for _ in 0..10_000_000 {
        wire.move_bytes(piece, piece);
        let ended = session.serve(shared, wire, 1);
        if wire.is_quiet() && wire.sending.is_empty() {
            return ended;
        }
    }
    panic!("no end");
}

fn say(session: &mut Session, shared: &mut Shared, bytes: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let mut wire = Wire { coming: bytes.iter().copied().collect(), ..Wire::default() };
    let ended = exchange(session, shared, &mut wire, piece);
    (wire.sent, ended)
}

fn some_command(random: &mut Random) -> Vec<u8> {
    let key = format!("{}", random.below(5)).into_bytes();
    let length = match random.below(20) {
        0 => random.below(VALUE_MAX + 1),
        1..=3 => random.below(RECEIVE_BYTES),
        _ => random.below(30),
    };
    let value = random.bytes(length);
    match random.below(6) {
        0 | 1 => encoded(&[b"SET", &key, &value]),
        2 => encoded(&[b"GET", &key]),
        3 => b"PING\r\n".to_vec(),
        4 => encoded(&[b"MGET", b"0", b"1", b"2"]),
        _ => encoded(&[b"ECHO", &value]),
    }
}

#[test]
fn replies_do_not_depend_on_how_the_bytes_come_and_go() {
    with_seeds(20, |random| {
        let commands: Vec<Vec<u8>> = (0..60).map(|_| some_command(random)).collect();
        let mut server = shared(8 << 20);
        let one_by_one: Vec<u8> = commands
            .iter()
            .flat_map(|command| say(&mut Session::new(), &mut server, command, 1 << 20).0)
            .collect();
        assert_eq!(replies(&one_by_one), Some(commands.len()));
        for _ in 0..4 {
            let piece = 1 + random.below(2000);
            let mut server = shared(8 << 20);
            let mut session = Session::new();
            let (sent, ended) = say(&mut session, &mut server, &commands.concat(), piece);
            assert!(sent == one_by_one && !ended, "pieces of {piece}");
            let used = server.store.used_bytes();
            session.reset(&mut server);
            assert_eq!(server.store.used_bytes(), used, "nothing was held");
        }
    });
}

#[test]
fn a_long_command_byte_by_byte_waits_in_the_memory_and_leaves_none_behind() {
    let mut server = shared(4 << 20);
    let mut session = Session::new();
    let value = vec![b'v'; VALUE_MAX];
    let set = encoded(&[b"SET", b"a", &value]);
    let mut wire = Wire { coming: set.iter().copied().collect(), ..Wire::default() };
    for _ in 1..set.len() {
        wire.move_bytes(1, 1);
        assert!(!session.serve(&mut server, &mut wire, 1));
        assert!(wire.available() <= RECEIVE_BYTES / 2);
    }
    assert!(server.store.used_bytes() > VALUE_MAX - RECEIVE_BYTES);
    exchange(&mut session, &mut server, &mut wire, 1);
    assert_eq!(wire.sent, b"+OK\r\n");
    server.store.clear();
    assert_eq!(server.store.used_bytes(), 0);
}

#[test]
fn who_leaves_in_the_middle_of_it_leaves_nothing_behind() {
    let mut server = shared(4 << 20);
    let value = vec![b'v'; VALUE_MAX];
    say(&mut Session::new(), &mut server, &encoded(&[b"SET", b"a", &value]), 1 << 20);
    let used = server.store.used_bytes();
    let set = encoded(&[b"SET", b"b", &value]);
    let mut session = Session::new();
    say(&mut session, &mut server, &set[..set.len() / 2], 1000);
    assert!(server.store.used_bytes() > used);
    session.reset(&mut server);
    assert_eq!(server.store.used_bytes(), used);
    let mut wire = Wire { received: encoded(&[b"GET", b"a"]).into(), ..Wire::default() };
    assert!(!session.serve(&mut server, &mut wire, 1));
    assert!(session.is_blocked(&wire) && server.store.used_bytes() > used);
    session.reset(&mut server);
    assert_eq!(server.store.used_bytes(), used);
}

#[test]
fn who_does_not_take_replies_is_not_served_and_loses_none() {
    let mut server = shared(4 << 20);
    let mut session = Session::new();
    let pings = 3 * TRANSMIT_BYTES / b"+PONG\r\n".len();
    let mut wire = Wire { coming: b"PING\r\n".repeat(pings).into(), ..Wire::default() };
    for _ in 0..100 {
        wire.move_bytes(RECEIVE_BYTES, 0);
        session.serve(&mut server, &mut wire, 1);
    }
    assert!(session.is_blocked(&wire) && !wire.coming.is_empty());
    assert_eq!(wire.available(), RECEIVE_BYTES);
    exchange(&mut session, &mut server, &mut wire, 1000);
    assert_eq!(wire.sent, b"+PONG\r\n".repeat(pings));
}

#[test]
fn a_breach_of_the_protocol_is_answered_and_ends_the_session() {
    let mut server = shared(1 << 20);
    let bytes = b"PING\r\n*1\r\nPING\r\nPING\r\n";
    let (sent, ended) = say(&mut Session::new(), &mut server, bytes, 5);
    assert!(ended);
    let why = "expected '$' before an argument";
    assert_eq!(sent, format!("+PONG\r\n-ERR Protocol error: {why}\r\n").as_bytes());
    let (sent, ended) = say(&mut Session::new(), &mut server, b"QUIT\r\nPING\r\n", 100);
    assert_eq!((&sent[..], ended), (&b"+OK\r\n"[..], true));
}

#[test]
fn without_memory_long_commands_and_replies_are_errors_and_short_ones_go_on() {
    let mut server = shared(400 << 10);
    let value = vec![b'v'; VALUE_MAX];
    for key in [&b"a"[..], b"b", b"c", b"d"] {
        // Twice: a value is replaced in the memory that it has.
        say(&mut Session::new(), &mut server, &encoded(&[b"SET", key, &value]), 999);
        let (sent, _) =
            say(&mut Session::new(), &mut server, &encoded(&[b"SET", key, &value]), 999);
        assert_eq!(sent, b"+OK\r\n");
    }
    // Clients that take nothing: their replies fill what is left.
    let get = encoded(&[b"GET", b"a"]);
    let mut greedy = [Session::new(), Session::new()].map(|mut session| {
        let mut wire = Wire { received: get.clone().into(), ..Wire::default() };
        session.serve(&mut server, &mut wire, 1);
        (session, wire)
    });
    let (sent, ended) = say(&mut Session::new(), &mut server, &get, 999);
    assert!(!ended && sent == b"-OOM no memory for a reply of this length\r\n", "{}", sent.len());
    let set = encoded(&[b"SET", b"e", &value]);
    let (sent, ended) = say(&mut Session::new(), &mut server, &set, 999);
    assert!(ended && sent == b"-OOM no memory for a command of this length\r\n");
    let (sent, _) = say(&mut Session::new(), &mut server, b"INCR n\r\nSTRLEN a\r\n", 999);
    assert!(sent.ends_with(b":65536\r\n"));
    for (session, wire) in &mut greedy {
        exchange(session, &mut server, wire, 999);
        assert_eq!(wire.sent.len(), 8 + VALUE_MAX + 2);
    }
    let (sent, _) = say(&mut Session::new(), &mut server, &get, 999);
    assert_eq!(sent.len(), 8 + VALUE_MAX + 2);
}

#[test]
fn a_command_of_many_arguments_is_taken_in_any_pieces() {
    let mut server = shared(8 << 20);
    let numbers: Vec<String> = (1..ARGUMENTS_MAX).map(|number| format!("{number:060}")).collect();
    let mut arguments = vec![&b"MGET"[..]];
    arguments.extend(numbers.iter().map(String::as_bytes));
    let (sent, _) = say(&mut Session::new(), &mut server, &encoded(&arguments), 7);
    assert_eq!(sent, [&b"*1023\r\n"[..], &b"$-1\r\n".repeat(ARGUMENTS_MAX - 1)].concat());
}
