//! What is broken on purpose, who finds it, and within how many seeds. A check that never fails proves nothing.

use core::str::{FromStr, SplitWhitespace};

use crate::checkers::Check;
use crate::plant::Plant;
use crate::run::live_scenario;
use crate::scenario::{Focus, Scenario};
use crate::trace::Printing;

/// How a planted fault is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// What is planted.
    pub plant: Plant,
    /// Who finds it.
    pub finder: Finder,
}

/// Who finds a planted fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finder {
    /// Worlds that are about something, within so many seeds, by one of these checks.
    Worlds(Focus, u64, Vec<Check>),
    /// Nothing that is simulated yet: another test, or another rule that stands in for it.
    Elsewhere(String),
}

/// Who has found a planted fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The first seed that shows it.
    pub seed: u64,
    /// The check that broke first.
    pub check: Check,
}

impl Planted {
    /// The table: one fault a line, with what the worlds are about, the seeds that are allowed, and the checks that may
    /// break first.
    ///
    /// # Errors
    /// The first line that says something else.
    pub fn table(text: &str) -> Result<Vec<Self>, String> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        lines.filter(|line| !line.is_empty()).map(|line| line.parse().map_err(|()| line.to_owned())).collect()
    }

    /// Looks for it, from the first seed on.
    #[must_use]
    pub fn find(&self) -> Option<Found> {
        let Finder::Worlds(focus, seeds, checks) = &self.finder else { return None };
        (1..=*seeds).find_map(|seed| {
            let outcome = live_scenario(&Scenario::draw(seed, *focus, self.plant), Printing::Silent);
            let check = outcome.findings.first().map(|finding| finding.check)?;
            checks.contains(&check).then_some(Found { seed, check })
        })
    }
}

impl FromStr for Planted {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split_whitespace();
        let plant = words.next().and_then(Plant::named).ok_or(())?;
        let finder = match words.next().ok_or(())? {
            "elsewhere" => Finder::Elsewhere(words.collect::<Vec<_>>().join(" ")),
            focus => worlds(Focus::named(focus).ok_or(())?, words).ok_or(())?,
        };
        Ok(Self { plant, finder })
    }
}

fn worlds(focus: Focus, mut words: SplitWhitespace<'_>) -> Option<Finder> {
    let seeds = words.next()?.parse().ok()?;
    let checks: Option<Vec<Check>> = words.map(Check::named).collect();
    Some(Finder::Worlds(focus, seeds, checks.filter(|checks| !checks.is_empty())?))
}
