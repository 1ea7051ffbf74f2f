//! An index of words, so that messages can be found again.
//!
//! It holds no texts, only which words stand at which places (a contentless FTS5 table). The log
//! stays the one place where a text lives: what a log has lost cannot be found, and a hit is shown
//! with what the log says. The index is made from the logs, behind them, whenever somebody looks
//! for something; so writing a message costs nothing more than before, and a lost or damaged index
//! is made again.
//!
//! Words are what `unicode61` takes for words, without regard to case and accents. Scripts that
//! are written without spaces, Hangul and emoji are indexed character by character, so that any
//! part of such a text is found, however short.

mod query;
mod spacing;
mod table;

#[cfg(test)]
mod tests;

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use segment_proto::ChannelId;
use thiserror::Error;

pub use query::SearchQuery;

/// The index cannot be used. Nothing is lost: remove its file, and it is made again.
#[derive(Debug, Error)]
#[error("the search index cannot be used: {0}")]
pub struct SearchError(#[from] rusqlite::Error);

/// An empty range.
const NO_PLACE: RangeInclusive<u64> = RangeInclusive::new(1, 0);

/// What of a channel's log is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The first place.
    pub first: u64,
    /// The last place; below `first` where nothing is at hand.
    pub last: u64,
    /// Up to here nothing changes any more within a generation.
    pub settled: u64,
    /// The generation of the log.
    pub generation: u32,
}

/// An index of words over the logs of one profile.
#[derive(Debug)]
pub struct SearchIndex {
    connection: Connection,
}

impl SearchIndex {
    /// Opens the index in this file. Where there is none, or one of another version, or a damaged one, an empty one
    /// is made, readable by its owner only.
    ///
    /// # Errors
    /// [`SearchError`]: the file cannot be made.
    pub fn open(path: &Path) -> Result<Self, SearchError> {
        match table::open(path) {
            Ok(connection) => Ok(Self { connection }),
            Err(error) => {
                tracing::warn!(%error, "the search index is made anew");
                table::remove(path);
                Ok(Self { connection: table::open(path)? })
            }
        }
    }

    /// An index that is forgotten when it is dropped.
    ///
    /// # Errors
    /// [`SearchError`]: there is no memory for it.
    pub fn in_memory() -> Result<Self, SearchError> {
        Ok(Self { connection: table::in_memory()? })
    }

    /// Which places of a channel are to be added. What is not held any more is forgotten at once.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn missing(&mut self, channel: ChannelId, held: Held) -> Result<Missing, SearchError> {
        let known = self.known(channel)?.filter(|known| known.generation == held.generation);
        // What was not settled when it was added may be another text by now.
        let kept = known.map_or(NO_PLACE, |known| known.first.max(held.first)..=known.settled.min(held.last));
        let transaction = self.connection.transaction()?;
        let number = table::number(&transaction, channel)?;
        table::forget_outside(&transaction, number, &kept)?;
        let covered = Held { first: *kept.start(), last: *kept.end(), settled: *kept.end(), ..held };
        table::set_covered(&transaction, number, covered)?;
        transaction.commit()?;
        if kept.is_empty() {
            return Ok(Missing { below: NO_PLACE, above: held.first..=held.last });
        }
        Ok(Missing { below: held.first..=kept.start() - 1, above: kept.end() + 1..=held.last })
    }

    /// Adds the texts of a page of [`Missing::pages`]; its places are indexed from then on, texts or not.
    ///
    /// # Errors
    /// [`SearchError`]: none of them is added.
    pub fn add(
        &mut self,
        channel: ChannelId,
        held: Held,
        page: &RangeInclusive<u64>,
        texts: &[(u64, String)],
    ) -> Result<(), SearchError> {
        let known = self.known(channel)?.filter(|known| known.first <= known.last);
        let first = known.map_or(*page.start(), |known| known.first.min(*page.start()));
        let last = known.map_or(*page.end(), |known| known.last.max(*page.end()));
        let transaction = self.connection.transaction()?;
        let number = table::number(&transaction, channel)?;
        for (pos, text) in texts {
            table::put(&transaction, number, *pos, text)?;
        }
        table::set_covered(&transaction, number, Held { first, last, settled: held.settled.min(last), ..held })?;
        transaction.commit()?;
        Ok(())
    }

    /// Forgets every channel but these.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn keep_only(&mut self, channels: &[ChannelId]) -> Result<(), SearchError> {
        let transaction = self.connection.transaction()?;
        for (number, id) in table::channels(&transaction)? {
            if !channels.contains(&id) {
                table::forget(&transaction, number)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Which places of a channel are indexed.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn known(&self, channel: ChannelId) -> Result<Option<Held>, SearchError> {
        let sql = "SELECT first, last, settled, generation FROM channel WHERE id = ?1";
        let row = |row: &rusqlite::Row<'_>| {
            let place = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            Ok(Held { first: place(0)?, last: place(1)?, settled: place(2)?, generation: row.get(3)? })
        };
        Ok(self.connection.prepare_cached(sql)?.query_row([channel.as_bytes()], row).optional()?)
    }

    /// The newest places of a channel at which everything that is looked for stands, newest first, at most so many.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn find(&self, channel: ChannelId, query: &SearchQuery, count: usize) -> Result<Vec<u64>, SearchError> {
        let Some(places) = table::places(&self.connection, channel)? else { return Ok(Vec::new()) };
        let sql = "SELECT rowid FROM word WHERE word MATCH ?1 AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid DESC LIMIT ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let found = statement
            .query_map(params![query.expression(), places.start(), places.end(), limit], |row| row.get::<_, i64>(0))?;
        found.map(|row| Ok(table::pos_of(row?))).collect()
    }

    /// At how many places it stands; counted up to `max`.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn count(&self, channel: ChannelId, query: &SearchQuery, max: usize) -> Result<usize, SearchError> {
        let Some(places) = table::places(&self.connection, channel)? else { return Ok(0) };
        let sql = "SELECT count(*) FROM (SELECT 1 FROM word WHERE word MATCH ?1 AND rowid BETWEEN ?2 AND ?3 LIMIT ?4)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let count: i64 =
            statement.query_row(params![query.expression(), places.start(), places.end(), limit], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Where in a text it stands, in bytes; nowhere where the text does not match.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn marks(&self, query: &SearchQuery, text: &str) -> Result<Vec<Range<usize>>, SearchError> {
        let marked = table::highlight(&self.connection, query.expression(), text)?;
        Ok(marked.map(|marked| spacing::ranges(text, &marked)).unwrap_or_default())
    }
}

/// Places that are not indexed yet, below and above those that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    below: RangeInclusive<u64>,
    above: RangeInclusive<u64>,
}

impl Missing {
    /// How many places.
    #[must_use]
    pub fn places(&self) -> u64 {
        [&self.below, &self.above].into_iter().filter(|range| !range.is_empty()).map(|r| r.end() + 1 - r.start()).sum()
    }

    /// Them in pages, in an order in which what is indexed never has a hole.
    pub fn pages(self, places_max: u64) -> impl Iterator<Item = RangeInclusive<u64>> {
        let (mut below, mut above) = (self.below, self.above);
        std::iter::from_fn(move || {
            if !above.is_empty() {
                let end = (above.start() + places_max - 1).min(*above.end());
                let page = *above.start()..=end;
                above = end + 1..=*above.end();
                return Some(page);
            }
            let start = below.end().saturating_sub(places_max - 1).max(*below.start());
            let page = start..=*below.end();
            below = *below.start()..=start.saturating_sub(1);
            (!page.is_empty()).then_some(page)
        })
    }
}
