//! Commands for values: set, get, count.

use super::keys::expiry;
use super::{Call, NO_INTEGER, OUT_OF_MEMORY, Refusal, SYNTAX};
use crate::Full;
use crate::limits::{KEY_MAX, VALUE_MAX};
use crate::reply::Reply;
use crate::resp::integer;
use crate::store::{Store, Value};
use crate::text::Text;
use core::fmt::Write;

/// A number's text: at most `-9223372036854775808`.
type Digits = Text<20>;

const KEY_TOO_LONG: Refusal = "ERR key is longer than 1024 bytes";
const VALUE_TOO_LONG: Refusal = "ERR string exceeds maximum allowed size (65536 bytes)";
const INVALID_EXPIRY: Refusal = "ERR invalid expire time in 'set' command";
const OVERFLOW: Refusal = "ERR increment or decrement would overflow";

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        OUT_OF_MEMORY
    }
}

/// A key that may be stored.
fn checked(key: &[u8]) -> Result<&[u8], Refusal> {
    if key.len() > KEY_MAX { Err(KEY_TOO_LONG) } else { Ok(key) }
}

fn reply_value(reply: &mut Reply, store: &Store, value: Option<Value>) {
    let Some(value) = value else {
        return reply.null();
    };
    reply.bulk_head(value.bytes());
    store.read(&value, |part| reply.raw(part));
    reply.raw(b"\r\n");
}

/// `SET KEY VALUE [NX|XX] [EX SECONDS|PX MILLISECONDS]`.
pub(super) fn set(call: &mut Call) -> Result<(), Refusal> {
    let key = checked(call.arguments.get(1))?;
    let mut options = call.arguments.from(3);
    let mut wanted = None;
    let mut expires_ms = None;
    while let Some(option) = options.next() {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        if (is(b"nx") || is(b"xx")) && wanted.is_none() {
            wanted = Some(is(b"xx"));
        } else if (is(b"ex") || is(b"px")) && expires_ms.is_none() {
            let time = integer(options.next().ok_or(SYNTAX)?).ok_or(NO_INTEGER)?;
            let unit_ms = if is(b"ex") { 1000 } else { 1 };
            expires_ms = Some(expiry(time, unit_ms, call.now_ms).ok_or(INVALID_EXPIRY)?);
        } else {
            return Err(SYNTAX);
        }
    }
    if wanted.is_some_and(|wanted| call.store.get(key, call.now_ms).is_some() != wanted) {
        call.reply.null();
        return Ok(());
    }
    call.store.set(key, call.arguments.get(2), expires_ms, call.now_ms)?;
    call.reply.ok();
    Ok(())
}

/// `GET KEY`.
pub(super) fn get(call: &mut Call) -> Result<(), Refusal> {
    let value = call.store.get(call.arguments.get(1), call.now_ms);
    reply_value(call.reply, call.store, value);
    Ok(())
}

/// `STRLEN KEY`: 0 without the key.
pub(super) fn strlen(call: &mut Call) -> Result<(), Refusal> {
    let value = call.store.get(call.arguments.get(1), call.now_ms);
    call.reply.integer(value.map_or(0, |value| value.bytes() as i64));
    Ok(())
}

/// `MGET KEY...`.
pub(super) fn mget(call: &mut Call) -> Result<(), Refusal> {
    call.reply.array(call.arguments.count() - 1);
    for key in call.arguments.from(1) {
        let value = call.store.get(key, call.now_ms);
        reply_value(call.reply, call.store, value);
    }
    Ok(())
}

/// `MSET KEY VALUE...`: all of them or, without memory for all, none.
pub(super) fn mset(call: &mut Call) -> Result<(), Refusal> {
    if call.arguments.count().is_multiple_of(2) {
        return Err("ERR wrong number of arguments for 'mset' command");
    }
    let keys = call.arguments.from(1).step_by(2);
    let pairs = keys.zip(call.arguments.from(2).step_by(2));
    for (key, _) in pairs.clone() {
        checked(key)?;
    }
    if !call.store.has_room(pairs.clone(), call.now_ms) {
        return Err(OUT_OF_MEMORY);
    }
    for (key, value) in pairs {
        call.store.set(key, value, None, call.now_ms)?;
    }
    call.reply.ok();
    Ok(())
}

/// `APPEND KEY VALUE`: the length after it. A time of expiry stays.
pub(super) fn append(call: &mut Call) -> Result<(), Refusal> {
    let key = checked(call.arguments.get(1))?;
    let more = call.arguments.get(2);
    let length = call.store.get(key, call.now_ms).map_or(0, |value| value.bytes()) + more.len();
    if length > VALUE_MAX {
        return Err(VALUE_TOO_LONG);
    }
    call.store.append(key, more, call.now_ms)?;
    call.reply.integer(length as i64);
    Ok(())
}

/// `INCR KEY`.
pub(super) fn incr(call: &mut Call) -> Result<(), Refusal> {
    add(call, 1)
}

/// `DECR KEY`.
pub(super) fn decr(call: &mut Call) -> Result<(), Refusal> {
    add(call, -1)
}

/// `INCRBY KEY N`.
pub(super) fn incrby(call: &mut Call) -> Result<(), Refusal> {
    let amount = integer(call.arguments.get(2)).ok_or(NO_INTEGER)?;
    add(call, amount)
}

/// `DECRBY KEY N`.
pub(super) fn decrby(call: &mut Call) -> Result<(), Refusal> {
    let amount = integer(call.arguments.get(2)).ok_or(NO_INTEGER)?;
    add(call, amount.checked_neg().ok_or("ERR decrement would overflow")?)
}

/// Adds to a key's number, 0 without the key. A time of expiry stays.
fn add(call: &mut Call, amount: i64) -> Result<(), Refusal> {
    let key = checked(call.arguments.get(1))?;
    let (number, expires_ms) = match call.store.get(key, call.now_ms) {
        None => (0, None),
        Some(value) => (number_of(call.store, &value).ok_or(NO_INTEGER)?, value.expires_ms),
    };
    let sum = number.checked_add(amount).ok_or(OVERFLOW)?;
    let mut digits = Digits::new();
    let written = write!(digits, "{sum}");
    debug_assert!(written.is_ok(), "the longest number fits");
    call.store.set(key, digits.bytes(), expires_ms, call.now_ms)?;
    call.reply.integer(sum);
    Ok(())
}

fn number_of(store: &Store, value: &Value) -> Option<i64> {
    let mut digits = Digits::new();
    let mut fits = true;
    store.read(value, |part| fits &= digits.append(part).is_ok());
    if fits { integer(digits.bytes()) } else { None }
}
