//! Keys and their values, with expiry: a hash table that grows by a bucket at a time (linear hashing, so no
//! command waits for a whole table to be rebuilt) over chains of blocks.
//!
//! An entry is one chain: a head, the key, the value.
//!
//! ```text
//! 0        4      8            16           20             24
//! | next   | hash | expires ms | key length | value length | key | value
//! ```

use crate::Full;
use crate::blocks::{self, BLOCK_BYTES, Chain, NONE, Pool, blocks_for};
use crate::limits::{CLIENTS_SHARE, SWEEP_BUCKETS_WHEN_FULL};
use alloc::vec::Vec;

const HEAD_BYTES: usize = 24;
const NEXT: usize = 0;
const HASH: usize = 4;
const EXPIRES: usize = 8;
const KEY_LENGTH: usize = 16;
const VALUE_LENGTH: usize = 20;
/// Buckets at the start.
const BUCKETS_MIN: usize = 64;

/// An entry's first block.
type Entry = u32;

/// The whole state that clients share.
pub(crate) struct Store {
    pool: Pool,
    /// Each the first entry of a list, or none.
    buckets: Vec<Entry>,
    buckets_max: usize,
    seed: u64,
    entries: usize,
    /// Entries that have a time of expiry.
    mortal: usize,
    expired: u64,
    /// The bucket that is searched next for what has expired.
    cursor: usize,
    /// Blocks that keys and values leave to the clients' commands and replies.
    spare: usize,
}

/// A value that is there.
pub(crate) struct Value {
    chain: Chain,
    offset: usize,
    /// When it ends, by the machine's clock.
    pub expires_ms: Option<u64>,
}

impl Value {
    /// The value's length.
    pub fn bytes(&self) -> usize {
        self.chain.bytes - self.offset
    }
}

impl Store {
    /// A store that takes so many bytes of memory. `seed` says where keys go.
    pub fn new(memory_bytes: usize, seed: u64) -> Self {
        // A bucket for each block: the table is never fuller than one entry a bucket.
        let blocks = (memory_bytes / (BLOCK_BYTES + size_of::<Entry>())).min(NONE as usize - 1);
        let mut buckets = Vec::with_capacity(blocks.max(BUCKETS_MIN));
        buckets.resize(BUCKETS_MIN, NONE);
        Self {
            pool: Pool::new(blocks),
            buckets_max: buckets.capacity(),
            buckets,
            seed,
            entries: 0,
            mortal: 0,
            expired: 0,
            cursor: 0,
            spare: blocks / CLIENTS_SHARE,
        }
    }

    /// The memory for what clients have said and have not been told yet.
    pub fn pool(&mut self) -> &mut Pool {
        &mut self.pool
    }

    /// Number of keys; one that has expired may still be among them.
    pub fn keys(&self) -> usize {
        self.entries
    }

    /// Number of keys that have a time of expiry.
    pub fn mortal_keys(&self) -> usize {
        self.mortal
    }

    /// Number of keys that were removed because their time had come.
    pub fn expired_keys(&self) -> u64 {
        self.expired
    }

    /// Memory in use, in bytes.
    pub fn used_bytes(&self) -> usize {
        self.pool.used() * BLOCK_BYTES
    }

    /// Memory that keys and values may have, in bytes.
    pub fn limit_bytes(&self) -> usize {
        (self.pool.used() + self.pool.unused() - self.spare) * BLOCK_BYTES
    }

    /// The key's value.
    pub fn get(&mut self, key: &[u8], now_ms: u64) -> Option<Value> {
        let entry = self.find(key, now_ms)?;
        Some(self.value(entry))
    }

    /// Hands `take` the value in pieces.
    pub fn read(&self, value: &Value, mut take: impl FnMut(&[u8])) {
        self.pool.read(&value.chain, value.offset, |part| {
            take(part);
            true
        });
    }

