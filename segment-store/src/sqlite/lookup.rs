//! Finding an entry by its key or hash.
//!
//! An index on each would touch about one page for every entry appended, and cost several times
//! what the append itself does; and these lookups are rare. So a log is cut into blocks of places,
//! and a full block gets one row of tags, eight bytes for each entry, when its last entry is
//! appended. A search goes through the tags, the newest block first, and reads the entries whose
//! tags match; of a block that is not full it reads the entries themselves.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, Result, params};
use segment_core::store::Lookup;
use segment_core::{LogId, StoredEntry};
use segment_proto::DeviceId;

use super::column::Number;
use super::read;

const BLOCK_BITS: u32 = 10;
const BLOCK_LEN: usize = 1 << BLOCK_BITS;

const ENTRY_TAGS: &str = "SELECT pos, tags FROM entries WHERE log = ?1 AND pos BETWEEN ?2 AND ?3 ORDER BY pos";
const TAGS: &str = "SELECT tags FROM lookups WHERE log = ?1 AND block = ?2";
const IS_FULL: &str = "SELECT 1 FROM lookups WHERE log = ?1 AND block = ?2";
const SET_TAGS: &str = "INSERT OR REPLACE INTO lookups (log, block, tags) VALUES (?1, ?2, ?3)";
const FORGET_FROM: &str = "DELETE FROM lookups WHERE log = ?1 AND block >= ?2";
const FORGET: &str = "DELETE FROM lookups WHERE log = ?1 AND block = ?2";
const FORGET_UP_TO: &str = "DELETE FROM lookups WHERE log = ?1 AND block <= ?2";
const MOVE: &str = "UPDATE lookups SET log = ?2 WHERE log = ?1";
const LAST_BELOW: &str = "SELECT max(pos) FROM entries WHERE log = ?1 AND pos < ?2";

/// The block that a place is in.
fn block_of(pos: u64) -> u64 {
    pos >> BLOCK_BITS
}

fn first_of(block: u64) -> u64 {
    block << BLOCK_BITS
}

fn last_of(block: u64) -> u64 {
    first_of(block) | (BLOCK_LEN as u64 - 1)
}

/// What is kept of an entry: four bytes of its hash, and four that its key gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tags {
    hash: u32,
    key: u32,
}

impl Tags {
    pub fn of(stored: &StoredEntry) -> Self {
        let key = &stored.entry.envelope.key;
        Self { hash: tag(&stored.hash.0), key: key_tag(&key.device, key.incarnation, key.seq) }
    }

    pub fn to_bits(self) -> i64 {
        (u64::from(self.key) << 32 | u64::from(self.hash)).cast_signed()
    }

    fn from_bits(bits: i64) -> Self {
        let bits = bits.cast_unsigned();
        Self { hash: bits as u32, key: (bits >> 32) as u32 }
    }

    fn may_be(self, lookup: &Lookup) -> bool {
        match lookup {
            Lookup::Key { device, incarnation, seq } => self.key == key_tag(device, *incarnation, *seq),
            Lookup::Hash(hash) => self.hash == tag(&hash.0),
        }
    }
}

