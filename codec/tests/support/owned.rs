//! Events as plain data, for the tests and the fuzz targets.

use codec::event::{Carrier, Event};

/// An event as data of its own, so that a log can be made without bytes to borrow.
#[derive(Clone, Debug, PartialEq)]
pub enum Owned {
    Time(u64, u64),
    Bytes(u64, Carrier, u8, Vec<u8>),
}

pub fn owned(event: Event) -> Owned {
    match event {
        Event::Time { point, clock_us } => Owned::Time(point, clock_us),
        Event::Bytes { point, carrier, selector, bytes } => {
            Owned::Bytes(point, carrier, selector, bytes.to_vec())
        }
    }
}
