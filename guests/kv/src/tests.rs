//! The library on the host.
