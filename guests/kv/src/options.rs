//! The guest's words on the kernel's command line, and the devices that it names there.

/// An IPv4 address.
pub(crate) type Address = [u8; 4];

/// Where the machine has its address from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Addressing {
    /// From a server in its network.
    Dhcp,
    /// From the command line: the address, the bits of its network's prefix, and the way to others.
    Fixed(Address, u8, Option<Address>),
}

/// What the command line asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Options {
    /// The machine's address.
    pub addressing: Addressing,
    /// Where it listens.
    pub port: u16,
    /// What its numbers begin with.
    pub seed: u64,
}

/// Reads the command line; `None` if it makes no sense. Words of others are left to them, so that the machine's
/// own can stand beside.
pub(crate) fn read(command_line: &str) -> Option<Options> {
    let mut ip = "dhcp";
    let mut gateway = None;
    let mut options = Options { addressing: Addressing::Dhcp, port: 6379, seed: 1 };
    for word in command_line.split_ascii_whitespace() {
        let (name, value) = word.split_once('=')?;
        match name {
            "ip" => ip = value,
            "gw" => gateway = Some(address(value)?),
            "port" => options.port = value.parse().ok().filter(|&port| port > 0)?,
            "seed" => options.seed = value.parse().ok()?,
            _ => {}
        }
    }
    if ip != "dhcp" {
        let (own, bits) = ip.split_once('/')?;
        let bits = bits.parse().ok().filter(|bits| (1..=32).contains(bits))?;
        options.addressing = Addressing::Fixed(address(own)?, bits, gateway);
    } else if gateway.is_some() {
        return None;
    }
    Some(options)
}

/// An address that one machine can have.
fn address(text: &str) -> Option<Address> {
    let address: core::net::Ipv4Addr = text.parse().ok()?;
    let is_of_one = !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast();
    is_of_one.then(|| address.octets())
}

/// A device of virtio over MMIO, as Linux has it on its command line:
/// `virtio_mmio.device=SIZE@ADDRESS:LINE[:ID]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    /// Where its registers are.
    pub address: usize,
    /// How many bytes they take.
    pub bytes: usize,
    /// Its interrupt line.
    pub line: u8,
}

/// Fewest bytes of a slot: the registers, and the beginning of the device's own.
const SLOT_BYTES_MIN: usize = 0x110;
/// Lines of the two PICs.
const LINES: u8 = 16;
/// End of the addresses that the guest can reach.
const ADDRESS_END: usize = 1 << 32;

/// The devices that the command line names, in its order. One that this machine can't have is passed over.
pub(crate) fn slots(command_line: &str) -> impl Iterator<Item = Slot> {
    command_line
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("virtio_mmio.device="))
        .filter_map(slot)
}

fn slot(text: &str) -> Option<Slot> {
    let (size, place) = text.split_once('@')?;
    let mut parts = place.split(':');
    let address = number(parts.next()?)?;
    let line = u8::try_from(number(parts.next()?)?).ok().filter(|&line| line < LINES)?;
    let bytes = number(size)?;
    let end = address.checked_add(bytes)?;
    let is_possible = bytes >= SLOT_BYTES_MIN && end <= ADDRESS_END && address.is_multiple_of(4);
    is_possible.then_some(Slot { address, bytes, line })
}

/// A number as Linux reads sizes: decimal or `0x`, with an optional K, M or G.
fn number(text: &str) -> Option<usize> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 1 << 10),
        b'M' | b'm' => (&text[..text.len() - 1], 1 << 20),
        b'G' | b'g' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let number = match digits.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    number.ok()?.checked_mul(unit)
}
