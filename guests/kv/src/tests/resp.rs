//! The parser: whole commands, every part of them, and bytes of no meaning.

use super::{encoded, with_seeds};
use crate::limits::{ARGUMENTS_MAX, COMMAND_MAX, INLINE_MAX, VALUE_MAX};
use crate::resp::{Arguments, Parsed, Places, integer, parse};

fn arguments_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut places = Places::new();
    assert_eq!(parse(bytes, &mut places), Parsed::Command(bytes.len()));
    Arguments::new(bytes, &places).from(0).map(<[u8]>::to_vec).collect()
}

fn parsed(bytes: &[u8]) -> Parsed {
    parse(bytes, &mut Places::new())
}

#[test]
fn a_command_is_found_whole_and_no_part_of_it_is_taken_for_one() {
    with_seeds(200, |random| {
        let count = 1 + random.below(6);
        let arguments: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let length = random.below(40);
                random.bytes(length)
            })
            .collect();
        let slices: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let bytes = encoded(&slices);
        assert_eq!(arguments_of(&bytes), arguments);
        let followed = [&bytes[..], b"*1\r\n"].concat();
        assert_eq!(parsed(&followed), Parsed::Command(bytes.len()));
        for length in 0..bytes.len() {
            match parsed(&bytes[..length]) {
                Parsed::Incomplete(needed) => {
                    assert!(length < needed && needed <= bytes.len(), "{length} {needed}");
                }
                other => panic!("{length} bytes of it: {other:?}"),
            }
        }
    });
}

#[test]
fn bytes_of_no_meaning_are_refused_or_are_a_command_or_the_beginning_of_one() {
    const BYTES: &[u8] = b"*$-0123456789\r\n\r\nPING ";
    with_seeds(5000, |random| {
        let count = random.below(60);
        let bytes: Vec<u8> = (0..count).map(|_| BYTES[random.below(BYTES.len())]).collect();
        match parsed(&bytes) {
            Parsed::Command(length) => assert!(0 < length && length <= bytes.len()),
            Parsed::Incomplete(needed) => assert!(bytes.len() < needed && needed <= COMMAND_MAX),
            Parsed::Refused(why) => assert!(!why.is_empty()),
        }
    });
}

#[test]
fn an_inline_command_is_the_words_of_a_line() {
    assert_eq!(arguments_of(b"PING\r\n"), [b"PING"]);
    assert_eq!(arguments_of(b"  set\ta  b \n"), [&b"set"[..], b"a", b"b"]);
    assert_eq!(arguments_of(b"\r\n"), [b""; 0]);
    assert_eq!(parsed(b"PIN"), Parsed::Incomplete(4));
    assert_eq!(parsed(&[b'a'; INLINE_MAX]), Parsed::Refused("too big inline request"));
    let many = b"a ".repeat(ARGUMENTS_MAX + 1);
    let refused = Parsed::Refused("too many words in an inline request");
    assert_eq!(parsed(&[&many[..], b"\n"].concat()), refused);
}

#[test]
fn what_is_too_long_is_refused_before_it_has_come() {
    let header = |kind: char, number: usize| format!("{kind}{number}\r\n");
    let bulk = |length| format!("*1\r\n{}", header('$', length));
    assert_eq!(parsed(bulk(VALUE_MAX + 1).as_bytes()), Parsed::Refused("invalid bulk length"));
    let Parsed::Incomplete(needed) = parsed(bulk(VALUE_MAX).as_bytes()) else { panic!() };
    assert_eq!(needed, bulk(VALUE_MAX).len() + VALUE_MAX + 2);
    let many = header('*', ARGUMENTS_MAX + 1);
    assert_eq!(parsed(many.as_bytes()), Parsed::Refused("invalid multibulk length"));
    let value = vec![0; VALUE_MAX];
    let long = encoded(&[&value, &value]);
    let refused = Parsed::Refused("command longer than 131072 bytes");
    assert_eq!(parsed(&long[..long.len() - 1]), refused);
    assert_eq!(parsed(&b"*11111111111111111111111111111111111"[..]), {
        Parsed::Refused("invalid multibulk length")
    });
}

#[test]
fn arrays_of_nothing_are_no_commands() {
    assert_eq!(arguments_of(b"*0\r\n"), [b""; 0]);
    assert_eq!(arguments_of(b"*-1\r\n"), [b""; 0]);
}

#[test]
fn headers_are_numbers_and_arguments_end_with_their_line() {
    let refused = [
        (&b"*x\r\n"[..], "invalid multibulk length"),
        (b"*1\n", "invalid multibulk length"),
        (b"*1\r\nPING\r\n", "expected '$' before an argument"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$04\r\nPING\r\n", "invalid bulk length"),
        (b"*1\r\n$4\r\nPINGxx", "expected a line end behind an argument"),
    ];
    for (bytes, why) in refused {
        assert_eq!(parsed(bytes), Parsed::Refused(why));
    }
}

#[test]
fn integers_are_as_redis_has_them() {
    for number in [0, 1, -1, 42, i64::MAX, i64::MIN] {
        assert_eq!(integer(number.to_string().as_bytes()), Some(number));
    }
    for text in ["", "-", "+1", "-0", "01", "-01", " 1", "1 ", "1.0", "9223372036854775808", "ä"] {
        assert_eq!(integer(text.as_bytes()), None, "{text}");
    }
}