    /// Gives the key this value, and a time of expiry or none. Without room all stays as it is.
    pub fn set(
        &mut self,
        key: &[u8],
        value: &[u8],
        expires_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<(), Full> {
        let old = self.find(key, now_ms);
        let freed = old.map_or(0, |entry| blocks_for(self.value(entry).chain.bytes));
        let needed = blocks_for(HEAD_BYTES + key.len() + value.len());
        // What is swept here is not `old`, which has not expired.
        if !self.make_room(needed.saturating_sub(freed), now_ms) {
            return Err(Full);
        }
        if let Some(entry) = old {
            self.remove_entry(entry);
        }
        let hash = self.hash(key);
        let mut head = [0; HEAD_BYTES];
        put32(&mut head, HASH, hash);
        put32(&mut head, KEY_LENGTH, key.len() as u32);
        put32(&mut head, VALUE_LENGTH, value.len() as u32);
        let mut chain = Chain::EMPTY;
        for part in [&head, key, value] {
            self.pool.append(&mut chain, part, 0)?;
        }
        self.link(chain.first, hash);
        self.entries += 1;
        self.set_expiry_of(chain.first, expires_ms);
        self.grow();
        Ok(())
    }

    /// Appends to the value of a key that is there, of which the expiry stays.
    pub fn append(&mut self, key: &[u8], value: &[u8], now_ms: u64) -> Result<(), Full> {
        let Some(entry) = self.find(key, now_ms) else {
            return self.set(key, value, None, now_ms);
        };
        let Value { mut chain, offset, .. } = self.value(entry);
        let needed = blocks_for(chain.bytes + value.len()) - blocks_for(chain.bytes);
        if !self.make_room(needed, now_ms) {
            return Err(Full);
        }
        self.pool.append(&mut chain, value, 0)?;
        self.put(entry, VALUE_LENGTH, (chain.bytes - offset) as u32);
        Ok(())
    }

    /// Whether there is room for these keys and values all at once, whatever is there of them already.
    pub fn has_room<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        now_ms: u64,
    ) -> bool {
        let needed =
            pairs.map(|(key, value)| blocks_for(HEAD_BYTES + key.len() + value.len())).sum();
        self.make_room(needed, now_ms)
    }

    /// Removes the key; whether it was there.
    pub fn remove(&mut self, key: &[u8], now_ms: u64) -> bool {
        let found = self.find(key, now_ms);
        if let Some(entry) = found {
            self.remove_entry(entry);
        }
        found.is_some()
    }

    /// Gives the key a time of expiry; whether it was there.
    pub fn expire(&mut self, key: &[u8], expires_ms: u64, now_ms: u64) -> bool {
        let found = self.find(key, now_ms);
        if let Some(entry) = found {
            self.set_expiry_of(entry, Some(expires_ms));
        }
        found.is_some()
    }

    /// Removes every key.
    pub fn clear(&mut self) {
        for bucket in 0..self.buckets.len() {
            while self.buckets[bucket] != NONE {
                self.remove_entry(self.buckets[bucket]);
            }
        }
        self.buckets.truncate(BUCKETS_MIN);
        self.cursor = 0;
    }

    /// Searches the next so many buckets for keys of which the time has come, and removes those.
    pub fn sweep(&mut self, buckets: usize, now_ms: u64) {
        for _ in 0..buckets.min(self.buckets.len()) {
            if self.mortal == 0 {
                return;
            }
            self.cursor = (self.cursor + 1) % self.buckets.len();
            let mut entry = self.buckets[self.cursor];
            while entry != NONE {
                let next = self.get32(entry, NEXT);
                if self.has_expired(entry, now_ms) {
                    self.expire_entry(entry);
                }
                entry = next;
            }
        }
    }

    /// Whether there are so many blocks for keys and values, if need be after a search for expired ones.
    fn make_room(&mut self, blocks: usize, now_ms: u64) -> bool {
        let needed = blocks + self.spare;
        if blocks > 0 && needed > self.pool.unused() {
            self.sweep(SWEEP_BUCKETS_WHEN_FULL, now_ms);
        }
        blocks == 0 || needed <= self.pool.unused()
    }

    fn find(&mut self, key: &[u8], now_ms: u64) -> Option<Entry> {
        let hash = self.hash(key);
        let mut entry = self.buckets[self.bucket_of(hash)];
        while entry != NONE && !(self.get32(entry, HASH) == hash && self.has_key(entry, key)) {
            entry = self.get32(entry, NEXT);
        }
        if entry != NONE && self.has_expired(entry, now_ms) {
            self.expire_entry(entry);
            entry = NONE;
        }
        (entry != NONE).then_some(entry)
    }

