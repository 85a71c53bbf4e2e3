//! CRC32C (Castagnoli, RFC 3720 appendix B.4), of which every frame carries one.

use crc::{CRC_32_ISCSI, Crc, Table};

/// Sixteen bytes a step: 16 KiB of tables buy about tenfold speed over one byte a step.
static CASTAGNOLI: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// The CRC32C of what `seed` is the CRC32C of, followed by `bytes`; seed 0 starts afresh.
pub fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    // The crate takes the shift register as it was before reflection and final complement.
    let mut digest = CASTAGNOLI.digest_with_initial((!seed).reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn agrees_with_the_published_check_values() {
        assert_eq!(crc32c(0, b""), 0);
        assert_eq!(crc32c(0, b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(0, &[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(0, &[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn a_seed_continues_where_the_last_call_stopped() {
        let text = b"it goes on with the show in mid-sentence";
        for cut in 0..=text.len() {
            let (front, back) = text.split_at(cut);
            assert_eq!(crc32c(crc32c(0, front), back), crc32c(0, text));
        }
    }
}
