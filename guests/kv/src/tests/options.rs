//! The command line's words.

use crate::options::{Addressing, Options, Slot, read, slots};

#[test]
fn without_words_the_address_comes_from_dhcp() {
    let expected = Options { addressing: Addressing::Dhcp, port: 6379, seed: 1 };
    assert_eq!(read(""), Some(expected));
    assert_eq!(read("ip=dhcp hz=20 virtio_mmio.device=512@0xfeb00000:5"), Some(expected));
}

#[test]
fn words_say_the_address_the_gateway_the_port_and_the_seed() {
    let own = [10, 0, 0, 2];
    let addressing = Addressing::Fixed(own, 24, Some([10, 0, 0, 1]));
    let expected = Some(Options { addressing, port: 80, seed: 7 });
    assert_eq!(read("gw=10.0.0.1 ip=10.0.0.2/24 port=80 seed=7"), expected);
    let expected = Options { addressing: Addressing::Fixed(own, 32, None), port: 6379, seed: 1 };
    assert_eq!(read("ip=10.0.0.2/32"), Some(expected));
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    let refused = [
        "quiet",
        "ip=10.0.0.2",
        "ip=10.0.0.2/33",
        "ip=10.0.0.2/0",
        "ip=10.0.0/24",
        "ip=0.0.0.0/24",
        "ip=224.0.0.1/24",
        "gw=10.0.0.1",
        "ip=10.0.0.2/24 gw=there",
        "port=0",
        "port=65536",
        "seed=-1",
    ];
    for line in refused {
        assert_eq!(read(line), None, "{line}");
    }
}

#[test]
fn devices_are_named_as_for_linux() {
    let line = "a=b virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=4K@3221225472:5:0";
    let expected = [
        Slot { address: 0xfeb0_0e00, bytes: 512, line: 12 },
        Slot { address: 0xc000_0000, bytes: 4096, line: 5 },
    ];
    assert_eq!(slots(line).collect::<Vec<_>>(), expected);
}

#[test]
fn devices_that_cant_be_are_passed_over() {
    for slot in [
        "",
        "512",
        "512@0xfeb00000",
        "512@0xfeb00000:16",
        "512@0xfeb00001:5",
        "64@0xfeb00000:5",
        "512@0xffffff00:5",
        "18446744073709551615G@0:5",
        "512@x:5",
    ] {
        assert_eq!(slots(&format!("virtio_mmio.device={slot}")).count(), 0, "{slot}");
    }
}
