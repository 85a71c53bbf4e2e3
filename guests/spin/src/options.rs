//! The spin guest's command line.

use runtime::start_info;

/// What the command line asks for.
pub struct Options {
    /// Of the working set.
    pub pages: usize,
    /// What the numbers begin with.
    pub seed: u32,
    /// The end, whichever comes first: rounds, seconds of the guest's clock.
    pub rounds: u64,
    /// `None`: as many as it takes.
    pub seconds: Option<u64>,
    /// How much is computed in a round.
    pub load: Load,
    /// Whether there are ticks and input.
    pub timer: bool,
}

/// How much is computed in a round, which writes a page.
pub enum Load {
    /// Steps a round.
    Steps(u32),
    /// As many steps as give so many pages a second, found out at the start.
    PagesASecond(u32),
}

/// How the command line is to be.
pub const USAGE: &str = "usage: [working-set=32M] [seed=1] [rounds=N] [seconds=N] [steps=N | \
    pages-per-second=N] [timer=off]; without a timer rounds=N alone ends it, and only steps=N is known";

/// Sizes: K and M, or bytes; whole pages.
fn pages(text: &str) -> Option<usize> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'M' => (&text[..text.len() - 1], 1 << 20),
        b'K' => (&text[..text.len() - 1], 1 << 10),
        _ => (text, 1),
    };
    let bytes = digits.parse::<usize>().ok()?.checked_mul(unit)?;
    (bytes >= spin::PAGE_BYTES && bytes.is_multiple_of(spin::PAGE_BYTES))
        .then_some(bytes / spin::PAGE_BYTES)
}

/// Reads the command line; `None` if it makes no sense.
pub fn read() -> Option<Options> {
    let number = |name| match start_info::option(name) {
        Some(text) => text.parse::<u64>().map(Some).ok(),
        None => Some(None),
    };
    let timer = match start_info::option("timer") {
        None | Some("on") => true,
        Some("off") => false,
        Some(_) => return None,
    };
    let (rounds, seconds) = (number("rounds")?, number("seconds")?);
    let load = match (number("steps")?, number("pages-per-second")?) {
        (None, Some(pages @ 1..=1_000_000)) if timer => Load::PagesASecond(pages as u32),
        (steps, None) => Load::Steps(steps.unwrap_or(1000).try_into().ok()?),
        _ => return None,
    };
    if start_info::arguments().next().is_some() || !timer && (rounds.is_none() || seconds.is_some())
    {
        return None;
    }
    Some(Options {
        pages: pages(start_info::option("working-set").unwrap_or("32M"))?,
        seed: number("seed")?.unwrap_or(1).try_into().ok()?,
        rounds: rounds.unwrap_or(u64::MAX),
        seconds: if rounds.is_none() { Some(seconds.unwrap_or(10)) } else { seconds },
        load,
        timer,
    })
}
