//! Properties of page batches, over random pages and over damaged ones: the decoder is total.

use codec::fault::{Fault, Part, Reason};
use codec::misuse::Misuse;
use codec::page::{Kind, MAX_BATCH_BYTES, MAX_BATCH_PAGES, PAGE_BYTES, Page};
use codec::page_decode::{PageCursor, Record, open_pages};
use codec::page_encode::PageEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

/// A page, and what the other end has of it.
#[derive(Clone, Debug)]
struct Sample {
    /// Pages that are not sent, before this one.
    skip: u32,
    page: Box<Page>,
    base: Option<Box<Page>>,
}

fn noise(mut seed: u64) -> Box<Page> {
    let mut page = Box::new([0; PAGE_BYTES]);
    for byte in page.iter_mut() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (seed >> 56) as u8;
    }
    page
}

/// Pages of all sorts: zero, noise, the same over and over, what packs more or less well.
fn page() -> impl Strategy<Value = Box<Page>> {
    prop_oneof![
        Just(Box::new([0; PAGE_BYTES])),
        any::<u64>().prop_map(noise),
        any::<u8>().prop_map(|byte| Box::new([byte; PAGE_BYTES])),
        (any::<u64>(), vec((0..PAGE_BYTES, 0..200usize, 0..PAGE_BYTES), 0..60)).prop_map(
            |(seed, copies)| {
                let mut page = noise(seed);
                for (from, length, to) in copies {
                    let length = length.min(PAGE_BYTES - from).min(PAGE_BYTES - to);
                    page.copy_within(from..from + length, to);
                }
                page
            }
        ),
    ]
}

fn sample() -> impl Strategy<Value = Sample> {
    let skip = prop_oneof![0u32..3, 28u32..34, 0u32..5000];
    let changes = prop_oneof![
        vec((0..PAGE_BYTES, any::<u8>()), 0..6),
        vec((0..PAGE_BYTES, any::<u8>()), 0..600),
        vec((0..PAGE_BYTES, Just(0)), 0..2000),
    ];
    let based = (page(), changes).prop_map(|(base, changes)| {
        let mut page = base.clone();
        for (at, value) in changes {
            page[at] = value;
        }
        (page, Some(base))
    });
    let alone = page().prop_map(|page| (page, None));
    let unrelated = (page(), page()).prop_map(|(page, base)| (page, Some(base)));
    (skip, prop_oneof![3 => based, 1 => alone, 1 => unrelated])
        .prop_map(|(skip, (page, base))| Sample { skip, page, base })
}

/// The samples' page numbers, and how many pages a memory with them has.
fn numbers(samples: &[Sample]) -> (Vec<u32>, u32) {
    let mut next = 0;
    let numbers = samples
        .iter()
        .map(|sample| {
            next += sample.skip + 1;
            next - 1
        })
        .collect();
    (numbers, next)
}

/// The batch of samples that fit one, and what became of each.
fn encode(encoder: &mut PageEncoder, samples: &[Sample]) -> (Vec<u8>, Vec<Option<Kind>>) {
    let (numbers, _) = numbers(samples);
    let kinds = samples
        .iter()
        .zip(numbers)
        .map(|(sample, number)| {
            assert!(encoder.room() > 0);
            encoder.page(number, &sample.page, sample.base.as_deref()).expect("a valid page")
        })
        .collect();
    let batch = encoder.batch().to_vec();
    encoder.reset();
    (batch, kinds)
}

/// All pages of a batch; `base` gives what a page was before.
fn decode(
    batch: &[u8],
    memory_pages: u32,
    base: impl Fn(u32) -> Option<Page>,
) -> Result<Vec<(Record, Box<Page>)>, Fault> {
    let mut cursor = open_pages(batch, memory_pages)?;
    let mut pages = Vec::new();
    while let Some(record) = cursor.next(batch, memory_pages).expect("proved") {
        let base = base(record.page);
        let mut page = Box::new(base.unwrap_or([0xa5; PAGE_BYTES]));
        record.decode(batch, &mut page, base.is_some())?;
        pages.push((record, page));
    }
    Ok(pages)
}

/// Decoding any bytes at all gives ascending pages of memory, or a fault inside of them.
fn check_total(batch: &[u8], memory_pages: u32) -> Result<(), TestCaseError> {
    for base in [None, Some([0x5a; PAGE_BYTES])] {
        match decode(batch, memory_pages, |_| base) {
            Ok(pages) => {
                prop_assert!(pages.len() <= MAX_BATCH_PAGES);
                prop_assert!(pages.is_sorted_by(|one, other| one.0.page < other.0.page));
                prop_assert!(pages.iter().all(|(record, _)| record.page < memory_pages));
            }
            Err(fault) => {
                prop_assert_eq!(fault.part, Part::Pages);
                prop_assert!(fault.offset <= batch.len(), "{:?}", fault);
                prop_assert!(!fault.to_string().is_empty());
            }
        }
    }
    Ok(())
}

