//! The key-value store: a guest that is a server on a network, and speaks RESP2, the protocol of Redis.
//!
//! This library is the store, its commands and its protocol, which are pure: bytes and a time in, bytes out.
//! serve.rs connects them to the machine, by smoltcp for TCP/IP and virtio-drivers for the network device.
//!
//! # What it answers to
//!
//! `PING ECHO QUIT SELECT COMMAND CONFIG INFO`, `SET` (`EX PX NX XX`) `GET STRLEN APPEND MSET MGET INCR DECR INCRBY
//! DECRBY`, `DEL EXISTS EXPIRE PEXPIRE TTL PTTL DBSIZE FLUSHALL`, as arrays or inline, pipelined or one by
//! one; ICMP echo besides. Everything else gets an error, and so does what is larger than limits.rs allows. A
//! command that finds the memory full gets `-OOM` and changes nothing.
//!
//! # What it is made for
//!
//! A machine that is replayed: no busy waiting (it halts until its device or its clock interrupts), no time but
//! that of the runtime's clock, no number that does not come from the command line or the clock. All memory
//! is taken at the start, and what was never used is never touched.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod blocks;
mod commands;
mod limits;
mod options;
mod random;
mod reply;
mod resp;
mod session;
mod store;
mod text;
// The runtime's assembly links into nothing but a guest.
#[cfg(not(test))]
mod clients;
#[cfg(not(test))]
mod device;
#[cfg(not(test))]
mod serve;

#[cfg(not(test))]
pub use serve::serve;

/// There is no memory for what was to be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

#[cfg(test)]
mod tests;
