//! A client's connection: bytes to commands to replies, under the bounds of limits.rs. A client that does not
//! take its replies is not served further; what does not fit its buffers waits in the store's blocks.

use crate::blocks::{Chain, blocks_for};
use crate::commands::{self, Call, Facts};
use crate::limits::{COMMAND_MAX, RECEIVE_BYTES, SHORT_REPLY_MAX};
use crate::reply::Reply;
use crate::resp::{Arguments, Parsed, Places, parse};
use crate::store::Store;
use alloc::vec::Vec;

/// The transport below a session: two bounded buffers.
pub(crate) trait Stream {
    /// Number of bytes received, at most [`RECEIVE_BYTES`].
    fn available(&self) -> usize;
    /// Copies as many of the bytes received as there are to `to`.
    fn peek(&mut self, to: &mut [u8]);
    /// Takes so many of the bytes received.
    fn consume(&mut self, bytes: usize);
    /// Number of bytes that can be sent.
    fn room(&self) -> usize;
    /// Sends the beginning of `bytes`; how many there was room for.
    fn send(&mut self, bytes: &[u8]) -> usize;
}

/// What all sessions share.
pub(crate) struct Shared {
    /// The keys.
    pub store: Store,
    /// What INFO says.
    pub facts: Facts,
    reply: Reply,
    places: Places,
    /// The bytes that are looked at.
    scratch: Vec<u8>,
}

impl Shared {
    /// Takes the memory that one command at a time needs; `store` may then take what is left.
    pub fn new(facts: Facts, store: impl FnOnce() -> Store) -> Self {
        let scratch = alloc::vec![0; COMMAND_MAX + RECEIVE_BYTES];
        let (reply, places) = (Reply::new(), Places::new());
        Self { store: store(), facts, reply, places, scratch }
    }
}

/// One connection.
pub(crate) struct Session {
    /// The beginning of a command that the receive buffer can't hold.
    input: Chain,
    /// Fewest bytes that the command which is under way has.
    needed: usize,
    /// The rest of a reply that the transmit buffer could not hold.
    output: Chain,
    ends: bool,
}

impl Session {
    /// One that has just begun.
    pub fn new() -> Self {
        Self { input: Chain::EMPTY, needed: 0, output: Chain::EMPTY, ends: false }
    }

    /// Does what can be done with the bytes received and the room there is. Whether the connection is to be
    /// closed now: all has been sent that was to be.
    pub fn serve(&mut self, shared: &mut Shared, stream: &mut impl Stream, now_ms: u64) -> bool {
        self.flush(shared, stream);
        while !self.ends && !self.is_blocked(stream) && self.take(shared, stream, now_ms) {}
        if self.ends {
            stream.consume(stream.available());
        }
        self.ends && self.output.bytes == 0
    }

    /// Whether it can't go on before its client takes more.
    pub fn is_blocked(&self, stream: &impl Stream) -> bool {
        self.output.bytes > 0 || stream.room() < SHORT_REPLY_MAX
    }

    /// Tells the client why it is not served, and ends.
    pub fn refuse(&mut self, shared: &mut Shared, stream: &mut impl Stream, why: &str) {
        shared.reply.clear();
        shared.reply.error(why);
        self.send(shared, stream);
        self.ends = true;
    }

    /// Gives back what it holds, for the next connection.
    pub fn reset(&mut self, shared: &mut Shared) {
        let Self { input, output, .. } = core::mem::replace(self, Self::new());
        shared.store.pool().release(input);
        shared.store.pool().release(output);
    }

    fn flush(&mut self, shared: &mut Shared, stream: &mut impl Stream) {
        let mut sent = 0;
        shared.store.pool().read(&self.output, 0, |part| {
            let taken = stream.send(part);
            sent += taken;
            taken == part.len()
        });
        shared.store.pool().drop_front(&mut self.output, sent);
    }

    /// Runs the commands that are there. Whether it did anything.
    fn take(&mut self, shared: &mut Shared, stream: &mut impl Stream, now_ms: u64) -> bool {
        let held = self.input.bytes;
        let total = held + stream.available();
        if total == 0 || total < self.needed {
            self.hold(shared, stream);
            return false;
        }
        let mut bytes = core::mem::take(&mut shared.scratch);
        self.load(shared, stream, &mut bytes[..total]);
        let mut position = 0;
        self.needed = 0;
        while position < total && !self.ends && !self.is_blocked(stream) {
            match parse(&bytes[position..total], &mut shared.places) {
                Parsed::Command(length) => {
                    if position == 0 {
                        // What was held is less than the first command. Its memory may be what that needs.
                        let input = core::mem::replace(&mut self.input, Chain::EMPTY);
                        shared.store.pool().release(input);
                    }
                    self.run(shared, &bytes[position..position + length], now_ms, stream);
                    position += length;
                }
                Parsed::Incomplete(needed) => {
                    self.needed = needed;
                    break;
                }
                Parsed::Refused(why) => {
                    shared.reply.clear();
                    shared.reply.error_of(format_args!("ERR Protocol error: {why}"));
                    self.send(shared, stream);
                    self.ends = true;
                }
            }
        }
        shared.scratch = bytes;
        if position > 0 {
            stream.consume(position - held);
        }
        self.hold(shared, stream);
        position > 0
    }

    /// Copies what is held and what was received to `bytes`, which it fills.
    fn load(&self, shared: &mut Shared, stream: &mut impl Stream, bytes: &mut [u8]) {
        let (mut rest, received) = bytes.split_at_mut(self.input.bytes);
        shared.store.pool().read(&self.input, 0, |part| {
            let (to, left) = core::mem::take(&mut rest).split_at_mut(part.len());
            to.copy_from_slice(part);
            rest = left;
            true
        });
        stream.peek(received);
    }

    fn run(&mut self, shared: &mut Shared, bytes: &[u8], now_ms: u64, stream: &mut impl Stream) {
        let arguments = Arguments::new(bytes, &shared.places);
        if arguments.count() == 0 {
            return;
        }
        shared.reply.clear();
        let mut call = Call {
            arguments,
            store: &mut shared.store,
            reply: &mut shared.reply,
            facts: &mut shared.facts,
            now_ms,
            ends: false,
        };
        commands::run(&mut call);
        self.ends = call.ends;
        self.send(shared, stream);
    }

    /// Moves the beginning of a long command out of the receive buffer, which is too small for all of it.
    fn hold(&mut self, shared: &mut Shared, stream: &mut impl Stream) {
        let available = stream.available();
        if self.needed <= RECEIVE_BYTES / 2 || available == 0 {
            return;
        }
        let received = &mut shared.scratch[..available];
        stream.peek(received);
        stream.consume(available);
        if shared.store.pool().append(&mut self.input, received, 0).is_err() {
            self.refuse(shared, stream, "OOM no memory for a command of this length");
        }
    }

    /// Sends the reply. Without memory for what the transmit buffer can't hold of it, an error instead.
    fn send(&mut self, shared: &mut Shared, stream: &mut impl Stream) {
        let Shared { store, reply, .. } = shared;
        let excess = reply.finish().len().saturating_sub(stream.room());
        if blocks_for(excess) > store.pool().unused() {
            reply.clear();
            reply.error("OOM no memory for a reply of this length");
        }
        let bytes = reply.finish();
        let sent = stream.send(bytes);
        let kept = store.pool().append(&mut self.output, &bytes[sent..], 0);
        debug_assert!(kept.is_ok(), "there is memory for it, or it is short");
    }
}