/// Records whose frame is right, around whatever bytes.
fn any_records() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![Just(0u8), Just(1), Just(0x0f), Just(0xf0), Just(0xff), any::<u8>()];
    let bytes = prop_oneof![vec(any::<u8>(), 1..300), vec(small, 1..60)];
    vec((2u8..5, bytes), 1..6).prop_map(|records| {
        let mut batch = Vec::new();
        for (kind, bytes) in records {
            batch.push(kind);
            batch.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
            batch.extend_from_slice(&bytes);
        }
        batch
    })
}

/// Cheap cases go `times` as often; `PROPTEST_CASES` makes a campaign of all of them.
fn config(times: u32) -> ProptestConfig {
    let plain = ProptestConfig::default();
    ProptestConfig { failure_persistence: None, cases: plain.cases * times, ..plain }
}

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn pages_come_back_as_they_went(samples in vec(sample(), 0..12)) {
        let (batch, kinds) = encode(&mut PageEncoder::new(), &samples);
        let (numbers, memory_pages) = numbers(&samples);
        let sent = numbers.iter().zip(&samples).zip(&kinds);
        let base = |page| {
            let index = numbers.binary_search(&page).expect("a page that was sent");
            samples[index].base.as_deref().copied()
        };
        let mut back = decode(&batch, memory_pages, base).expect("our own batch").into_iter();
        for ((number, sample), kind) in sent {
            if kind.is_none() {
                prop_assert_eq!(sample.base.as_ref(), Some(&sample.page));
                continue;
            }
            let (record, page) = back.next().expect("a record for a page that was sent");
            prop_assert_eq!((record.page, record.kind), (*number, *kind));
            prop_assert_eq!(&page, &sample.page);
        }
        prop_assert!(back.next().is_none());
    }

    #[test]
    fn a_page_takes_no_more_bytes_than_it_has_and_a_few(sample in sample()) {
        let (batch, _) = encode(&mut PageEncoder::new(), &[sample]);
        prop_assert!(batch.len() <= 1 + 2 + PAGE_BYTES);
    }

    #[test]
    fn an_encoder_that_is_used_again_remembers_nothing(
        one in vec(sample(), 0..8),
        other in vec(sample(), 0..8),
    ) {
        let mut encoder = PageEncoder::new();
        encode(&mut encoder, &one);
        prop_assert_eq!(encode(&mut encoder, &other), encode(&mut PageEncoder::new(), &other));
    }

    #[test]
    fn a_damaged_batch_is_decoded_or_refused(
        samples in vec(sample(), 1..6),
        changes in vec((any::<prop::sample::Index>(), 1u8..=255), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut batch, _) = encode(&mut PageEncoder::new(), &samples);
        let (_, memory_pages) = numbers(&samples);
        if !batch.is_empty() {
            for (index, change) in changes {
                let at = index.index(batch.len());
                batch[at] ^= change;
            }
            check_total(&batch, memory_pages)?;
            batch.truncate(cut.index(batch.len()));
        }
        check_total(&batch, memory_pages)?;
    }
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn any_bytes_at_all_are_decoded_or_refused(
        batch in vec(any::<u8>(), 0..400),
        memory_pages in prop_oneof![Just(0), Just(1), 2u32..100, Just(u32::MAX)],
    ) {
        check_total(&batch, memory_pages)?;
    }

    #[test]
    fn any_bytes_in_sound_records_are_decoded_or_refused(batch in any_records()) {
        check_total(&batch, 100)?;
    }
}

fn fault_of(batch: &[u8], memory_pages: u32) -> (Reason, usize) {
    let fault = decode(batch, memory_pages, |_| None).expect_err("a fault");
    (fault.reason, fault.offset)
}

#[test]
fn records_have_the_bytes_that_their_drawing_shows() {
    let mut encoder = PageEncoder::new();
    let base = noise(1);
    let mut changed = base.clone();
    changed[8] ^= 0xff;
    for (number, page, base) in [
        (0, &[0; PAGE_BYTES], None),
        (31, &[0; PAGE_BYTES], None), // 30 skipped
        (63, &*noise(2), None),       // 31 skipped
        (64, &*base, Some(&*base)),   // as it was: no record
        (264, &*changed, Some(&*base)),
    ] {
        encoder.page(number, page, base).expect("a valid page");
    }
    let (head, tail) = encoder.batch().split_at(4);
    assert_eq!(head, [0, 30 << 3, 31 << 3 | 1, 0]);
    let (raw, tail) = tail.split_at(PAGE_BYTES);
    assert_eq!(raw, *noise(2));
    let masks = [1, 0, 0, 0, 0, 0, 0, 0, 2];
    let skip = 264u16 - 64 - 31;
    let expected =
        [&[31 << 3 | 3, skip as u8 & 0x7f | 0x80, (skip >> 7) as u8, 17, 0][..], &masks].concat();
    assert_eq!(tail, [&expected, &changed[8..16]].concat());
}

