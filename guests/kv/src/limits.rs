//! The bounds of the store and of its connections, and why they are what they are.

/// Clients at a time; one more gets an error and is closed.
pub const CLIENTS_MAX: usize = 256;
/// A socket's receive buffer. Pipelined small commands fit; longer commands move on to the pool.
pub const RECEIVE_BYTES: usize = 8 << 10;
/// A socket's transmit buffer, which is also what may be under way to a client: no congestion control is
/// needed within ten segments.
pub const TRANSMIT_BYTES: usize = 16 << 10;

/// Longest key, in bytes.
pub const KEY_MAX: usize = 1 << 10;
/// Longest value and longest argument, in bytes.
pub const VALUE_MAX: usize = 64 << 10;
/// Most arguments of a command, its name counted.
pub const ARGUMENTS_MAX: usize = 1 << 10;
/// Longest command as it comes over the wire, in bytes: the longest value and as much besides.
pub const COMMAND_MAX: usize = 128 << 10;
/// Longest inline command, in bytes. It has to fit the receive buffer: it is looked at there, whole.
pub const INLINE_MAX: usize = 4 << 10;
/// Longest header line of RESP (`*N`, `$N`), in bytes.
pub const HEADER_MAX: usize = 32;
/// Longest reply, in bytes: an MGET of several values.
pub const REPLY_MAX: usize = 256 << 10;
/// Room that has to be in the transmit buffer before a command is run. Every reply that changes something
/// is shorter, and so is the error that stands in for a reply for which there is no memory.
pub const SHORT_REPLY_MAX: usize = 256;
/// Longest part of what a client said that an error repeats, in bytes.
pub const QUOTE_MAX: usize = 64;

/// The part of the memory, as a divisor, that keys and values leave to the commands and replies of clients.
pub const CLIENTS_SHARE: usize = 8;
/// Latest time of an expiry, in milliseconds of the machine's clock: some thirty thousand years.
pub const EXPIRY_MAX_MS: u64 = 1_000_000_000_000_000;
/// Buckets that are searched when a command finds the memory full.
pub const SWEEP_BUCKETS_WHEN_FULL: usize = 4096;