    fn has_key(&self, entry: Entry, key: &[u8]) -> bool {
        let mut rest = key;
        if self.get32(entry, KEY_LENGTH) as usize != key.len() {
            return false;
        }
        let chain = self.value(entry).chain;
        self.pool.read(&chain, HEAD_BYTES, |part| {
            let length = part.len().min(rest.len());
            let is_equal = part[..length] == rest[..length];
            if is_equal {
                rest = &rest[length..];
            }
            is_equal && !rest.is_empty()
        });
        rest.is_empty()
    }

    fn value(&self, entry: Entry) -> Value {
        let offset = HEAD_BYTES + self.get32(entry, KEY_LENGTH) as usize;
        let bytes = offset + self.get32(entry, VALUE_LENGTH) as usize;
        let expires = self.expiry_of(entry);
        Value {
            chain: Chain { first: entry, start: 0, bytes },
            offset,
            expires_ms: (expires != 0).then_some(expires),
        }
    }

    fn has_expired(&self, entry: Entry, now_ms: u64) -> bool {
        let expires = self.expiry_of(entry);
        expires != 0 && expires <= now_ms
    }

    fn expire_entry(&mut self, entry: Entry) {
        self.remove_entry(entry);
        self.expired += 1;
    }

    fn remove_entry(&mut self, entry: Entry) {
        let bucket = self.bucket_of(self.get32(entry, HASH));
        let next = self.get32(entry, NEXT);
        if self.buckets[bucket] == entry {
            self.buckets[bucket] = next;
        } else {
            let mut before = self.buckets[bucket];
            while self.get32(before, NEXT) != entry {
                before = self.get32(before, NEXT);
            }
            self.put(before, NEXT, next);
        }
        self.set_expiry_of(entry, None);
        self.entries -= 1;
        let chain = self.value(entry).chain;
        self.pool.release(chain);
    }

    fn link(&mut self, entry: Entry, hash: u32) {
        let bucket = self.bucket_of(hash);
        self.put(entry, NEXT, self.buckets[bucket]);
        self.buckets[bucket] = entry;
    }

    /// One bucket more if there are more entries than buckets: the entries of the one that it parts.
    fn grow(&mut self) {
        let count = self.buckets.len();
        if self.entries <= count || count == self.buckets_max {
            return;
        }
        let parted = count - (1 << count.ilog2());
        let mut entry = core::mem::replace(&mut self.buckets[parted], NONE);
        self.buckets.push(NONE);
        while entry != NONE {
            let next = self.get32(entry, NEXT);
            self.link(entry, self.get32(entry, HASH));
            entry = next;
        }
    }

    /// By as many low bits of the hash as number the buckets; by one bit less where there is no such bucket yet.
    fn bucket_of(&self, hash: u32) -> usize {
        let count = self.buckets.len();
        let low = 1usize << count.ilog2();
        let bucket = hash as usize & (2 * low - 1);
        if bucket < count { bucket } else { bucket & (low - 1) }
    }

    /// FNV-1a of 64 bits from the seed on, with its bits mixed.
    fn hash(&self, key: &[u8]) -> u32 {
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ self.seed;
        for &byte in key {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        crate::random::mix(hash) as u32
    }

    fn expiry_of(&self, entry: Entry) -> u64 {
        let payload = self.pool.payload(entry);
        u64::from_le_bytes(payload[EXPIRES..EXPIRES + 8].try_into().expect("8 bytes"))
    }

    fn set_expiry_of(&mut self, entry: Entry, expires_ms: Option<u64>) {
        self.mortal -= usize::from(self.expiry_of(entry) != 0);
        self.mortal += usize::from(expires_ms.is_some());
        let bytes = expires_ms.unwrap_or(0).to_le_bytes();
        self.pool.payload_mut(entry)[EXPIRES..EXPIRES + 8].copy_from_slice(&bytes);
    }

    fn get32(&self, entry: Entry, at: usize) -> u32 {
        let payload = self.pool.payload(entry);
        u32::from_le_bytes(payload[at..at + 4].try_into().expect("4 bytes"))
    }

    fn put(&mut self, entry: Entry, at: usize, value: u32) {
        put32(self.pool.payload_mut(entry), at, value);
    }
}

fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

const _: () = assert!(HEAD_BYTES <= blocks::PAYLOAD_BYTES, "the head lies in one block");
