//! Ways in which interrupts and idling meet.

use crate::bench::Bench;
use crate::{rtc, uart};
use runtime::{interrupts, service};

/// After every fourth exercise or so a halt, now and then one that must not happen because an interrupt
/// came before.
pub fn idle(bench: &mut Bench) {
    match bench.draw(16) {
        0..3 => service::idle(interrupts::total()),
        3 => {
            let seen = interrupts::total();
            uart::raise(bench);
            service::idle(seen);
            uart::quiet(bench);
        }
        _ => {}
    }
    bench.fold_interrupts();
}

/// All three sources at once, with interrupts on inside the stubs.
pub fn nested(bench: &mut Bench) {
    interrupts::nest(true);
    let status = rtc::start(bench);
    for _ in 0..4 {
        let seen = interrupts::total();
        uart::raise(bench);
        bench.write8(0x80, 0);
        service::idle(seen);
        uart::quiet(bench);
        service::idle(interrupts::total());
        bench.write8(0x70, 0x0c);
        bench.read8(0x71);
        bench.fold_interrupts();
    }
    rtc::stop(bench, status);
    interrupts::nest(false);
}
