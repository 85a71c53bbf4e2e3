//! When to try LZ4: bytes that did not shrink are mostly followed by such that do not either, and to
//! find that out takes ten times as long as to copy them.

/// Of events like those before: after each failure in a row twice as many are left untried, up to
/// 2 to the power of this, less one.
const MAX_FAILURES: u32 = 6;

/// See the top of the file.
#[derive(Clone, Copy, Default)]
pub(crate) struct Patience {
    failures: u32,
    left_out: u32,
}

impl Patience {
    /// Whether to try it now.
    pub fn tries(&mut self) -> bool {
        let tries = self.left_out == 0;
        self.left_out = self.left_out.saturating_sub(1);
        tries
    }

    /// Takes in what came of it.
    pub fn learn(&mut self, has_shrunk: bool) {
        self.failures = if has_shrunk { 0 } else { (self.failures + 1).min(MAX_FAILURES) };
        self.left_out = (1 << self.failures) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_shrinks_is_tried_ever_more_rarely_and_what_does_always() {
        let mut patience = Patience::default();
        let mut tried = |shrinks: bool| {
            (0..1000)
                .filter(|_| {
                    let tries = patience.tries();
                    if tries {
                        patience.learn(shrinks);
                    }
                    tries
                })
                .count()
        };
        assert_eq!(tried(true), 1000);
        assert!((15..25).contains(&tried(false)));
        assert!(tried(true) > 900);
    }
}
