//! What a returning host takes over, page by page: on disk, but in no log until the last page is there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use segment_proto::messages::Adopt;
use segment_proto::{DeviceId, Position, Row};

use crate::rules::Rules;
use crate::store::{LogId, LogRole, StoredEntry, Write};
use crate::sync::Fold;
use crate::sync::fold::Changed;
use crate::sync::persist::{Meta, put_meta, put_row};

/// A transfer under way. A crash leaves behind what nobody reads; the next one begins by erasing it.
#[derive(Debug)]
pub struct Staging {
    /// The last place that both logs share.
    pub(super) common: Position,
    /// The last place that is staged.
    pub(super) at: Position,
    /// Rows and rights at that place.
    fold: Fold,
    rows: BTreeMap<DeviceId, Row>,
    rights: bool,
    /// The last page: all of it that is in memory.
    page: Vec<StoredEntry>,
    /// Whether there were others before it.
    is_long: bool,
}

/// The pages do not continue what is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discontinued;

/// All that was staged.
#[derive(Debug)]
pub struct Staged {
    /// Rows and rights at the tracker's head.
    pub fold: Fold,
    /// The last page.
    pub page: Vec<StoredEntry>,
    /// Whether there are others on disk, which the last one has to join.
    pub is_long: bool,
    /// The writes for what the entries have changed in the fold.
    pub changes: Vec<Write>,
}

impl Staging {
    /// Begins behind a place, whose fold this is.
    pub fn new(common: Position, fold: Fold) -> Self {
        let (at, rows, page) = (common, BTreeMap::new(), Vec::new());
        Self { common, at, fold, rows, rights: false, page, is_long: false }
    }

    /// Takes a page.
    ///
    /// # Errors
    /// [`Discontinued`]: what was staged is worth nothing.
    pub fn take(&mut self, adopt: &Adopt, rules: Rules) -> Result<(), Discontinued> {
        self.page.clear();
        let from = self.at.pos + 1;
        for entry in adopt.entries.iter().filter(|entry| entry.pos >= from) {
            if entry.pos != self.at.pos + 1 {
                return Err(Discontinued);
            }
            let stored = StoredEntry::new(entry.clone(), &self.at.chain);
            match self.fold.apply(stored.entry.pos, &stored.entry.envelope, stored.hash, rules) {
                Changed::Row(row) => drop(self.rows.insert(row.device, row)),
                Changed::Rights => self.rights = true,
            }
            self.at = stored.position();
            self.page.push(stored);
        }
        let is_whole = self.at == adopt.head;
        let goes_on = self.at.pos < adopt.head.pos && !self.page.is_empty();
        if is_whole || goes_on { Ok(()) } else { Err(Discontinued) }
    }

    /// Writes for a page that others follow.
    pub fn put_page(&mut self, host: LogId) -> Vec<Write> {
        let log = staging(host);
        let erase = (!self.is_long).then_some(Write::Erase { log });
        self.is_long = true;
        let append = Write::Append { log, entries: core::mem::take(&mut self.page) };
        erase.into_iter().chain([append]).collect()
    }

    /// All of it is there.
    pub fn finish(self, host: LogId) -> Staged {
        let changes = if self.rights {
            let rights = put_meta(host, Meta::Rights, self.fold.rights());
            core::iter::once(rights).chain(self.fold.rows().map(|row| put_row(host, row))).collect()
        } else {
            self.rows.values().map(|row| put_row(host, row)).collect()
        };
        Staged { fold: self.fold, page: self.page, is_long: self.is_long, changes }
    }
}

/// The last page joins the others, and all of them the log: a part of the one transaction.
pub fn join(host: LogId, page: &[StoredEntry]) -> [Write; 2] {
    let log = staging(host);
    [Write::Append { log, entries: page.to_vec() }, Write::Move { from: log, to: host }]
}

fn staging(host: LogId) -> LogId {
    LogId { channel: host.channel, role: LogRole::Staging }
}
