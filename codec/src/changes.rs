//! Changes: the words of a page that differ from its base, as `page` draws them.
//!
//! Most pages that a guest writes to between two looks at them differ in a few words. Those are found
//! at the speed of reading both pages, and take their own bytes and one or two more each.

use crate::page::{PAGE_BYTES, Page};

const WORD_BYTES: usize = 8;
const LINE_BYTES: usize = 64;
const LINES: usize = PAGE_BYTES / LINE_BYTES;
const MASK_BYTES: usize = LINES / 8;

/// The most bytes that changes have: all masks, all words.
pub const MAX_CHANGES_BYTES: usize = MASK_BYTES + LINES + PAGE_BYTES;

/// A page's lines.
fn lines(page: &Page) -> &[[u8; LINE_BYTES]] {
    page.as_chunks().0
}

fn words(line: &[u8; LINE_BYTES]) -> [u64; 8] {
    let words = line.as_chunks::<WORD_BYTES>().0;
    core::array::from_fn(|index| u64::from_le_bytes(words[index]))
}

/// Whether every byte of a page is 0.
pub fn is_zero(page: &Page) -> bool {
    lines(page).iter().all(|line| words(line).iter().fold(0, |all, word| all | word) == 0)
}

/// Writes the changes from `base` to `page` to the front of `out`, and returns how many bytes they
/// are; 0 if there are none.
pub fn find_changes(page: &Page, base: &Page, out: &mut [u8; MAX_CHANGES_BYTES]) -> usize {
    let (mut line_mask, mut changed) = (0u64, 0);
    let mut masks = [0u8; LINES];
    // The words' place is known once the masks are, so they are counted first.
    for (index, (line, base)) in lines(page).iter().zip(lines(base)).enumerate() {
        let (now, then) = (words(line), words(base));
        let differ = now.iter().zip(then).fold(0, |all, (now, then)| all | (now ^ then));
        if differ == 0 {
            continue;
        }
        let mask = (0..8).fold(0, |mask, word| mask | u8::from(now[word] != then[word]) << word);
        masks[changed] = mask;
        line_mask |= 1 << index;
        changed += 1;
    }
    if changed == 0 {
        return 0;
    }
    out[..MASK_BYTES].copy_from_slice(&line_mask.to_le_bytes());
    let mut at = MASK_BYTES + changed;
    out[MASK_BYTES..at].copy_from_slice(&masks[..changed]);
    let mut rest = line_mask;
    for mask in &masks[..changed] {
        let line = &lines(page)[rest.trailing_zeros() as usize];
        rest &= rest - 1;
        for (word, bytes) in line.as_chunks::<WORD_BYTES>().0.iter().enumerate() {
            if mask >> word & 1 == 1 {
                out[at..at + WORD_BYTES].copy_from_slice(bytes);
                at += WORD_BYTES;
            }
        }
    }
    at
}

/// Makes the changes to `page`, which is its base. False, and the page is spoilt, if they are not as
/// long as their masks say, or have a mask that says nothing.
pub fn apply_changes(changes: &[u8], page: &mut Page) -> bool {
    let Some((line_mask, rest)) = changes.split_first_chunk::<MASK_BYTES>() else { return false };
    let mut line_mask = u64::from_le_bytes(*line_mask);
    let Some((masks, words)) = rest.split_at_checked(line_mask.count_ones() as usize) else {
        return false;
    };
    let expected: usize = masks.iter().map(|mask| mask.count_ones() as usize).sum();
    let (words, odd) = words.as_chunks::<WORD_BYTES>();
    if masks.is_empty() || masks.contains(&0) || !odd.is_empty() || words.len() != expected {
        return false;
    }
    let lines = page.as_chunks_mut::<LINE_BYTES>().0;
    let mut words = words.iter();
    for mask in masks {
        let line = &mut lines[line_mask.trailing_zeros() as usize];
        line_mask &= line_mask - 1;
        for (index, place) in line.as_chunks_mut::<WORD_BYTES>().0.iter_mut().enumerate() {
            if mask >> index & 1 == 1
                && let Some(word) = words.next()
            {
                *place = *word;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn changes_have_the_bytes_that_their_drawing_shows() {
        let base = [7; PAGE_BYTES];
        let mut page = base;
        page[0] = 1; // line 0, word 0
        page[64 * 2 + 8 * 7 + 7] = 2; // line 2, word 7
        page[64 * 2 + 8] = 3; // line 2, word 1
        let mut out = [0; MAX_CHANGES_BYTES];
        let length = find_changes(&page, &base, &mut out);
        let masks = [0b101, 0, 0, 0, 0, 0, 0, 0, 1, 0b1000_0010];
        let words = [1, 7, 7, 7, 7, 7, 7, 7, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2];
        assert_eq!(out[..length], [&masks[..], &words[..]].concat());
        let mut back = base;
        assert!(apply_changes(&out[..length], &mut back));
        assert_eq!(back, page);
    }

    #[test]
    fn the_most_changes_fit() {
        let mut out = [0; MAX_CHANGES_BYTES];
        assert_eq!(find_changes(&[1; PAGE_BYTES], &[2; PAGE_BYTES], &mut out), MAX_CHANGES_BYTES);
        assert_eq!(find_changes(&[1; PAGE_BYTES], &[1; PAGE_BYTES], &mut out), 0);
    }

    #[test]
    fn changes_of_another_length_than_their_masks_say_are_refused() {
        let word = [9; 8];
        let one = [&[2, 0, 0, 0, 0, 0, 0, 0, 4][..], &word].concat();
        assert!(apply_changes(&one, &mut [0; PAGE_BYTES]));
        for cut in 0..one.len() {
            assert!(!apply_changes(&one[..cut], &mut [0; PAGE_BYTES]), "{cut} bytes");
        }
        for bad in [
            [&one[..], &[0]].concat(),
            [&one[..], &word].concat(),
            [&[3, 0, 0, 0, 0, 0, 0, 0, 4, 0][..], &word].concat(),
            vec![0; 8],
        ] {
            assert!(!apply_changes(&bad, &mut [0; PAGE_BYTES]), "{bad:?}");
        }
    }
}
