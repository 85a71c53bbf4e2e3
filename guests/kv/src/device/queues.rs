//! The two queues and their buffers, one to each descriptor. A buffer belongs to the device from when it is put
//! into a queue until the queue gives it back.
//!
//! A queue hands out first the descriptor that came back last, and so do we with buffers: a descriptor and its
//! buffer have the same number for good.

use super::FRAME_BYTES;
use super::hal::Machine;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{Ordering::SeqCst, fence};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::mmio::MmioTransport;

/// Descriptors of a queue, which the device has to offer. (QEMU's does.)
const DESCRIPTORS: usize = 64;
/// A frame with the longest header before it and a tag in it.
const BUFFER_BYTES: usize = (12 + FRAME_BYTES + 4).next_multiple_of(16);

type Buffer = [u8; BUFFER_BYTES];

/// Kilobytes in itself: boxed, for the stack is small.
struct Queue {
    ring: VirtQueue<Machine, DESCRIPTORS>,
    buffers: Vec<Buffer>,
    header_bytes: usize,
    /// Whether the device may not know yet what was put into the ring.
    is_changed: bool,
}

impl Queue {
    #[inline(never)]
    fn new(
        transport: &mut MmioTransport<'static>,
        number: u16,
        header_bytes: usize,
    ) -> virtio_drivers::Result<Box<Self>> {
        // No indirect descriptors, and flags instead of event indices: enough for who kicks once a round.
        let ring = VirtQueue::new(transport, number, false, false)?;
        let buffers = alloc::vec![[0; BUFFER_BYTES]; DESCRIPTORS];
        Ok(Box::new(Self { ring, buffers, header_bytes, is_changed: false }))
    }

    fn wants_kick(&mut self) -> bool {
        // The device looks into the ring once more after it has said that it wants no kick no longer.
        fence(SeqCst);
        core::mem::take(&mut self.is_changed) && self.ring.should_notify()
    }
}

/// The queue of packets that come.
pub(crate) struct Receive(Box<Queue>);

/// A buffer with a packet.
pub(crate) struct Filled {
    number: u16,
    bytes: usize,
}

impl Receive {
    /// Sets it up, every buffer with the device.
    pub fn new(
        transport: &mut MmioTransport<'static>,
        number: u16,
        header_bytes: usize,
    ) -> virtio_drivers::Result<Self> {
        let mut queue = Self(Queue::new(transport, number, header_bytes)?);
        (0..DESCRIPTORS as u16).for_each(|number| queue.give_back(Filled { number, bytes: 0 }));
        Ok(queue)
    }

    /// Whether a packet is there.
    pub fn is_ready(&self) -> bool {
        self.0.ring.can_pop()
    }

    /// Whether the device interrupts for a packet.
    pub fn interrupt(&mut self, on: bool) {
        self.0.ring.set_dev_notify(on);
    }

    /// Whether the device wants to be told of buffers.
    pub fn wants_kick(&mut self) -> bool {
        self.0.wants_kick()
    }

    /// The next packet.
    pub fn take(&mut self) -> Option<Filled> {
        let number = self.0.ring.peek_used()?;
        let buffer = &mut self.0.buffers[usize::from(number)];
        // SAFETY: the buffer that give_back put there.
        let bytes = unsafe { self.0.ring.pop_used(number, &[], &mut [buffer]) };
        let bytes = bytes.expect("it was there") as usize;
        Some(Filled { number, bytes: bytes.clamp(self.0.header_bytes, BUFFER_BYTES) })
    }

    /// What is in it.
    pub fn packet(&self, filled: &Filled) -> &[u8] {
        &self.0.buffers[usize::from(filled.number)][self.0.header_bytes..filled.bytes]
    }

    /// Lets the device have the buffer.
    pub fn give_back(&mut self, filled: Filled) {
        let buffer = &mut self.0.buffers[usize::from(filled.number)];
        // SAFETY: nobody touches the buffer before take() gets it back, and none ever moves.
        let number = unsafe { self.0.ring.add(&[], &mut [buffer]) };
        assert_eq!(number, Ok(filled.number), "a descriptor of its own for each buffer");
        self.0.is_changed = true;
    }
}

/// The queue of packets that go.
pub(crate) struct Transmit {
    queue: Box<Queue>,
    free: Vec<u16>,
    /// How long the packet in each buffer is, its header counted.
    lengths: Vec<usize>,
}

impl Transmit {
    /// Sets it up, every buffer with us.
    pub fn new(
        transport: &mut MmioTransport<'static>,
        number: u16,
        header_bytes: usize,
    ) -> virtio_drivers::Result<Self> {
        let queue = Queue::new(transport, number, header_bytes)?;
        let free = (0..DESCRIPTORS as u16).rev().collect();
        Ok(Self { queue, free, lengths: alloc::vec![0; DESCRIPTORS] })
    }

    /// Whether a packet can be sent; takes back what has been.
    pub fn has_room(&mut self) -> bool {
        while let Some(number) = self.queue.ring.peek_used() {
            let index = usize::from(number);
            let packet = &self.queue.buffers[index][..self.lengths[index]];
            // SAFETY: the packet that send put there.
            let popped = unsafe { self.queue.ring.pop_used(number, &[packet], &mut []) };
            popped.expect("it was there");
            self.free.push(number);
        }
        !self.is_full()
    }

    /// Whether nothing can be sent before the device has sent something.
    pub fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Whether the device has sent something.
    pub fn is_ready(&self) -> bool {
        self.queue.ring.can_pop()
    }

    /// Whether the device interrupts when it has sent something.
    pub fn interrupt(&mut self, on: bool) {
        self.queue.ring.set_dev_notify(on);
    }

    /// Whether the device wants to be told of packets.
    pub fn wants_kick(&mut self) -> bool {
        self.queue.wants_kick()
    }

    /// Sends the packet that `write` writes. There is room for it.
    pub fn send<R>(&mut self, length: usize, write: impl FnOnce(&mut [u8]) -> R) -> R {
        let number = self.free.pop().expect("there is room");
        let index = usize::from(number);
        let end = self.queue.header_bytes + length;
        let packet = &mut self.queue.buffers[index][..end];
        // A header of zeros: nothing is left to the device. It never writes here, so they stay.
        let result = write(&mut packet[self.queue.header_bytes..]);
        self.lengths[index] = end;
        // SAFETY: nobody touches the buffer before has_room() gets it back, and none ever moves.
        let added = unsafe { self.queue.ring.add(&[packet], &mut []) };
        assert_eq!(added, Ok(number), "a descriptor of its own for each buffer");
        self.queue.is_changed = true;
        result
    }
}
