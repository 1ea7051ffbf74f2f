//! What is broken on purpose, who finds it, and within how many seeds. A check that never fails proves nothing.

use core::fmt;
use core::str::{FromStr, SplitWhitespace};
use std::fs;
use std::path::Path;

use crate::checkers::Check;
use crate::plant::Plant;
use crate::run::live_scenario;
use crate::scenario::{Focus, Scenario};
use crate::streams::{Broken, Topic, live};
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
    /// The simulator.
    Simulator(Search),
    /// Nothing that is simulated yet: another test, or another rule that stands in for it.
    Elsewhere(String),
}

/// Where the simulator looks for a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// In which worlds.
    pub worlds: Worlds,
    /// In how many of them, at most.
    pub seeds: u64,
    /// The names of the checks that may break first.
    pub checks: Vec<String>,
}

/// Worlds in which a fault is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worlds {
    /// What seeds draw about something.
    About(Focus),
    /// The same, of one stream.
    Streams(Topic),
    /// One that was written down, in the file of this name: what happens in it is always the same, and each seed gives
    /// it other delays.
    Told(String, Box<Scenario>),
}

/// Who has found a planted fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The first seed that shows it.
    pub seed: u64,
    /// The name of the check that broke first.
    pub check: String,
}

impl Planted {
    /// The table in a file: one fault a line, with its worlds, the seeds that are allowed, and the checks that may break
    /// first. The scenarios that it names are in a folder beside it.
    ///
    /// # Errors
    /// What could not be read, or is no line of a table.
    pub fn table(path: &Path) -> Result<Vec<Self>, String> {
        let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
        let scenarios = path.with_file_name("scenarios");
        let text = read(path)?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let mut table = lines
            .filter(|line| !line.is_empty())
            .map(|line| line.parse().map_err(|()| format!("no line of a table: {line}")))
            .collect::<Result<Vec<Self>, _>>()?;
        for planted in &mut table {
            if let Finder::Simulator(Search { worlds: Worlds::Told(name, scenario), .. }) = &mut planted.finder {
                let told = read(&scenarios.join(format!("{name}.txt")))?;
                **scenario = told.parse().map_err(|error| format!("{name}: {error}"))?;
            }
        }
        Ok(table)
    }

    /// Looks for it, from the first seed on.
    #[must_use]
    pub fn find(&self) -> Option<Found> {
        let Finder::Simulator(search) = &self.finder else { return None };
        (1..=search.seeds).find_map(|seed| {
            let (check, _) = search.worlds.first_finding(seed, self.plant)?;
            search.checks.contains(&check).then_some(Found { seed, check })
        })
    }
}

impl Search {
    /// What breaks in the same worlds up to a seed though nothing is planted: that would not be worth finding.
    #[must_use]
    pub fn breaks_unplanted(&self, last_seed: u64) -> Option<String> {
        (1..=last_seed).find_map(|seed| self.worlds.first_finding(seed, Plant::Nothing)).map(|(_, finding)| finding)
    }
}

impl Worlds {
    /// What breaks first in the world of a seed: the name of the check, and all that is known.
    fn first_finding(&self, seed: u64, plant: Plant) -> Option<(String, String)> {
        let scenario = match self {
            Self::Streams(topic) => {
                let outcome = live(seed, *topic, plant.rules());
                return outcome.findings.first().map(|finding| (format!("{:?}", finding.broken), finding.to_string()));
            }
            Self::About(focus) => Scenario::draw(seed, *focus, plant),
            Self::Told(_, scenario) => Scenario { seed, plant, ..(**scenario).clone() },
        };
        let outcome = live_scenario(&scenario, Printing::Silent);
        outcome.findings.first().map(|finding| (format!("{:?}", finding.check), finding.to_string()))
    }
}

impl fmt::Display for Worlds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::About(focus) => write!(f, "{}", focus.name()),
            Self::Streams(topic) => write!(f, "{}", topic.name()),
            Self::Told(name, _) => write!(f, "scenario {name}"),
        }
    }
}

impl FromStr for Planted {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split_whitespace();
        let plant = words.next().and_then(Plant::named).ok_or(())?;
        let finder = match words.next().ok_or(())? {
            "elsewhere" => Finder::Elsewhere(words.collect::<Vec<_>>().join(" ")),
            "scenario" => {
                let name = words.next().ok_or(())?.to_owned();
                let unread = Scenario::calm(0, crate::scenario::Shape::default());
                search(Worlds::Told(name, Box::new(unread)), words).ok_or(())?
            }
            name => {
                let about = Focus::named(name).map(Worlds::About);
                let worlds = about.or_else(|| Topic::named(name).map(Worlds::Streams)).ok_or(())?;
                search(worlds, words).ok_or(())?
            }
        };
        Ok(Self { plant, finder })
    }
}

fn search(worlds: Worlds, mut words: SplitWhitespace<'_>) -> Option<Finder> {
    let seeds = words.next()?.parse().ok()?;
    let is_check = |name: &str| match worlds {
        Worlds::Streams(_) => Broken::named(name).is_some(),
        _ => Check::named(name).is_some(),
    };
    let checks: Vec<String> = words.map(str::to_owned).collect();
    let is_good = !checks.is_empty() && checks.iter().all(|name| is_check(name));
    is_good.then_some(Finder::Simulator(Search { worlds, seeds, checks }))
}