#[test]
fn a_fault_says_where_it_is() {
    let zero = |count: usize| vec![0u8; count];
    assert_eq!(fault_of(&zero(MAX_BATCH_BYTES + 1), 1000), (Reason::BatchLength, 0));
    assert_eq!(fault_of(&zero(MAX_BATCH_PAGES + 1), 1000), (Reason::PageCount, MAX_BATCH_PAGES));
    assert_eq!(fault_of(&zero(8), 7), (Reason::PageNumber, 7));
    assert_eq!(fault_of(&[0], 0), (Reason::PageNumber, 0));
    assert_eq!(fault_of(&[0, 5], 9), (Reason::PageKind, 1));
    assert_eq!(fault_of(&[0, 1, 2], 9), (Reason::Truncated, 3));
    assert_eq!(fault_of(&[0, 2, 2], 9), (Reason::Truncated, 3));
    assert_eq!(fault_of(&[0, 2, 2, 0, 7], 9), (Reason::Truncated, 5));
    assert_eq!(fault_of(&[2, 0, 0], 9), (Reason::RecordLength, 1));
    assert_eq!(fault_of(&[2, 0, 16], 9), (Reason::RecordLength, 1));
    assert_eq!(fault_of(&[31 << 3, 0x80, 0], 99), (Reason::Overlong, 1));
    assert_eq!(fault_of(&[31 << 3, 0x80], 99), (Reason::Truncated, 1));
    assert_eq!(fault_of(&[31 << 3, 68], 99), (Reason::PageNumber, 0));
    assert_eq!(fault_of(&[3, 1, 0, 0], 9), (Reason::NoBase, 3));
    assert_eq!(fault_of(&[2, 1, 0, 0x10], 9), (Reason::Packed, 3));
    assert_eq!(fault_of(&[2, 2, 0, 0x10, 7], 9), (Reason::UnpackedLength, 3));
    let base = |_| Some([0; PAGE_BYTES]);
    let fault = decode(&[3, 1, 0, 0], 9, base).expect_err("a fault");
    assert_eq!((fault.reason, fault.offset), (Reason::Changes, 3));
    let fault = decode(&[4, 2, 0, 0x10, 7], 9, base).expect_err("a fault");
    assert_eq!((fault.reason, fault.offset), (Reason::Changes, 3));
}

#[test]
fn what_unpacks_to_more_than_a_page_is_refused() {
    // One literal, and a match of it that goes on for as long as the record has room to say.
    let mut block = vec![0x1f, 7, 1, 0];
    block.resize(4000, 0xff);
    block.push(0);
    let batch = [&[2][..], &(block.len() as u16).to_le_bytes(), &block].concat();
    assert_eq!(fault_of(&batch, 1), (Reason::Packed, 3));
}

#[test]
fn a_cursor_of_no_batch_and_a_record_of_none_are_harmless() {
    assert_eq!(PageCursor::default().next(&[], 1), Ok(None));
    assert!(Record::default().decode(&[1, 2, 3], &mut [0; PAGE_BYTES], true).is_err());
}

#[test]
fn pages_that_do_not_ascend_or_do_not_fit_are_refused_and_change_nothing() {
    let mut encoder = PageEncoder::new();
    let (mut full, mut number) = (Vec::new(), 0);
    while encoder.room() > 0 {
        encoder.page(number, &noise(number.into()), None).expect("there is room");
        full = encoder.batch().to_vec();
        number += 1;
    }
    assert!(full.len() <= MAX_BATCH_BYTES && number >= 63);
    let refused = encoder.page(number, &[1; PAGE_BYTES], None);
    assert_eq!(refused, Err(Misuse::Full { bytes: PAGE_BYTES }));
    let refused = encoder.page(number - 1, &[1; PAGE_BYTES], None);
    let (page, next) = (u64::from(number) - 1, number.into());
    assert_eq!(refused, Err(Misuse::PageBackwards { page, next }));
    assert_eq!(encoder.batch(), full);
    encoder.reset();
    for number in 0..MAX_BATCH_PAGES as u32 {
        encoder.page(number, &[0; PAGE_BYTES], None).expect("there is room");
    }
    assert_eq!((encoder.room(), encoder.batch().len()), (0, MAX_BATCH_PAGES));
}
