//! The store in its machine: the device found and started, an address taken, and then the round that goes on
//! for good. Receive, serve, send, tell the device; without more to do, halt until the device or the clock
//! interrupts.

use crate::clients::Clients;
use crate::commands::Facts;
use crate::device::Network;
use crate::limits::CLIENTS_MAX;
use crate::options::{self, Addressing, Options};
use crate::random::Random;
use crate::session::Shared;
use crate::store::Store;
use runtime::{clock, console, heap, interrupts, rtc, service, start_info};
use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::socket::dhcpv4;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address, Ipv4Cidr};

/// How the command line is to be.
const USAGE_TEXT: &str =
    "usage: [ip=ADDRESS/BITS [gw=ADDRESS] | ip=dhcp] [port=6379] [seed=1] [hz=100]";

/// The code for a command line that makes no sense.
const USAGE: u8 = 2;
/// The code for a machine that has no network device, or none that can be used.
const NO_DEVICE: u8 = 3;
/// The code for a machine with too little memory.
const NO_MEMORY: u8 = 4;

/// Memory that the sockets, the queues and one command take, and then some for keys.
const MEMORY_MIN: usize = 10 << 20;
/// Memory that is left alone: nothing is known to need it.
const MEMORY_SPARE: usize = 64 << 10;
/// Buckets that are searched for what has expired, at a tick of the clock.
const SWEEP_BUCKETS: usize = 256;
/// Packets that are received before those that answer them are sent.
const BURST: usize = 64;

/// Serves clients for good; comes back only if it can't, with the guest's code.
pub fn serve() -> u8 {
    let Some(options) = options::read(start_info::command_line()) else {
        console::print(format_args!("kv: {}\n", USAGE_TEXT));
        return USAGE;
    };
    if heap::left_bytes() < MEMORY_MIN {
        console::print(format_args!("kv: too little memory: give the machine 12 MiB or more\n"));
        return NO_MEMORY;
    }
    let mut random = seeded(options.seed);
    match find_device(&mut random) {
        Ok(device) => Server::new(device, options, &mut random).run(),
        Err(code) => code,
    }
}

/// What the machine says by itself is drawn from this: from the command line's seed and from the date, so that a
/// machine that starts again does not number its connections as before.
fn seeded(seed: u64) -> Random {
    let mut random = Random(seed);
    if let Some(now) = rtc::wall_clock() {
        for number in [now.year, now.month, now.day, now.hour, now.minute, now.second] {
            random = Random(random.next() ^ u64::from(number));
        }
    }
    random
}

/// The first network device of those that the command line names.
fn find_device(random: &mut Random) -> Result<Network, u8> {
    let [.., a, b, c, d, e] = random.next().to_be_bytes();
    // A locally administered address, for a device that has none.
    let address = [0x02, a, b, c, d, e];
    let slots = || options::slots(start_info::command_line());
    let Some(started) = slots().find_map(|slot| Network::start(slot, address)) else {
        let count = slots().count();
        console::print(format_args!(
            "kv: no network device: none of {count} virtio_mmio.device words names one\n"
        ));
        return Err(NO_DEVICE);
    };
    started.map_err(|error| {
        console::print(format_args!("kv: the network device can't be used: {error}\n"));
        NO_DEVICE
    })
}

struct Server {
    device: Network,
    interface: Interface,
    sockets: SocketSet<'static>,
    dhcp: Option<SocketHandle>,
    clients: Clients,
    shared: Shared,
}

