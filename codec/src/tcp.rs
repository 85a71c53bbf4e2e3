//! TCP over IPv4 in an Ethernet frame: what is one, where its fields are, its flow's number, and its
//! two checksums. Numbers in it are big-endian. docs/LOG-FORMAT.md, "Network frames", says which
//! frames these are; `network` predicts them.

/// The headers of Ethernet, IPv4 and TCP, all without options.
pub(crate) const HEADERS_BYTES: usize = 54;
/// See [`HEADERS_BYTES`].
pub(crate) type Headers = [u8; HEADERS_BYTES];

const ETHERNET_BYTES: usize = 14;
const IPV4_BYTES: usize = 20;
const TCP: u8 = 6;
const SYN: u8 = 2;
const FIN: u8 = 1;

pub(crate) const TOTAL_LENGTH: usize = 16;
pub(crate) const IDENTIFICATION: usize = 18;
const PROTOCOL: usize = 23;
pub(crate) const IPV4_CHECKSUM: usize = 24;
const ADDRESSES: usize = 26;
const TCP_HEADER: usize = 34;
pub(crate) const SEQUENCE: usize = 38;
pub(crate) const ACKNOWLEDGMENT: usize = 42;
const DATA_OFFSET: usize = 46;
pub(crate) const FLAGS: usize = 47;
pub(crate) const WINDOW: usize = 48;
pub(crate) const TCP_CHECKSUM: usize = 50;

/// Flows that are told apart, at most.
pub(crate) const FLOWS: usize = 64;

/// An Ethernet frame with TCP over IPv4, of which IPv4 has no options.
#[derive(Clone, Copy)]
pub(crate) struct TcpFrame<'a> {
    pub headers: &'a Headers,
    /// Options of TCP, and what it carries.
    pub rest: &'a [u8],
}

impl<'a> TcpFrame<'a> {
    /// These bytes, if they are such a frame.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Option<TcpFrame<'a>> {
        let (headers, rest) = bytes.split_first_chunk::<HEADERS_BYTES>()?;
        let is_one = headers[12..=14] == [0x08, 0x00, 0x45]
            && headers[PROTOCOL] == TCP
            && usize::from(u16_at(headers, TOTAL_LENGTH)) == bytes.len() - ETHERNET_BYTES;
        is_one.then_some(TcpFrame { headers, rest })
    }

    /// The number of the flow that it belongs to, below [`FLOWS`]: of addresses and ports.
    pub fn flow(&self) -> usize {
        let word = |at| u32::from_le_bytes(field(self.headers, at));
        let mixed = word(ADDRESSES).wrapping_mul(0x9e37_79b1)
            ^ word(ADDRESSES + 4).wrapping_mul(0x85eb_ca6b)
            ^ word(ADDRESSES + 8).wrapping_mul(0xc2b2_ae35);
        (mixed.wrapping_mul(0x2c1b_3c6d) >> (u32::BITS - FLOWS.ilog2())) as usize
    }
}

/// The total length of a frame with such a rest.
pub(crate) fn total_length(rest_bytes: usize) -> u16 {
    (HEADERS_BYTES - ETHERNET_BYTES + rest_bytes) as u16
}

/// How far the sequence number goes on behind a frame with these headers.
pub(crate) fn sequence_numbers(headers: &Headers) -> u32 {
    let header_bytes = IPV4_BYTES as u32 + 4 * u32::from(headers[DATA_OFFSET] >> 4);
    let flags = headers[FLAGS];
    u32::from(u16_at(headers, TOTAL_LENGTH)).saturating_sub(header_bytes)
        + u32::from(flags & SYN != 0)
        + u32::from(flags & FIN != 0)
}

/// What the checksum of IPv4 has to be: RFC 791.
pub(crate) fn ipv4_checksum(headers: &Headers) -> u16 {
    let before = sum(&headers[ETHERNET_BYTES..IPV4_CHECKSUM]);
    complement(before + sum(&headers[IPV4_CHECKSUM + 2..TCP_HEADER]))
}

/// What the checksum of TCP has to be: RFC 9293, with the pseudo-header.
pub(crate) fn tcp_checksum(headers: &Headers, rest: &[u8]) -> u16 {
    let length = u16_at(headers, TOTAL_LENGTH).wrapping_sub(IPV4_BYTES as u16);
    let pseudo = u64::from(u16::from(TCP).swap_bytes()) + u64::from(length.swap_bytes());
    // The addresses are the pseudo-header's, and stand right before TCP's own.
    let before = sum(&headers[ADDRESSES..TCP_CHECKSUM]);
    complement(pseudo + before + sum(&headers[TCP_CHECKSUM + 2..]) + sum(rest))
}

/// A sum whose one's complement is that of the words. They are added in the order of this machine's
/// bytes, two at once: such sums differ from those of big-endian words by the order of bytes only
/// (RFC 1071). An odd last byte is the first of a word.
fn sum(bytes: &[u8]) -> u64 {
    let (pairs, tail) = bytes.as_chunks::<4>();
    let mut sum: u64 = pairs.iter().map(|&pair| u64::from(u32::from_le_bytes(pair))).sum();
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    sum += u64::from(u32::from_le_bytes(last));
    sum
}

