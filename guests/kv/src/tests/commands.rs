//! Commands and their replies, as bytes.

use crate::commands::{COMMANDS, Call, Facts, run};
use crate::limits::{ARGUMENTS_MAX, KEY_MAX, QUOTE_MAX, VALUE_MAX};
use crate::reply::Reply;
use crate::resp::{Arguments, Parsed, Places, parse};
use crate::store::Store;

use super::{encoded, with_seeds};

struct Server {
    store: Store,
    facts: Facts,
    now_ms: u64,
    ended: bool,
}

impl Server {
    fn new() -> Self {
        let facts = Facts { port: 6379, ..Facts::default() };
        Self { store: Store::new(1 << 20, 1), facts, now_ms: 1000, ended: false }
    }

    fn ask_bytes(&mut self, arguments: &[&[u8]]) -> Vec<u8> {
        let bytes = encoded(arguments);
        let mut places = Places::new();
        assert_eq!(parse(&bytes, &mut places), Parsed::Command(bytes.len()));
        let mut reply = Reply::new();
        let mut call = Call {
            arguments: Arguments::new(&bytes, &places),
            store: &mut self.store,
            reply: &mut reply,
            facts: &mut self.facts,
            now_ms: self.now_ms,
            ends: false,
        };
        run(&mut call);
        self.ended = call.ends;
        reply.finish().to_vec()
    }

    /// Words in, the reply out, its line ends as spaces.
    fn ask(&mut self, words: &str) -> String {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let reply = String::from_utf8(self.ask_bytes(&words)).unwrap();
        reply.strip_suffix("\r\n").expect("a line end").replace("\r\n", " ")
    }

    fn check(&mut self, replies: &[(&str, &str)]) {
        for (words, reply) in replies {
            assert_eq!(self.ask(words), *reply, "{words}");
        }
    }
}

#[test]
fn values_are_set_read_and_removed() {
    Server::new().check(&[
        ("GET a", "$-1"),
        ("SET a b", "+OK"),
        ("get a", "$1 b"),
        ("STRLEN a", ":1"),
        ("APPEND a cd", ":3"),
        ("APPEND new x", ":1"),
        ("GET a", "$3 bcd"),
        ("MSET a 1 b 2 a 3", "+OK"),
        ("MGET a b c", "*3 $1 3 $1 2 $-1"),
        ("EXISTS a a c", ":2"),
        ("DBSIZE", ":3"),
        ("DEL a a c", ":1"),
        ("FLUSHALL", "+OK"),
        ("DBSIZE", ":0"),
        ("FLUSHALL now", "-ERR syntax error"),
    ]);
}

#[test]
fn set_has_conditions_and_an_expiry() {
    Server::new().check(&[
        ("SET a 1 XX", "$-1"),
        ("SET a 1 nx", "+OK"),
        ("SET a 2 NX", "$-1"),
        ("SET a 2 XX EX 10", "+OK"),
        ("TTL a", ":10"),
        ("SET a 3 PX 1500", "+OK"),
        ("PTTL a", ":1500"),
        ("SET a 4", "+OK"),
        ("TTL a", ":-1"),
        ("SET a 1 NX XX", "-ERR syntax error"),
        ("SET a 1 EX 1 PX 1", "-ERR syntax error"),
        ("SET a 1 EX", "-ERR syntax error"),
        ("SET a 1 WHAT", "-ERR syntax error"),
        ("SET a 1 EX x", "-ERR value is not an integer or out of range"),
        ("SET a 1 EX 0", "-ERR invalid expire time in 'set' command"),
        ("SET a 1 EX 9223372036854775807", "-ERR invalid expire time in 'set' command"),
        ("SET a 1 PX 9223372036854775807", "-ERR invalid expire time in 'set' command"),
        ("GET a", "$1 4"),
    ]);
}

