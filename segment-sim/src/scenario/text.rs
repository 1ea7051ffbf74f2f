//! Scenarios as text: printed when a world fails, committed as a regression, written by hand.

use core::fmt;
use core::num::ParseIntError;
use core::str::{FromStr, SplitWhitespace};
use core::time::Duration;

use segment_proto::Instant;

use super::{Happening, Scenario, Shape, What};
use crate::network::NodeId;
use crate::plant::Plant;

/// A text is not a scenario. Nothing was lived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableLine {
    /// Which line, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// What is wrong with it.
    pub why: Unreadable,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Its first word is none that is known.
    UnknownWord(String),
    /// Something is missing at its end.
    Missing(&'static str),
    /// Something is no number, or none of a sensible size.
    NoNumber(String),
}

impl fmt::Display for UnreadableLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, {:?}: ", self.line, self.text)?;
        match &self.why {
            Unreadable::UnknownWord(word) => write!(f, "{word:?} is no word of a scenario"),
            Unreadable::Missing(what) => write!(f, "{what} is missing"),
            Unreadable::NoNumber(text) => write!(f, "{text:?} is not a number that fits here"),
        }
    }
}

impl core::error::Error for UnreadableLine {}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        if self.plant != Plant::Nothing {
            writeln!(f, "plant {}", self.plant.name())?;
        }
        write!(f, "{}", self.shape)?;
        self.happenings.iter().try_for_each(|happening| writeln!(f, "{happening}"))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hosts, channels, members, visitors, second_device_permille, .. } = self;
        writeln!(f, "hosts {hosts}\nchannels {channels}\nmembers {members}\nvisitors {visitors}")?;
        writeln!(f, "second-devices {second_device_permille}")?;
        writeln!(f, "deputies {}", self.deputies)?;
        writeln!(f, "storm {}", Seconds(self.storm))?;
        writeln!(f, "network {} {}", Seconds(self.network.nearest), Seconds(self.network.farthest))?;
        writeln!(f, "disk {} {}", Seconds(self.disk.fastest), Seconds(self.disk.slowest))?;
        writeln!(f, "clock-skew {}", Seconds(self.clock_skew))?;
        writeln!(f, "clock-drift {}", self.clock_drift_ppm)?;
        self.liar.map_or(Ok(()), |liar| writeln!(f, "liar {}", liar.0))?;
        self.twin_of.map_or(Ok(()), |node| writeln!(f, "twin-of {}", node.0))?;
        writeln!(f, "send-queue {}", self.send_queue_bytes_max)
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Seconds(self.at.since(Instant(0)));
        write!(f, "at {at} node {} {} {}", self.node.0, self.what.word(), self.draw)?;
        if let Some(with) = self.with {
            write!(f, " with {}", with.0)?;
        }
        if self.lasting == Duration::ZERO {
            return Ok(());
        }
        write!(f, " for {}", Seconds(self.lasting))
    }
}

/// Seconds with six places.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

impl FromStr for Scenario {
    type Err = UnreadableLine;

    fn from_str(text: &str) -> Result<Self, UnreadableLine> {
        let mut scenario = Self::calm(0, Shape::default());
        for (index, line) in text.lines().enumerate() {
            let said = line.split('#').next().unwrap_or_default();
            let read = scenario.read_line(said.split_whitespace());
            read.map_err(|why| UnreadableLine { line: index + 1, text: line.trim().into(), why })?;
        }
        scenario.happenings.sort_by_key(|happening| (happening.at, happening.node));
        Ok(scenario)
    }
}

impl Scenario {
    fn read_line(&mut self, mut words: SplitWhitespace<'_>) -> Result<(), Unreadable> {
        let Some(first) = words.next() else { return Ok(()) };
        let shape = &mut self.shape;
        match first {
            "seed" => self.seed = number(&mut words)?,
            "plant" => self.plant = plant(&mut words)?,
            "hosts" => shape.hosts = number(&mut words)?,
            "channels" => shape.channels = number(&mut words)?,
            "members" => shape.members = number(&mut words)?,
            "visitors" => shape.visitors = number(&mut words)?,
            "second-devices" => shape.second_device_permille = number(&mut words)?,
            "deputies" => shape.deputies = number(&mut words)?,
            "storm" => shape.storm = seconds(&mut words)?,
            "network" => (shape.network.nearest, shape.network.farthest) = (seconds(&mut words)?, seconds(&mut words)?),
            "disk" => (shape.disk.fastest, shape.disk.slowest) = (seconds(&mut words)?, seconds(&mut words)?),
            "clock-skew" => shape.clock_skew = seconds(&mut words)?,
            "clock-drift" => shape.clock_drift_ppm = number(&mut words)?,
            "liar" => shape.liar = Some(NodeId(number(&mut words)?)),
            "twin-of" => shape.twin_of = Some(NodeId(number(&mut words)?)),
            "send-queue" => shape.send_queue_bytes_max = number(&mut words)?,
            "at" => self.happenings.push(happening(&mut words)?),
            unknown => return Err(Unreadable::UnknownWord(unknown.into())),
        }
        Ok(())
    }
}

fn happening(words: &mut SplitWhitespace<'_>) -> Result<Happening, Unreadable> {
    let at = Instant(0) + seconds(words)?;
    expect(words, "node")?;
    let node = NodeId(number(words)?);
    let word = next(words, "what happens")?;
    let what = What::of_word(word).ok_or_else(|| Unreadable::UnknownWord(word.into()))?;
    let draw = number(words)?;
    let (mut with, mut lasting) = (None, Duration::ZERO);
    while let Some(word) = words.next() {
        match word {
            "with" => with = Some(NodeId(number(words)?)),
            "for" => lasting = seconds(words)?,
            unknown => return Err(Unreadable::UnknownWord(unknown.into())),
        }
    }
    Ok(Happening { at, node, what, draw, with, lasting })
}

fn next<'a>(words: &mut SplitWhitespace<'a>, what: &'static str) -> Result<&'a str, Unreadable> {
    words.next().ok_or(Unreadable::Missing(what))
}

fn expect(words: &mut SplitWhitespace<'_>, word: &'static str) -> Result<(), Unreadable> {
    let found = next(words, word)?;
    if found == word { Ok(()) } else { Err(Unreadable::UnknownWord(found.into())) }
}

fn plant(words: &mut SplitWhitespace<'_>) -> Result<Plant, Unreadable> {
    let name = next(words, "the name of a planted fault")?;
    Plant::named(name).ok_or_else(|| Unreadable::UnknownWord(name.into()))
}

fn number<T: FromStr<Err = ParseIntError>>(words: &mut SplitWhitespace<'_>) -> Result<T, Unreadable> {
    let text = next(words, "a number")?;
    text.parse().map_err(|_| Unreadable::NoNumber(text.into()))
}

/// Read as two whole numbers: binary fractions would not give back what was printed.
fn seconds(words: &mut SplitWhitespace<'_>) -> Result<Duration, Unreadable> {
    let text = next(words, "a time in seconds")?;
    let unreadable = || Unreadable::NoNumber(text.into());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let micros = format!("{fraction:0<6}");
    let whole: u32 = whole.parse().map_err(|_| unreadable())?;
    let micros: u32 =
        micros.parse().ok().filter(|micros| fraction.len() <= 6 && *micros < 1_000_000).ok_or_else(unreadable)?;
    Ok(Duration::from_secs(u64::from(whole)) + Duration::from_micros(u64::from(micros)))
}