fn complement(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16).swap_bytes()
}

/// The field at `at`, which has to lie in the headers.
#[inline]
pub(crate) fn field<const BYTES: usize>(headers: &Headers, at: usize) -> [u8; BYTES] {
    core::array::from_fn(|index| headers[at + index])
}

#[inline]
fn u16_at(headers: &Headers, at: usize) -> u16 {
    u16::from_be_bytes(field(headers, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fourteen bytes of Ethernet, an IPv4 header, and zeros.
    fn headers(ipv4: [u8; IPV4_BYTES]) -> Headers {
        let mut headers = [0; HEADERS_BYTES];
        headers[12] = 8;
        headers[ETHERNET_BYTES..TCP_HEADER].copy_from_slice(&ipv4);
        headers
    }

    const IPV4: [u8; IPV4_BYTES] =
        [0x45, 0, 0, 40, 0, 0, 0x40, 0, 0x40, 6, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];

    #[test]
    fn a_sum_is_that_of_the_example_in_rfc_1071() {
        let example = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(complement(sum(&example)), !0xddf2);
        // An odd last byte is a word's high half; nothing is 0.
        assert_eq!(complement(sum(&[0x12, 0x34, 0x56])), !0x6834);
        assert_eq!(complement(sum(&[])), 0xffff);
    }

    #[test]
    fn the_checksum_of_ipv4_leaves_its_own_field_out() {
        // Of UDP and 115 bytes, whose checksum is known to be b861.
        let mut known = headers(IPV4);
        (known[17], known[PROTOCOL]) = (0x73, 17);
        assert_eq!(ipv4_checksum(&known), 0xb861);
        known[IPV4_CHECKSUM] ^= 0xff;
        assert_eq!(ipv4_checksum(&known), 0xb861);
    }

    #[test]
    fn the_checksum_of_tcp_makes_the_sum_of_all_its_words_ffff() {
        for length in [0, 1, 2, 3, 4, 5, 6, 7, 1460, 1461, 65_482] {
            let rest = alloc::vec![0xfb; length];
            let mut frame = headers(IPV4);
            frame[TOTAL_LENGTH..][..2].copy_from_slice(&total_length(length).to_be_bytes());
            frame[TCP_HEADER..].fill(0x39);
            let checksum = tcp_checksum(&frame, &rest);
            frame[TCP_CHECKSUM..][..2].copy_from_slice(&checksum.to_be_bytes());
            let tcp_bytes = (20 + length) as u32;
            let mut words = tcp_bytes >> 16;
            words += (tcp_bytes & 0xffff) + u32::from(TCP);
            let all = [&frame[ADDRESSES..], &rest].concat();
            for word in all.chunks(2) {
                words += u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0));
            }
            assert_eq!(words % 0xffff, 0, "{length} bytes");
        }
    }

    #[test]
    fn only_what_says_so_throughout_is_a_tcp_frame() {
        let frame = headers(IPV4);
        assert!(TcpFrame::of(&frame).is_some());
        assert!(TcpFrame::of(&frame[..53]).is_none());
        for at in [12, 13, 14, 16, 17, PROTOCOL] {
            let mut other = frame;
            other[at] ^= 1;
            assert!(TcpFrame::of(&other).is_none(), "byte {at}");
        }
        let longer = [&frame[..], b"x"].concat();
        assert!(TcpFrame::of(&longer).is_none());
    }

    #[test]
    fn a_frame_takes_as_many_sequence_numbers_as_it_carries_bytes_and_one_for_each_end() {
        let mut frame = headers(IPV4);
        let mut taken = |total: u16, offset: u8, flags: u8| {
            frame[TOTAL_LENGTH..][..2].copy_from_slice(&total.to_be_bytes());
            (frame[DATA_OFFSET], frame[FLAGS]) = (offset << 4 | 0xf, flags);
            sequence_numbers(&frame)
        };
        assert_eq!(taken(40, 5, 0x10), 0);
        assert_eq!(taken(47, 5, 0x18), 7);
        assert_eq!(taken(60, 10, 0x02), 1);
        assert_eq!(taken(40, 5, 0x13), 2);
        assert_eq!(taken(40, 15, 0x11), 1);
        assert_eq!(taken(0xffff, 0, 0), 0xffff - 20);
    }

    #[test]
    fn the_flows_of_addresses_and_ports_are_spread() {
        let mut seen = 0u64;
        for port in 0..512u16 {
            let mut frame = headers(IPV4);
            frame[TCP_HEADER..][..2].copy_from_slice(&(40_000 + port).to_be_bytes());
            seen |= 1 << TcpFrame::of(&frame).expect("a TCP frame").flow();
        }
        assert_eq!(seen, u64::MAX);
    }
}