#[test]
fn keys_end_when_their_time_has_come() {
    let mut server = Server::new();
    server.check(&[
        ("EXPIRE a 1", ":0"),
        ("TTL a", ":-2"),
        ("MSET a 1 b 1 c 1", "+OK"),
        ("EXPIRE a 2", ":1"),
        ("PEXPIRE b 1", ":1"),
        ("EXPIRE c -1", ":1"),
        ("EXISTS c", ":0"),
        ("INCR a", ":2"),
        ("APPEND a 0", ":2"),
    ]);
    server.now_ms += 1;
    server.check(&[("PTTL a", ":1999"), ("GET b", "$-1"), ("EXISTS a b", ":1")]);
    server.now_ms += 1998;
    server.check(&[("GET a", "$2 20"), ("TTL a", ":0")]);
    server.now_ms += 1;
    server.check(&[("GET a", "$-1"), ("DBSIZE", ":0"), ("INCR a", ":1"), ("TTL a", ":-1")]);
    let invalid = "-ERR invalid expire time in 'expire' command";
    server.check(&[("EXPIRE a 9223372036854775807", invalid), ("TTL a", ":-1")]);
}

#[test]
fn numbers_are_counted_up_and_down_within_64_bits() {
    let no_integer = "-ERR value is not an integer or out of range";
    let overflow = "-ERR increment or decrement would overflow";
    Server::new().check(&[
        ("INCR n", ":1"),
        ("INCRBY n 41", ":42"),
        ("DECR n", ":41"),
        ("DECRBY n 42", ":-1"),
        ("SET n 9223372036854775807", "+OK"),
        ("INCR n", overflow),
        ("SET n -9223372036854775808", "+OK"),
        ("DECR n", overflow),
        ("DECRBY n -9223372036854775808", "-ERR decrement would overflow"),
        ("INCRBY n x", no_integer),
        ("SET n 01", "+OK"),
        ("INCR n", no_integer),
        ("SET n 123456789012345678901234567890", "+OK"),
        ("INCR n", no_integer),
    ]);
}

#[test]
fn the_server_answers_for_itself() {
    let mut server = Server::new();
    server.check(&[
        ("PING", "+PONG"),
        ("PING hi", "$2 hi"),
        ("PING hi there", "-ERR wrong number of arguments for 'ping' command"),
        ("ECHO hi", "$2 hi"),
        ("SELECT 0", "+OK"),
        ("SELECT 1", "-ERR DB index is out of range"),
        ("SELECT x", "-ERR value is not an integer or out of range"),
        ("CONFIG GET save", "*2 $4 save $0 "),
        ("CONFIG GET appendonly databases", "*4 $10 appendonly $2 no $9 databases $1 1"),
        ("CONFIG GET nothing", "*0"),
        ("CONFIG GET", "-ERR wrong number of arguments for 'config|get' command"),
        ("CONFIG SET save 1", "-ERR unknown subcommand 'SET'"),
        ("COMMAND DOCS", "*0"),
        ("COMMAND COUNT", ":25"),
        ("COMMAND INFO", "-ERR unknown subcommand 'INFO'"),
    ]);
    assert!(!server.ended);
    server.check(&[("QUIT", "+OK")]);
    assert!(server.ended);
    let info = server.ask("INFO server");
    assert!(info.contains(" tcp_port:6379 "), "{info}");
    let all = server.ask("COMMAND");
    assert!(all.starts_with("*25 *6 $6 append :3 *0 :1 :1 :1 *6 $7 command "), "{all}");
    assert!(server.ask("CONFIG GET *").starts_with("*10 "));
}

