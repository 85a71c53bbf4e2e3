//! The network device: two queues of virtio-drivers over its registers, as smoltcp sees a device.
//!
//! Exits are what a network costs here, so there are few. Packets are put into the queue one by one and the
//! device is told once of them all ([`Network::kick`]); interrupts are off while there is work
//! ([`Network::listen`] turns them on), and one is acknowledged without asking what it was.

use crate::options::Slot;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering::SeqCst, fence};
use queues::{Receive, Transmit};
use runtime::{interrupts, pic};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceStatus, DeviceType, Transport};

mod hal;
mod queues;

const RECEIVE_QUEUE: u16 = 0;
const TRANSMIT_QUEUE: u16 = 1;

/// The device has an address of its own.
const MAC: u64 = 1 << 5;
/// A packet's header need not have a descriptor of its own.
const ANY_LAYOUT: u64 = 1 << 27;
const VERSION_1: u64 = 1 << 32;

/// Longest frame, without what the wire adds.
const FRAME_BYTES: usize = 1514;

/// Of a slot's registers: where an interrupt is acknowledged, and both bits of it.
const INTERRUPT_ACK: usize = 0x64;
const INTERRUPT_ALL: u32 = 3;

/// The network device at work.
pub(crate) struct Network {
    transport: MmioTransport<'static>,
    receive: Receive,
    transmit: Transmit,
    /// Its Ethernet address.
    pub address: [u8; 6],
    interrupt_ack: NonNull<u32>,
    vector: usize,
    served: u64,
}

impl Network {
    /// Starts the device of this slot; `None` if it is no network device. `address` is for one that has none.
    pub fn start(slot: Slot, address: [u8; 6]) -> Option<Result<Self, virtio_drivers::Error>> {
        let registers = NonNull::new(slot.address as *mut u8)?;
        // SAFETY: the command line says that a device's registers are there; nobody else uses them.
        let transport = unsafe { MmioTransport::new(registers.cast::<VirtIOHeader>(), slot.bytes) };
        let transport = transport.ok().filter(|it| it.device_type() == DeviceType::Network)?;
        // SAFETY: a slot is longer than that (options.rs).
        let interrupt_ack = unsafe { registers.add(INTERRUPT_ACK).cast() };
        Some(Self::start_network(transport, interrupt_ack, slot.line, address))
    }

    fn start_network(
        mut transport: MmioTransport<'static>,
        interrupt_ack: NonNull<u32>,
        line: u8,
        mut address: [u8; 6],
    ) -> Result<Self, virtio_drivers::Error> {
        let found = DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER;
        transport.set_status(DeviceStatus::empty());
        transport.set_status(found);
        let features = transport.read_device_features() & (MAC | ANY_LAYOUT | VERSION_1);
        transport.write_driver_features(features);
        transport.set_status(found | DeviceStatus::FEATURES_OK);
        transport.set_guest_page_size(virtio_drivers::PAGE_SIZE as u32);
        if features & MAC != 0 {
            for (offset, byte) in address.iter_mut().enumerate() {
                *byte = transport.read_config_space(offset)?;
            }
        }
        // The header says how many buffers a packet has, which is always one, since version 1.
        let header_bytes = if features & VERSION_1 != 0 { 12 } else { 10 };
        let receive = Receive::new(&mut transport, RECEIVE_QUEUE, header_bytes)?;
        let transmit = Transmit::new(&mut transport, TRANSMIT_QUEUE, header_bytes)?;
        let vector = 0x20 + usize::from(line);
        // Before there can be one: what is not seen is not taken back, and a line that stays up interrupts no more.
        let served = interrupts::count(vector);
        transport.finish_init();
        pic::unmask(line);
        let mut network =
            Self { transport, receive, transmit, address, interrupt_ack, vector, served };
        network.ignore();
        network.kick();
        Ok(network)
    }

    /// Whether the device has interrupted since [`Self::acknowledge`].
    pub fn has_interrupted(&self) -> bool {
        interrupts::count(self.vector) != self.served
    }

    /// Takes the interrupt back, so that there can be another.
    pub fn acknowledge(&mut self) {
        if self.has_interrupted() {
            self.served = interrupts::count(self.vector);
            // SAFETY: the register of a device that is at work.
            unsafe { self.interrupt_ack.write_volatile(INTERRUPT_ALL) };
        }
    }

    /// Whether packets wait.
    pub fn has_received(&self) -> bool {
        self.receive.is_ready()
    }

    /// Lets the device interrupt. Whether there is nothing to do yet: then an interrupt comes as soon as there is.
    pub fn listen(&mut self) -> bool {
        self.receive.interrupt(true);
        self.transmit.interrupt(self.transmit.is_full());
        fence(SeqCst);
        !(self.receive.is_ready() || self.transmit.is_full() && self.transmit.is_ready())
    }

    /// Keeps the device from interrupting.
    pub fn ignore(&mut self) {
        self.receive.interrupt(false);
        self.transmit.interrupt(false);
    }

    /// Tells the device of what was put into its queues, if it wants to know.
    pub fn kick(&mut self) {
        if self.transmit.wants_kick() {
            self.transport.notify(TRANSMIT_QUEUE);
        }
        if self.receive.wants_kick() {
            self.transport.notify(RECEIVE_QUEUE);
        }
    }
}

impl Device for Network {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Transmitted<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Transmitted<'_>)> {
        if !self.transmit.has_room() {
            return None;
        }
        let received = self.receive.take()?;
        Some((Received(&mut self.receive, received), Transmitted(&mut self.transmit)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Transmitted<'_>> {
        self.transmit.has_room().then_some(Transmitted(&mut self.transmit))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES;
        capabilities
    }
}

/// A packet that came.
pub(crate) struct Received<'a>(&'a mut Receive, queues::Filled);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(self.0.packet(&self.1));
        self.0.give_back(self.1);
        result
    }
}

/// Room for a packet.
pub(crate) struct Transmitted<'a>(&'a mut Transmit);

impl TxToken for Transmitted<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        self.0.send(length, write)
    }
}
