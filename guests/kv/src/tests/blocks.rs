//! Chains against strings.

use super::with_seeds;
use crate::Full;
use crate::blocks::{Chain, PAYLOAD_BYTES, Pool, blocks_for};

fn bytes_of(pool: &Pool, chain: &Chain, from: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    pool.read(chain, from, |part| {
        bytes.extend(part);
        true
    });
    bytes
}

#[test]
fn chains_hold_what_was_appended_and_give_every_block_back() {
    with_seeds(50, |random| {
        let mut pool = Pool::new(64);
        let mut chains: Vec<(Chain, Vec<u8>)> = (0..4).map(|_| (Chain::EMPTY, vec![])).collect();
        for _ in 0..500 {
            let (chain, expected) = &mut chains[random.below(4)];
            match random.below(4) {
                0 | 1 => {
                    let count = random.below(3 * PAYLOAD_BYTES);
                    let spare = random.below(20);
                    let bytes = random.bytes(count);
                    let unused = pool.unused();
                    match pool.append(chain, &bytes, spare) {
                        Ok(()) => expected.extend(bytes),
                        Err(Full) => assert!(unused < spare + blocks_for(count) + 1),
                    }
                }
                2 => {
                    let count = random.below(expected.len() + 1);
                    pool.drop_front(chain, count);
                    expected.drain(..count);
                }
                _ => {
                    let from = random.below(expected.len() + 1);
                    assert_eq!(bytes_of(&pool, chain, from), expected[from..]);
                }
            }
            assert_eq!(bytes_of(&pool, chain, 0), *expected);
            let used: usize =
                chains.iter().map(|(chain, _)| blocks_for(chain.start + chain.bytes)).sum();
            assert_eq!((pool.used(), pool.unused()), (used, 64 - used));
        }
        chains.into_iter().for_each(|(chain, _)| pool.release(chain));
        assert_eq!(pool.used(), 0);
    });
}

#[test]
fn a_full_pool_appends_all_or_nothing() {
    let mut pool = Pool::new(2);
    let mut chain = Chain::EMPTY;
    assert_eq!(pool.append(&mut chain, &[1; 2 * PAYLOAD_BYTES + 1], 0), Err(Full));
    assert_eq!((chain.bytes, pool.used()), (0, 0));
    assert_eq!(pool.append(&mut chain, &[2; PAYLOAD_BYTES], 1), Ok(()));
    assert_eq!(pool.append(&mut chain, &[3], 1), Err(Full));
    assert_eq!(pool.append(&mut chain, &[3; PAYLOAD_BYTES], 0), Ok(()));
    assert_eq!(pool.append(&mut chain, &[], 0), Ok(()));
    assert_eq!(bytes_of(&pool, &chain, PAYLOAD_BYTES), [3; PAYLOAD_BYTES]);
}