impl Server {
    fn new(mut device: Network, options: Options, random: &mut Random) -> Self {
        let mut config = Config::new(EthernetAddress(device.address).into());
        config.random_seed = random.next();
        let mut interface = Interface::new(config, &mut device, now());
        let mut sockets = SocketSet::new(alloc::vec::Vec::new());
        let mut dhcp = None;
        match options.addressing {
            Addressing::Dhcp => dhcp = Some(sockets.add(dhcpv4::Socket::new())),
            Addressing::Fixed(address, bits, gateway) => {
                let address = Ipv4Cidr::new(address.into(), bits);
                set_address(&mut interface, Some((address, gateway.map(Ipv4Address::from))));
            }
        }
        let clients = Clients::new(&mut sockets, options.port);
        let facts = Facts { port: options.port, ..Facts::default() };
        let shared =
            Shared::new(facts, || Store::new(heap::left_bytes() - MEMORY_SPARE, random.next()));
        Self { device, interface, sockets, dhcp, clients, shared }
    }

    fn run(mut self) -> ! {
        self.clients.serve(&mut self.sockets, &mut self.shared, clock::now_ms());
        if self.dhcp.is_none() {
            self.announce();
        }
        let mut swept_at = clock::ticks();
        loop {
            self.device.acknowledge();
            let now_ms = clock::now_ms();
            self.receive();
            self.configure();
            if swept_at != clock::ticks() {
                swept_at = clock::ticks();
                self.shared.store.sweep(SWEEP_BUCKETS, now_ms);
            }
            self.clients.serve(&mut self.sockets, &mut self.shared, now_ms);
            self.send();
            if !self.device.has_received() {
                self.sleep();
            }
        }
    }

    fn receive(&mut self) {
        for _ in 0..BURST {
            let Self { device, interface, sockets, .. } = self;
            let result = interface.poll_ingress_single(now(), device, sockets);
            if result == PollIngressSingleResult::None {
                break;
            }
        }
    }

    fn send(&mut self) {
        let Self { device, interface, sockets, .. } = self;
        while interface.poll_egress(now(), device, sockets) != PollResult::None {}
        device.kick();
    }

    /// Takes the address that DHCP has found, or gives back one that is no longer ours.
    fn configure(&mut self) {
        let Some(handle) = self.dhcp else {
            return;
        };
        let address = match self.sockets.get_mut::<dhcpv4::Socket>(handle).poll() {
            None => return,
            Some(dhcpv4::Event::Configured(config)) => Some((config.address, config.router)),
            Some(dhcpv4::Event::Deconfigured) => None,
        };
        set_address(&mut self.interface, address);
        if address.is_some() {
            self.announce();
        }
    }

    fn announce(&self) {
        let address = self.interface.ipv4_addr().unwrap_or(Ipv4Address::UNSPECIFIED);
        let port = self.shared.facts.port;
        let memory = self.shared.store.limit_bytes() >> 20;
        console::print(format_args!(
            "kv: {address}:{port}, {CLIENTS_MAX} clients, {memory} MiB for keys and values\n"
        ));
    }

    /// Halts until the device interrupts, or the clock's tick at which something is due.
    fn sleep(&mut self) {
        // All that could be sent has been: what is due at once is due at the next tick.
        let due = self.interface.poll_at(now(), &self.sockets);
        let ticks = clock::ticks();
        if self.device.listen() {
            loop {
                let seen = interrupts::total();
                let is_due =
                    due.is_some_and(|due| now() >= due) || self.shared.store.mortal_keys() > 0;
                if self.device.has_interrupted() || is_due && clock::ticks() != ticks {
                    break;
                }
                service::idle(seen);
            }
        }
        self.device.ignore();
    }
}

fn set_address(interface: &mut Interface, address: Option<(Ipv4Cidr, Option<Ipv4Address>)>) {
    interface.update_ip_addrs(|addresses| {
        addresses.clear();
        if let Some((own, _)) = address {
            addresses.push(IpCidr::Ipv4(own)).expect("there is room for one");
        }
    });
    interface.routes_mut().remove_default_ipv4_route();
    if let Some((_, Some(gateway))) = address {
        let added = interface.routes_mut().add_default_ipv4_route(gateway);
        added.expect("there is room for one");
    }
}

/// The machine's clock.
fn now() -> Instant {
    Instant::from_millis(clock::now_ms() as i64)
}