fn tag(bytes: &[u8; 32]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn key_tag(device: &DeviceId, incarnation: u32, seq: u64) -> u32 {
    let seq = (seq ^ seq >> 32) as u32;
    tag(&device.0).wrapping_add(incarnation.rotate_left(24)).wrapping_add(seq)
}

pub(super) fn find(connection: &Connection, log: &LogId, lookup: &Lookup) -> Result<Option<StoredEntry>> {
    let mut newest = read::last_place(connection, log)?.map(block_of);
    while let Some(block) = newest {
        for pos in candidates(connection, log, block, lookup)?.into_iter().rev() {
            let found = read::at(connection, log, pos)?.filter(|stored| is(stored, lookup));
            if found.is_some() {
                return Ok(found);
            }
        }
        newest = block_before(connection, log, block)?;
    }
    Ok(None)
}

/// The next older block that has entries. A cache may have holes.
fn block_before(connection: &Connection, log: &LogId, block: u64) -> Result<Option<u64>> {
    let Some(before) = block.checked_sub(1) else {
        return Ok(None);
    };
    if connection.prepare_cached(IS_FULL)?.exists(params![log.prefix(), Number(before)])? {
        return Ok(Some(before));
    }
    let below = params![log.prefix(), Number(first_of(block))];
    let last: Option<Number> = connection.prepare_cached(LAST_BELOW)?.query_row(below, |row| row.get(0))?;
    Ok(last.map(|Number(pos)| block_of(pos)))
}

fn is(stored: &StoredEntry, lookup: &Lookup) -> bool {
    let key = &stored.entry.envelope.key;
    match lookup {
        Lookup::Key { device, incarnation, seq } => {
            (key.device, key.incarnation, key.seq) == (*device, *incarnation, *seq)
        }
        Lookup::Hash(hash) => stored.hash == *hash,
    }
}

/// The places in a block that may hold what is looked for, in order.
fn candidates(connection: &Connection, log: &LogId, block: u64, lookup: &Lookup) -> Result<Vec<u64>> {
    let mut statement = connection.prepare_cached(TAGS)?;
    let found = statement
        .query_row(params![log.prefix(), Number(block)], |row| Ok(matching(row.get_ref(0)?.as_blob()?, block, lookup)))
        .optional()?;
    match found {
        Some(found) => Ok(found),
        None => {
            let tagged = read_tags(connection, log, block)?.into_iter();
            Ok(tagged.filter(|(_, tags)| tags.may_be(lookup)).map(|(pos, _)| pos).collect())
        }
    }
}

/// The places of a full block whose tags match. Most lookups go through all blocks and match in none.
fn matching(tags: &[u8], block: u64, lookup: &Lookup) -> Vec<u64> {
    let may_be = |bits: &[u8; 8]| Tags::from_bits(i64::from_le_bytes(*bits)).may_be(lookup);
    (first_of(block)..).zip(tags.as_chunks().0).filter(|(_, bits)| may_be(bits)).map(|(pos, _)| pos).collect()
}

fn read_tags(connection: &Connection, log: &LogId, block: u64) -> Result<Vec<(u64, Tags)>> {
    let mut statement = connection.prepare_cached(ENTRY_TAGS)?;
    let range = params![log.prefix(), Number(first_of(block)), Number(last_of(block))];
    let rows = statement.query_map(range, |row| Ok((row.get::<_, Number>(0)?.0, Tags::from_bits(row.get(1)?))))?;
    rows.collect()
}

/// An entry was appended where none stood: tags its block if that is full now.
pub(super) fn appended(connection: &Connection, log: &LogId, pos: u64) -> Result<()> {
    let block = block_of(pos);
    if pos != last_of(block) {
        return Ok(());
    }
    let tagged = read_tags(connection, log, block)?;
    if tagged.len() < BLOCK_LEN {
        return Ok(());
    }
    let tags: Vec<u8> = tagged.into_iter().flat_map(|(_, tags)| tags.to_bits().to_le_bytes()).collect();
    connection.prepare_cached(SET_TAGS)?.execute(params![log.prefix(), Number(block), tags]).map(|_| ())
}

/// The entry at this place is about to be replaced: its block is searched one by one again.
pub(super) fn replaced(connection: &Connection, log: &LogId, pos: u64) -> Result<()> {
    connection.prepare_cached(FORGET)?.execute(params![log.prefix(), Number(block_of(pos))]).map(|_| ())
}

/// Entries from this place on were replaced or deleted: their blocks are searched one by one again.
pub(super) fn changed_from(connection: &Connection, log: &LogId, pos: u64) -> Result<()> {
    connection.prepare_cached(FORGET_FROM)?.execute(params![log.prefix(), Number(block_of(pos))]).map(|_| ())
}

/// Entries below this place were deleted: of their blocks, what is left is searched one by one again.
pub(super) fn changed_below(connection: &Connection, log: &LogId, pos: u64) -> Result<()> {
    let Some(last) = pos.checked_sub(1) else {
        return Ok(());
    };
    connection.prepare_cached(FORGET_UP_TO)?.execute(params![log.prefix(), Number(block_of(last))]).map(|_| ())
}

/// All entries of a log, at these places, have become another's. Its full blocks are full there too;
/// the first and the last may have become so.
pub(super) fn moved(connection: &Connection, from: &LogId, to: &LogId, places: RangeInclusive<u64>) -> Result<()> {
    connection.prepare_cached(MOVE)?.execute(params![from.prefix(), to.prefix()])?;
    let ends = [*places.start(), *places.end()];
    ends.into_iter().try_for_each(|pos| appended(connection, to, last_of(block_of(pos))))
}
