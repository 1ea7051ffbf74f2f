//! Who has a stream from whom, and who is the slow part.

use std::collections::BTreeMap;

use segment_proto::messages::{ViewerFigures, ViewerRow};
use segment_proto::{AccountId, DeviceId};

/// Who is later than this is slow.
const SLOW_US: u32 = 250_000;
/// Of so many frames one may be lost.
const LOST_OF: u64 = 100;
/// A way is no longer, whatever is told.
const HOPS_MAX: usize = 16;

/// The viewers of a stream that may be seen.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    streamer: DeviceId,
    viewers: BTreeMap<DeviceId, ViewerRow>,
}

/// How a viewer has the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Not yet.
    None,
    /// From its streamer.
    Direct,
    /// Through these, the nearest to the streamer first.
    Through(Vec<String>),
    /// Through somebody of whom nothing is known.
    Relayed,
}

/// What makes it slow for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SlowPart {
    Nobody,
    /// All who have it from the streamer are slow: its own link or machine.
    Streamer,
    /// These, with how many behind each wait for it.
    Viewers(Vec<(String, usize)>),
}

pub(super) fn is_slow(figures: &ViewerFigures) -> bool {
    figures.delay_p95_us > SLOW_US || figures.dropped * LOST_OF > figures.frames
}

impl Shape {
    pub fn new(streamer: DeviceId, rows: Vec<ViewerRow>) -> Self {
        Self { streamer, viewers: rows.into_iter().map(|row| (row.device, row)).collect() }
    }

    pub fn viewers(&self) -> impl Iterator<Item = &ViewerRow> {
        self.viewers.values()
    }

    pub fn len(&self) -> usize {
        self.viewers.len()
    }

    /// What a viewer is called: with its device where the same person watches on several.
    pub fn name(&self, row: &ViewerRow) -> String {
        let is_same = |other: &&ViewerRow| match row.who.account {
            AccountId::NOBODY => other.who.name == row.who.name,
            account => other.who.account == account,
        };
        match self.viewers.values().filter(is_same).count() {
            ..2 => row.who.to_string(),
            _ => format!("{} ({})", row.who, segment_proto::ids::short(&row.device)),
        }
    }

    pub fn way(&self, row: &ViewerRow) -> Way {
        match row.parent {
            None => Way::None,
            Some(parent) if parent == self.streamer => Way::Direct,
            Some(parent) => match self.through(parent) {
                Some(names) => Way::Through(names),
                None => Way::Relayed,
            },
        }
    }

    fn through(&self, mut parent: DeviceId) -> Option<Vec<String>> {
        let mut names = Vec::new();
        while parent != self.streamer {
            let row = self.viewers.get(&parent).filter(|_| names.len() < HOPS_MAX)?;
            names.insert(0, self.name(row));
            parent = row.parent?;
        }
        Some(names)
    }

    /// Those for whom nobody has the uplink.
    pub fn waiting(&self) -> Vec<String> {
        self.viewers.values().filter(|row| row.parent.is_none()).map(|row| self.name(row)).collect()
    }

    /// How many have it from this device.
    pub fn served_by(&self, device: DeviceId) -> usize {
        self.viewers.values().filter(|row| row.parent == Some(device)).count()
    }

    /// Those who have it from this device. At the streamer: also those whose way is not known.
    pub fn below(&self, device: DeviceId) -> Vec<&ViewerRow> {
        let is_below = |row: &&ViewerRow| match self.way(row) {
            Way::None | Way::Relayed => device == self.streamer,
            _ => row.parent == Some(device),
        };
        self.viewers.values().filter(is_below).collect()
    }

    pub const fn streamer(&self) -> DeviceId {
        self.streamer
    }

