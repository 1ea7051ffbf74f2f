//! What goes wrong and when, drawn from a seed: the same plan for the same arguments.

use std::fmt;
use std::time::Duration;

use crate::dice::Dice;
use crate::proxy::{Flow, Way, Weather};

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// `segment-tracker`
    Tracker,
    /// `segment-peer`, which hosts all channels.
    Host,
    /// A member, from 1.
    Member(u16),
}

/// A proxy between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Road {
    /// From a host or a member to the tracker.
    ToTracker(Party),
    /// From a member to the host.
    ToHost,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9`, and started again after a while.
    Kill(Party, Duration),
    /// Told to end, which is done in order, and started again after a while.
    End(Party, Duration),
    /// `kill -9`, its store put back to an older image, and started again after a while.
    OldDisk(Party, Duration),
    /// Stopped by a signal, and continued after a while.
    Freeze(Party, Duration),
    /// All connections of a road are closed.
    Cut(Road),
    /// One direction of all connections of a road is closed, the other is not.
    HalfClose(Road, Way),
    /// A road is slow, stalled or closed for a while.
    Weather(Road, Weather, Duration),
}

impl Fault {
    /// Its kind, to be counted by.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Kill(Party::Tracker, _) => "kill -9 of the tracker",
            Self::Kill(Party::Host, _) => "kill -9 of the host",
            Self::Kill(Party::Member(_), _) => "kill -9 of a member",
            Self::OldDisk(Party::Tracker, _) => "tracker's disk put back",
            Self::OldDisk(..) => "host's disk put back",
            Self::End(..) => "ended in order",
            Self::Freeze(..) => "SIGSTOP, then SIGCONT",
            Self::Cut(_) => "connections cut",
            Self::HalfClose(..) => "connections half closed",
            Self::Weather(_, weather, _) => weather.kind(),
        }
    }
}

/// A fault and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// After the start of the storm.
    pub at: Duration,
    /// What goes wrong.
    pub fault: Fault,
}

/// Whether disks may come back older than they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disks {
    /// They keep what was synced.
    Faithful,
    /// The tracker's and the host's may come back as they were some time ago.
    Old,
}

/// What a plan is drawn for.
#[derive(Clone, Copy, Debug)]
pub struct Climate {
    /// How many members there are.
    pub members: u16,
    /// Faults a minute.
    pub faults_per_minute: u64,
    /// What becomes of disks.
    pub disks: Disks,
}

/// Draws what goes wrong, in order. A longer storm begins like a shorter one.
#[must_use]
pub fn draw(seed: u64, storm: Duration, climate: Climate) -> Vec<Event> {
    let Climate { faults_per_minute, .. } = climate;
    let mut dice = Dice::new(seed);
    let mut events = Vec::new();
    let Some(mean) = 60_000_u64.checked_div(faults_per_minute) else { return events };
    let mut at = Duration::ZERO;
    loop {
        at += dice.millis(mean / 4, mean * 7 / 4);
        if at >= storm {
            return events;
        }
        // One time in five, several at once; the mean stays.
        let several = dice.between(1, 5) == 1;
        let count = if several { dice.between(2, 4) } else { 1 };
        for _ in 0..count {
            let within = dice.millis(0, 200);
            events.push(Event { at: at + within, fault: fault(&mut dice, climate) });
        }
        at += dice.millis(0, 2 * mean) * u32::try_from(count - 1).unwrap_or(0);
    }
}

#[derive(Clone, Copy)]
enum Wish {
    Kill,
    End,
    Freeze,
    Cut,
    HalfClose,
    Weather,
    OldDisk,
}

fn fault(dice: &mut Dice, Climate { members, disks, .. }: Climate) -> Fault {
    use Wish as W;
    let old_disks = if disks == Disks::Old { 3 } else { 0 };
    let wishes = [
        (5, W::Kill),
        (1, W::End),
        (3, W::Freeze),
        (3, W::Cut),
        (1, W::HalfClose),
        (4, W::Weather),
        (old_disks, W::OldDisk),
    ];
    match dice.weighted(&wishes) {
        Some(W::OldDisk) => {
            let party = dice.weighted(&[(2, Party::Tracker), (1, Party::Host)]).unwrap_or(Party::Tracker);
            Fault::OldDisk(party, away(dice, party))
        }
        Some(W::Kill) => {
            let party = party(dice, members);
            Fault::Kill(party, away(dice, party))
        }
        Some(W::End) => {
            let party = party(dice, members);
            Fault::End(party, away(dice, party))
        }
        Some(W::Freeze) => Fault::Freeze(party(dice, members), dice.millis(1_000, 5_000)),
        Some(W::HalfClose) => Fault::HalfClose(road(dice, members), way(dice)),
        Some(W::Weather) => Fault::Weather(road(dice, members), weather(dice), dice.millis(500, 6_000)),
        Some(W::Cut) | None => Fault::Cut(road(dice, members)),
    }
}

fn party(dice: &mut Dice, members: u16) -> Party {
    let member = member(dice, members);
    dice.weighted(&[(2, Party::Tracker), (3, Party::Host), (3, member)]).unwrap_or(member)
}

/// The channels go on without their host, so it may stay away for longer.
fn away(dice: &mut Dice, party: Party) -> Duration {
    let longest = if party == Party::Host { 10_000 } else { 4_000 };
    dice.millis(0, longest)
}

fn member(dice: &mut Dice, members: u16) -> Party {
    Party::Member(u16::try_from(dice.between(1, u64::from(members))).unwrap_or(1))
}

fn road(dice: &mut Dice, members: u16) -> Road {
    let member = Road::ToTracker(member(dice, members));
    dice.weighted(&[(3, Road::ToHost), (3, Road::ToTracker(Party::Host)), (2, member)]).unwrap_or(member)
}

fn way(dice: &mut Dice) -> Way {
    if dice.between(0, 1) == 0 { Way::There } else { Way::Back }
}

fn weather(dice: &mut Dice) -> Weather {
    let millis = dice.between(5, 400);
    let bytes = usize::try_from(dice.between(1, 200)).unwrap_or(1);
    let flows = [(3, Flow::Slow { millis }), (1, Flow::Trickle { bytes }), (2, Flow::Stalled)];
    let flow = dice.weighted(&flows).unwrap_or(Flow::Stalled);
    let one_way = match way(dice) {
        Way::There => Weather { there: flow, ..Weather::FAIR },
        Way::Back => Weather { back: flow, ..Weather::FAIR },
    };
    let both = Weather { there: flow, back: flow, ..Weather::FAIR };
    dice.weighted(&[(2, both), (2, one_way), (1, Weather::CLOSED)]).unwrap_or(both)
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tracker => f.write_str("tracker"),
            Self::Host => f.write_str("host"),
            Self::Member(number) => write!(f, "m{number}"),
        }
    }
}

impl fmt::Display for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToTracker(party) => write!(f, "{party} to tracker"),
            Self::ToHost => f.write_str("members to host"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8.3}s  ", self.at.as_secs_f64())?;
        let seconds = Duration::as_secs_f64;
        match self.fault {
            Fault::Kill(party, away) => write!(f, "kill -9 {party}, back after {:.1}s", seconds(&away)),
            Fault::OldDisk(party, away) => write!(f, "old disk of {party}, back after {:.1}s", seconds(&away)),
            Fault::End(party, away) => write!(f, "end {party} in order, back after {:.1}s", seconds(&away)),
            Fault::Freeze(party, lasts) => write!(f, "SIGSTOP {party} for {:.1}s", seconds(&lasts)),
            Fault::Cut(road) => write!(f, "cut {road}"),
            Fault::HalfClose(road, way) => write!(f, "half close {road}, {way:?}"),
            Fault::Weather(road, weather, lasts) => write!(f, "{road}: {weather} for {:.1}s", seconds(&lasts)),
        }
    }
}

#[cfg(test)]
mod tests;
