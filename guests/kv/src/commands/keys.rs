//! Commands for any key: there or not, and until when.

use super::{Call, NO_INTEGER, Refusal, SYNTAX};
use crate::limits::EXPIRY_MAX_MS;
use crate::resp::integer;

/// `DEL KEY...`: how many were there.
pub(super) fn del(call: &mut Call) -> Result<(), Refusal> {
    let removed = call.arguments.from(1).filter(|key| call.store.remove(key, call.now_ms)).count();
    call.reply.integer(removed as i64);
    Ok(())
}

/// `EXISTS KEY...`: how many are there; one that is named twice counts twice.
pub(super) fn exists(call: &mut Call) -> Result<(), Refusal> {
    let found = call.arguments.from(1).filter(|key| call.store.get(key, call.now_ms).is_some());
    let found = found.count();
    call.reply.integer(found as i64);
    Ok(())
}

/// `EXPIRE KEY SECONDS`: whether the key was there.
pub(super) fn expire(call: &mut Call) -> Result<(), Refusal> {
    expire_in(call, 1000, "ERR invalid expire time in 'expire' command")
}

/// `PEXPIRE KEY MILLISECONDS`.
pub(super) fn pexpire(call: &mut Call) -> Result<(), Refusal> {
    expire_in(call, 1, "ERR invalid expire time in 'pexpire' command")
}

fn expire_in(call: &mut Call, unit_ms: i64, invalid: Refusal) -> Result<(), Refusal> {
    let time = integer(call.arguments.get(2)).ok_or(NO_INTEGER)?;
    let key = call.arguments.get(1);
    let found = if time <= 0 {
        call.store.remove(key, call.now_ms)
    } else {
        let expires_ms = expiry(time, unit_ms, call.now_ms).ok_or(invalid)?;
        call.store.expire(key, expires_ms, call.now_ms)
    };
    call.reply.integer(i64::from(found));
    Ok(())
}

/// When so many units from now, more than none, are over.
pub(super) fn expiry(time: i64, unit_ms: i64, now_ms: u64) -> Option<u64> {
    let after_ms = u64::try_from(time.checked_mul(unit_ms)?).ok().filter(|&after| after > 0)?;
    Some(now_ms.checked_add(after_ms)?).filter(|&expires| expires <= EXPIRY_MAX_MS)
}

/// `TTL KEY`: seconds, rounded; -1 without a time of expiry, -2 without the key.
pub(super) fn ttl(call: &mut Call) -> Result<(), Refusal> {
    let left_ms = left_ms(call);
    call.reply.integer(if left_ms < 0 { left_ms } else { (left_ms + 500) / 1000 });
    Ok(())
}

/// `PTTL KEY`: the same in milliseconds.
pub(super) fn pttl(call: &mut Call) -> Result<(), Refusal> {
    let left_ms = left_ms(call);
    call.reply.integer(left_ms);
    Ok(())
}

fn left_ms(call: &mut Call) -> i64 {
    match call.store.get(call.arguments.get(1), call.now_ms) {
        None => -2,
        Some(value) => value.expires_ms.map_or(-1, |expires_ms| (expires_ms - call.now_ms) as i64),
    }
}

/// `DBSIZE`.
pub(super) fn dbsize(call: &mut Call) -> Result<(), Refusal> {
    call.reply.integer(call.store.keys() as i64);
    Ok(())
}

/// `FLUSHALL [ASYNC|SYNC]`.
pub(super) fn flushall(call: &mut Call) -> Result<(), Refusal> {
    let is_known =
        |word: &[u8]| word.eq_ignore_ascii_case(b"async") || word.eq_ignore_ascii_case(b"sync");
    if call.arguments.count() > 2 || !call.arguments.from(1).all(is_known) {
        return Err(SYNTAX);
    }
    call.store.clear();
    call.reply.ok();
    Ok(())
}
