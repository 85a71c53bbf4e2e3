//! TCP frames as hosts send them to a guest, and what may be odd about one.

const SYN: u8 = 2;
const FIN: u8 = 1;
const PUSH: u8 = 8;
const ACK: u8 = 16;

/// What is not as usual about a frame. Some of it makes it no TCP frame that the format knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oddities {
    /// A bit each, as `ODD_…` says.
    pub bits: u16,
    /// By how much, or what.
    pub value: u32,
}

pub const ODD_SYN: u16 = 1 << 0;
pub const ODD_FIN: u16 = 1 << 1;
pub const ODD_IDENTIFICATION: u16 = 1 << 2;
pub const ODD_IPV4_CHECKSUM: u16 = 1 << 3;
pub const ODD_TCP_CHECKSUM: u16 = 1 << 4;
pub const ODD_WINDOW: u16 = 1 << 5;
pub const ODD_SEQUENCE: u16 = 1 << 6;
pub const ODD_ACKNOWLEDGMENT: u16 = 1 << 7;
pub const ODD_OPTIONS: u16 = 1 << 8;
pub const ODD_ETHER_TYPE: u16 = 1 << 9;
pub const ODD_IPV4_OPTIONS: u16 = 1 << 10;
pub const ODD_PROTOCOL: u16 = 1 << 11;
pub const ODD_TOTAL_LENGTH: u16 = 1 << 12;
pub const ODD_DATA_OFFSET: u16 = 1 << 13;
pub const ODD_TIME_TO_LIVE: u16 = 1 << 14;
pub const ODD_URGENT: u16 = 1 << 15;

/// One end's side of a connection.
#[derive(Clone, Copy)]
struct Flow {
    identification: u16,
    sequence: u32,
    acknowledgment: u32,
    window: u16,
}

/// The frames of many connections.
pub struct Traffic {
    flows: Vec<Flow>,
}

impl Default for Traffic {
    fn default() -> Self {
        let flow = |number: u32| Flow {
            identification: 0xfffd_u16.wrapping_add(number as u16),
            sequence: 0xffff_ff00_u32.wrapping_add(number << 20),
            acknowledgment: 0xffff_fff0,
            window: 502,
        };
        Traffic { flows: (0..256).map(flow).collect() }
    }
}

impl Traffic {
    /// The next frame of a flow. It is a usual one if nothing is odd: all is as its connection goes on.
    pub fn frame(&mut self, flow_number: u8, odd: Oddities, carried: &[u8]) -> Vec<u8> {
        let Oddities { bits, value } = odd;
        let is = |oddity: u16| bits & oddity != 0;
        let flow = &mut self.flows[usize::from(flow_number)];
        flow.identification = flow.identification.wrapping_add(1);
        if is(ODD_IDENTIFICATION) {
            flow.identification ^= value as u16;
        }
        if is(ODD_WINDOW) {
            flow.window = value as u16;
        }
        if is(ODD_SEQUENCE) {
            flow.sequence = flow.sequence.wrapping_add(value);
        }
        if is(ODD_ACKNOWLEDGMENT) {
            flow.acknowledgment = flow.acknowledgment.wrapping_add(value);
        }
        let mut flags = if carried.is_empty() { ACK } else { ACK | PUSH };
        if is(ODD_SYN) {
            flags |= SYN;
        }
        if is(ODD_FIN) {
            flags |= FIN;
        }
        let option_words = if is(ODD_OPTIONS) { value % 11 } else { 0 };
        let mut offset = (5 + option_words as u8) << 4;
        if is(ODD_DATA_OFFSET) {
            offset ^= value as u8;
        }
        let ttl = if is(ODD_TIME_TO_LIVE) { value as u8 } else { 64 };
        let protocol = if is(ODD_PROTOCOL) { value as u8 } else { 6 };
        let mut total = (40 + 4 * option_words as usize + carried.len()) as u16;
        if is(ODD_TOTAL_LENGTH) {
            total = total.wrapping_add(value as u16);
        }
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend_from_slice(&total.to_be_bytes());
        frame.extend_from_slice(&flow.identification.to_be_bytes());
        frame.extend_from_slice(&[0x40, 0, ttl, protocol, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1]);
        frame.extend_from_slice(&(40_000 + u16::from(flow_number)).to_be_bytes());
        frame.extend_from_slice(&8080u16.to_be_bytes());
        frame.extend_from_slice(&flow.sequence.to_be_bytes());
        frame.extend_from_slice(&flow.acknowledgment.to_be_bytes());
        frame.extend_from_slice(&[offset, flags]);
        frame.extend_from_slice(&flow.window.to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        for word in 0..option_words {
            frame.extend_from_slice(&[1, 1, word as u8, value as u8]);
        }
        frame.extend_from_slice(carried);
        if is(ODD_ETHER_TYPE) {
            frame[13] = value as u8;
        }
        if is(ODD_IPV4_OPTIONS) {
            frame[14] = 0x46;
        }
        if is(ODD_URGENT) {
            frame[53] = value as u8;
        }
        seal(&mut frame);
        frame[25] ^= u8::from(is(ODD_IPV4_CHECKSUM)) * value as u8;
        frame[51] ^= u8::from(is(ODD_TCP_CHECKSUM)) * value as u8;
        let ends = u32::from(is(ODD_SYN)) + u32::from(is(ODD_FIN));
        flow.sequence = flow.sequence.wrapping_add(carried.len() as u32 + ends);
        frame
    }
}

/// Fills both checksums in.
fn seal(frame: &mut [u8]) {
    let ipv4 = checksum(&frame[14..34]);
    frame[24..26].copy_from_slice(&ipv4);
    let tcp_bytes = (u16::from_be_bytes([frame[16], frame[17]]).wrapping_sub(20)).to_be_bytes();
    let mut words = frame[26..34].to_vec();
    words.extend_from_slice(&[0, 6, tcp_bytes[0], tcp_bytes[1]]);
    words.extend_from_slice(&frame[34..]);
    let tcp = checksum(&words);
    frame[50..52].copy_from_slice(&tcp);
}

/// The checksum of these words, by the letter of RFC 1071.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum = 0u16;
    for word in bytes.chunks(2) {
        let word = u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]);
        let (added, carried) = sum.overflowing_add(word);
        sum = added + u16::from(carried);
    }
    (!sum).to_be_bytes()
}