#[test]
fn what_is_not_known_or_has_too_few_arguments_is_an_error_and_changes_nothing() {
    let mut server = Server::new();
    server.check(&[
        ("LPUSH a b", "-ERR unknown command 'LPUSH'"),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("GET a b", "-ERR wrong number of arguments for 'get' command"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
        ("DBSIZE", ":0"),
    ]);
    let name = [b"a\r\n+OK\r\n".repeat(20)].concat();
    let reply = String::from_utf8(server.ask_bytes(&[&name])).unwrap();
    assert!(reply.starts_with("-ERR unknown command 'a??+OK??a??"), "{reply}");
    assert_eq!(reply.find("\r\n"), Some(reply.len() - 2));
    assert!(reply.len() < QUOTE_MAX + 40);
}

#[test]
fn keys_and_values_are_bounded() {
    let mut server = Server::new();
    let key = vec![b'k'; KEY_MAX + 1];
    let value = vec![b'v'; VALUE_MAX];
    let too_long = b"-ERR key is longer than 1024 bytes\r\n";
    assert_eq!(server.ask_bytes(&[b"SET", &key, b"v"]), too_long);
    assert_eq!(server.ask_bytes(&[b"MSET", b"a", b"v", &key, b"v"]), too_long);
    assert_eq!(server.ask_bytes(&[b"APPEND", &key, b"v"]), too_long);
    assert_eq!(server.ask_bytes(&[b"INCR", &key]), too_long);
    assert_eq!(server.ask_bytes(&[b"GET", &key]), b"$-1\r\n");
    assert_eq!(server.ask("DBSIZE"), ":0");
    assert_eq!(server.ask_bytes(&[b"SET", &key[1..], &value]), b"+OK\r\n");
    let too_long = b"-ERR string exceeds maximum allowed size (65536 bytes)\r\n";
    assert_eq!(server.ask_bytes(&[b"APPEND", &key[1..], b"v"]), too_long);
    let get = [&b"MGET"[..], &key[1..], &key[1..], &key[1..], &key[1..]];
    assert_eq!(server.ask_bytes(&get[..4]).len(), 4 + 3 * (8 + VALUE_MAX + 2));
    assert_eq!(server.ask_bytes(&get), b"-ERR reply longer than 262144 bytes\r\n");
}

#[test]
fn a_full_memory_is_an_error_that_changes_nothing_and_ends_with_what_is_removed() {
    let mut server = Server::new();
    let value = vec![b'v'; VALUE_MAX];
    let mut count = 0;
    let full = b"-OOM command not allowed when the memory is full\r\n".to_vec();
    while server.ask_bytes(&[b"SET", format!("{count}").as_bytes(), &value]) == b"+OK\r\n" {
        count += 1;
    }
    assert!(count > 5);
    assert_eq!(server.ask_bytes(&[b"SET", b"0", &value[1..]]), b"+OK\r\n");
    assert_eq!(server.ask_bytes(&[b"APPEND", b"new", &value]), full);
    let half = &value[VALUE_MAX / 2..];
    assert_eq!(server.ask_bytes(&[b"MSET", b"a", half, b"b", half, b"c", b""]), full);
    assert_eq!(server.ask("EXISTS a b c new"), ":0");
    assert_eq!(server.ask("DEL 0"), ":1");
    assert_eq!(server.ask_bytes(&[b"SET", b"new", &value]), b"+OK\r\n");
    assert_eq!(server.ask("DBSIZE"), format!(":{count}"));
}

#[test]
fn any_arguments_get_one_reply() {
    const WORDS: [&[u8]; 12] = [
        b"a",
        b"b",
        b"",
        b"0",
        b"-1",
        b"EX",
        b"NX",
        b"get",
        b"*",
        b"9223372036854775807",
        b"1",
        b"x\r\n",
    ];
    with_seeds(300, |random| {
        let mut server = Server::new();
        for _ in 0..100 {
            let command = COMMANDS[random.below(COMMANDS.len())].name.as_bytes();
            let mut arguments = vec![command];
            let count = if random.below(50) == 0 { ARGUMENTS_MAX - 1 } else { random.below(5) };
            arguments.extend((0..count).map(|_| WORDS[random.below(WORDS.len())]));
            let reply = server.ask_bytes(&arguments);
            assert_eq!(replies(&reply), Some(1), "{arguments:?}");
            server.now_ms += random.below(700) as u64;
        }
    });
}

/// Number of replies that the bytes are; `None` if they are none.
pub(super) fn replies(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let mut count = 0;
    while !rest.is_empty() {
        rest = after_reply(rest)?;
        count += 1;
    }
    Some(count)
}

fn after_reply(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let mut rest = &bytes[end + 2..];
    let number = || str::from_utf8(&bytes[1..end]).ok()?.parse::<i64>().ok();
    match bytes[0] {
        b'+' | b'-' => {}
        b':' => drop(number()?),
        b'$' if number()? < 0 => {}
        b'$' => {
            let length = number()? as usize;
            rest = rest.get(length..)?.strip_prefix(b"\r\n")?;
        }
        b'*' => {
            for _ in 0..number()? {
                rest = after_reply(rest)?;
            }
        }
        _ => return None,
    }
    Some(rest)
}
