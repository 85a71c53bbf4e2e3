//! The store against a map.

use super::with_seeds;
use crate::Full;
use crate::random::Random;
use crate::store::Store;
use std::collections::BTreeMap;

/// A value and when it ends.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

fn value_of(store: &mut Store, key: &[u8], now_ms: u64) -> Option<(Vec<u8>, Option<u64>)> {
    let value = store.get(key, now_ms)?;
    let mut bytes = Vec::new();
    store.read(&value, |part| bytes.extend(part));
    assert_eq!(bytes.len(), value.bytes());
    Some((bytes, value.expires_ms))
}

fn expected(model: &Model, key: &[u8], now_ms: u64) -> Option<(Vec<u8>, Option<u64>)> {
    model.get(key).filter(|(_, expires_ms)| expires_ms.is_none_or(|it| it > now_ms)).cloned()
}

fn key(random: &mut Random) -> Vec<u8> {
    let number = random.below(300);
    let padding = if number.is_multiple_of(7) { 200 } else { 0 };
    format!("key:{number}{:padding$}", "").into_bytes()
}

#[test]
fn a_store_is_a_map_of_which_entries_end() {
    with_seeds(30, |random| {
        let mut store = Store::new(40_000, random.next());
        let mut model = Model::new();
        let mut now_ms = 1;
        let mut refused = 0;
        for _ in 0..3000 {
            now_ms += random.below(3) as u64;
            let key = key(random);
            let expires_ms = (random.below(3) == 0).then(|| now_ms + 1 + random.below(500) as u64);
            let length_end = if random.below(10) == 0 { 2000 } else { 40 };
            let length = random.below(length_end);
            let bytes = random.bytes(length);
            let before = expected(&model, &key, now_ms);
            match random.below(7) {
                0..=2 => match store.set(&key, &bytes, expires_ms, now_ms) {
                    Ok(()) => drop(model.insert(key.clone(), (bytes, expires_ms))),
                    Err(Full) => refused += 1,
                },
                3 => match store.append(&key, &bytes, now_ms) {
                    Ok(()) => {
                        let mut value = before.unwrap_or_default();
                        value.0.extend(bytes);
                        model.insert(key.clone(), value);
                    }
                    Err(Full) => refused += 1,
                },
                4 => {
                    assert_eq!(store.remove(&key, now_ms), before.is_some());
                    model.remove(&key);
                }
                5 => {
                    let expires_ms = now_ms + 1 + random.below(100) as u64;
                    assert_eq!(store.expire(&key, expires_ms, now_ms), before.is_some());
                    if before.is_some() {
                        model.get_mut(&key).unwrap().1 = Some(expires_ms);
                    }
                }
                _ => store.sweep(random.below(100), now_ms),
            }
            assert_eq!(value_of(&mut store, &key, now_ms), expected(&model, &key, now_ms));
            assert!(store.used_bytes() <= store.limit_bytes());
        }
        assert!(refused > 0, "the memory was never full");
        model.retain(|_, (_, expires_ms)| expires_ms.is_none_or(|it| it > now_ms));
        check_whole(&mut store, &model, now_ms);
        let entries = store.keys();
        store.sweep(usize::MAX, u64::MAX);
        assert_eq!(store.mortal_keys(), 0);
        assert!(store.keys() <= entries);
        store.clear();
        assert_eq!((store.keys(), store.used_bytes()), (0, 0));
    });
}

fn check_whole(store: &mut Store, model: &Model, now_ms: u64) {
    store.sweep(usize::MAX, now_ms);
    assert_eq!(store.keys(), model.len());
    assert_eq!(store.mortal_keys(), model.values().filter(|it| it.1.is_some()).count());
    for (key, value) in model {
        assert_eq!(value_of(store, key, now_ms).as_ref(), Some(value));
    }
}

#[test]
fn many_keys_are_found_while_the_table_grows() {
    let mut store = Store::new(1 << 20, 1);
    let name = |number: u32| format!("key:{number}").into_bytes();
    let mut count = 0;
    while store.set(&name(count), &count.to_le_bytes(), None, 0) == Ok(()) {
        count += 1;
    }
    assert!(count > 10_000, "{count}");
    for number in 0..count {
        let expected = Some((number.to_le_bytes().to_vec(), None));
        assert_eq!(value_of(&mut store, &name(number), 0), expected);
    }
}

#[test]
fn a_full_store_replaces_removes_and_refuses_and_makes_room_of_what_has_expired() {
    let mut store = Store::new(20_000, 1);
    let mut count = 0u32;
    while store.set(&count.to_le_bytes(), b"value", Some(100), 0) == Ok(()) {
        count += 1;
    }
    let pair = [(&b"k"[..], &b"v"[..])];
    assert_eq!(store.set(&0u32.to_le_bytes(), b"eulav", None, 50), Ok(()), "of the same size");
    assert_eq!(store.set(&0u32.to_le_bytes(), &[0; 100], None, 50), Err(Full));
    assert!(!store.has_room(pair.into_iter(), 50));
    assert_eq!(value_of(&mut store, &0u32.to_le_bytes(), 50), Some((b"eulav".to_vec(), None)));
    assert_eq!(store.set(b"k", b"v", None, 50), Err(Full));
    assert!(store.remove(&1u32.to_le_bytes(), 50));
    assert_eq!(store.set(b"k", b"v", None, 50), Ok(()));
    assert!(store.has_room(pair.into_iter(), 100), "all but two have expired");
    assert_eq!(store.keys(), 2);
    assert_eq!(store.expired_keys(), u64::from(count) - 2);
}