    /// Everybody who is slow and has it from somebody who is not.
    pub fn slow_part(&self) -> SlowPart {
        let is_first = |row: &&ViewerRow| {
            let above = row.parent.and_then(|parent| self.viewers.get(&parent));
            is_slow(&row.figures) && above.is_none_or(|above| !is_slow(&above.figures))
        };
        let first: Vec<&ViewerRow> = self.viewers.values().filter(is_first).collect();
        let direct = self.below(self.streamer);
        match first.as_slice() {
            [] => SlowPart::Nobody,
            _ if direct.len() > 1 && direct.iter().all(|row| is_slow(&row.figures)) => SlowPart::Streamer,
            rows => SlowPart::Viewers(rows.iter().map(|row| (self.name(row), self.behind(row.device, 0))).collect()),
        }
    }

    fn behind(&self, device: DeviceId, depth: usize) -> usize {
        if depth >= HOPS_MAX {
            return 0;
        }
        let children = self.viewers.values().filter(|row| row.parent == Some(device));
        children.map(|row| 1 + self.behind(row.device, depth + 1)).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segment_proto::{UserName, Who};

    use super::*;

    const STREAMER: DeviceId = DeviceId([9; 32]);

    fn device(number: u8) -> DeviceId {
        DeviceId([number; 32])
    }

    fn row(number: u8, name: &str, parent: Option<DeviceId>, delay_ms: u32) -> ViewerRow {
        let who = Who { account: AccountId(number.into()), name: UserName::new(name).unwrap() };
        let figures = ViewerFigures { frames: 500, delay_p95_us: delay_ms * 1_000, ..ViewerFigures::default() };
        ViewerRow { who, device: device(number), parent, relays: true, figures }
    }

    #[test]
    fn ways_lead_through_those_who_pass_it_on() {
        let rows = vec![
            row(1, "ada", Some(STREAMER), 2),
            row(2, "ben", Some(device(1)), 3),
            row(3, "cleo", Some(device(2)), 4),
            row(4, "dora", Some(device(77)), 4),
            row(5, "eve", None, 0),
            // They claim to have it from each other.
            row(6, "fay", Some(device(7)), 4),
            row(7, "gus", Some(device(6)), 4),
        ];
        let shape = Shape::new(STREAMER, rows);
        let ways: Vec<Way> = shape.viewers().map(|row| shape.way(row)).collect();
        let through = |names: &[&str]| Way::Through(names.iter().map(|name| (*name).to_owned()).collect());
        let loops = [Way::Relayed, Way::Relayed];
        let wanted = [Way::Direct, through(&["ada"]), through(&["ada", "ben"]), Way::Relayed, Way::None];
        assert_eq!(ways, wanted.into_iter().chain(loops).collect::<Vec<_>>());
        let names = |device| shape.below(device).iter().map(|row| row.who.to_string()).collect::<Vec<_>>();
        assert_eq!(names(STREAMER), ["ada", "dora", "eve", "fay", "gus"]);
        assert_eq!(names(device(1)), ["ben"]);
    }

    #[test]
    fn the_slow_part_is_where_the_delay_begins() {
        let chain = |delays: [u32; 3]| {
            let parents = [STREAMER, device(1), device(2)];
            let names = ["ada", "ben", "cleo"];
            let rows = (0..3).map(|at| row(at as u8 + 1, names[at], Some(parents[at]), delays[at]));
            Shape::new(STREAMER, rows.collect()).slow_part()
        };
        assert_eq!(chain([2, 4, 6]), SlowPart::Nobody);
        assert_eq!(chain([2, 400, 402]), SlowPart::Viewers(vec![("ben".to_owned(), 1)]));
        assert_eq!(chain([2, 4, 600]), SlowPart::Viewers(vec![("cleo".to_owned(), 0)]));
        let all = vec![row(1, "ada", Some(STREAMER), 900), row(2, "ben", Some(STREAMER), 900)];
        assert_eq!(Shape::new(STREAMER, all).slow_part(), SlowPart::Streamer);
        let mut lossy = row(1, "ada", Some(STREAMER), 2);
        lossy.figures.dropped = 6;
        assert_eq!(Shape::new(STREAMER, vec![lossy]).slow_part(), SlowPart::Viewers(vec![("ada".to_owned(), 0)]));
    }
}
