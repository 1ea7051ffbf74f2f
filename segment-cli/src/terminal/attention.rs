//! Whether somebody looks at the terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the last key was pressed. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Attention(Arc<(Instant, AtomicU64)>);

impl Default for Attention {
    /// Who starts the program is there.
    fn default() -> Self {
        Self(Arc::new((Instant::now(), AtomicU64::new(0))))
    }
}

impl Attention {
    /// A key was pressed.
    pub fn on_key(&self) {
        let now = u64::try_from(self.0.0.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.1.store(now, Ordering::Relaxed);
    }

    /// No key was pressed for so long.
    pub fn is_idle(&self, for_at_least: Duration) -> bool {
        let key = Duration::from_millis(self.0.1.load(Ordering::Relaxed));
        self.0.0.elapsed().saturating_sub(key) >= for_at_least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_presses_no_key_is_idle_after_a_while() {
        let attention = Attention::default();
        assert!(!attention.is_idle(Duration::from_secs(3_600)) && attention.is_idle(Duration::ZERO));
        std::thread::sleep(Duration::from_millis(30));
        assert!(attention.is_idle(Duration::from_millis(20)));
        attention.on_key();
        assert!(!attention.is_idle(Duration::from_millis(20)));
    }
}
