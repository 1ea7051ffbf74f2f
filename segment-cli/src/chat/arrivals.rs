//! People who have come or gone a moment ago: who only looks in, as scripts do, is not talked about.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use segment_proto::Who;

/// Who stays away, or stays, for so long is talked about.
const STAYS: Duration = Duration::from_secs(3);
/// People who are waited for. Policy: further ones are talked about at once no more.
const WAITED_MAX: usize = 1_024;

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// They are here.
    Came,
    /// They are not.
    Went,
}

/// Who has moved, and when.
#[derive(Debug, Default)]
pub struct Arrivals {
    moves: BTreeMap<String, (Who, Move, Instant)>,
}

impl Arrivals {
    /// Somebody has come or gone; who does both at once has done nothing.
    pub fn add(&mut self, who: &Who, made: Move) {
        let name = who.to_string();
        match self.moves.remove(&name) {
            Some((_, before, _)) if before != made => {}
            _ if self.moves.len() >= WAITED_MAX => {}
            _ => drop(self.moves.insert(name, (who.clone(), made, Instant::now()))),
        }
    }

    /// When the next one is talked about.
    pub fn due(&self) -> Option<Instant> {
        self.moves.values().map(|(_, _, at)| *at + STAYS).min()
    }

    /// Those who are talked about now.
    pub fn take(&mut self) -> Vec<(Who, Move)> {
        let now = Instant::now();
        let due: Vec<String> =
            self.moves.iter().filter(|(_, (_, _, at))| *at + STAYS <= now).map(|(name, _)| name.clone()).collect();
        due.iter().filter_map(|name| self.moves.remove(name)).map(|(who, made, _)| (who, made)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segment_proto::{AccountId, UserName};

    use super::*;

    #[test]
    fn who_only_looks_in_is_not_talked_about() {
        let who = |name: &str| Who { account: AccountId(7), name: UserName::new(name).unwrap() };
        let mut arrivals = Arrivals::default();
        arrivals.add(&who("script"), Move::Came);
        arrivals.add(&who("script"), Move::Went);
        assert!(arrivals.due().is_none());
        arrivals.add(&who("ben"), Move::Came);
        assert!(arrivals.due().is_some() && arrivals.take().is_empty());
        arrivals.moves.get_mut("ben").unwrap().2 -= STAYS;
        assert_eq!(arrivals.take(), [(who("ben"), Move::Came)]);
    }
}
