//! The key-value store as a guest.
#![no_std]
#![no_main]

runtime::guest!(kv::serve);
