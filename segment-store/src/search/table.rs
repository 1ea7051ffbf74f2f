//! The tables of the index.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use segment_proto::ChannelId;

use super::spacing::{BEGIN, END, spaced};
use super::{Held, NO_PLACE};
use crate::sqlite::files;

/// The next one is made from the logs again.
const VERSION: u32 = 1;
/// "Sgsx": what SQLite's header says of a file that is an index.
const APPLICATION_ID: u32 = 0x5367_7378;
/// A row's number is its channel's, then its place.
const PLACE_BITS: u32 = 40;
const CACHE_KIBIBYTES: i64 = 4 << 10;
const STATEMENTS_CACHED: usize = 16;

const TABLES: &str = "
    CREATE TABLE channel (
        number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,
        first INTEGER NOT NULL, last INTEGER NOT NULL, settled INTEGER NOT NULL, generation INTEGER NOT NULL
    ) STRICT;
    CREATE VIRTUAL TABLE word USING fts5(
        text, content='', contentless_delete=1,
        tokenize=\"unicode61 remove_diacritics 2 categories 'L* N* M* Co So'\"
    );
";
/// One text at a time, to see what of it matches.
const SHOWN: &str = "
    CREATE VIRTUAL TABLE temp.shown USING fts5(
        text, tokenize=\"unicode61 remove_diacritics 2 categories 'L* N* M* Co So'\"
    );
";

pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    files::create_file(path).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // What a crash takes from the end is added again.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    prepare(connection)
}

pub(super) fn in_memory() -> rusqlite::Result<Connection> {
    prepare(Connection::open_in_memory()?)
}

fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION_ID, VERSION) => {}
        (0, 0) => make(&connection)?,
        _ => return Err(rusqlite::Error::InvalidQuery),
    }
    connection.execute_batch(SHOWN)?;
    // A file that is cut short says so here.
    connection.query_row("SELECT count(*) FROM channel", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

fn make(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Removes an index that cannot be used.
pub(super) fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // What cannot be removed is said by the next attempt to open it.
        let _ = fs::remove_file(name);
    }
}

/// The number of a channel; it is given one where it has none.
pub(super) fn number(connection: &Connection, channel: ChannelId) -> rusqlite::Result<i64> {
    if let Some(number) = known_number(connection, channel)? {
        return Ok(number);
    }
    let sql = "INSERT INTO channel (id, first, last, settled, generation) VALUES (?1, 1, 0, 0, 0) RETURNING number";
    connection.prepare_cached(sql)?.query_row([channel.as_bytes()], |row| row.get(0))
}

fn known_number(connection: &Connection, channel: ChannelId) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT number FROM channel WHERE id = ?1")?;
    statement.query_row([channel.as_bytes()], |row| row.get(0)).optional()
}

pub(super) fn channels(connection: &Connection) -> rusqlite::Result<Vec<(i64, ChannelId)>> {
    let mut statement = connection.prepare_cached("SELECT number, id FROM channel")?;
    let rows = statement.query_map([], |row| {
        let id: [u8; 16] = row.get(1)?;
        Ok((row.get(0)?, ChannelId(uuid::Uuid::from_bytes(id))))
    })?;
    rows.collect()
}

pub(super) fn set_covered(connection: &Connection, number: i64, covered: Held) -> rusqlite::Result<()> {
    let sql = "UPDATE channel SET first = ?2, last = ?3, settled = ?4, generation = ?5 WHERE number = ?1";
    let Held { first, last, settled, generation } = covered;
    let [first, last, settled] = [first, last, settled].map(u64::cast_signed);
    connection.prepare_cached(sql)?.execute(params![number, first, last, settled, generation]).map(drop)
}

/// The rows of a channel; `None` where it has none.
pub(super) fn places(connection: &Connection, channel: ChannelId) -> rusqlite::Result<Option<RangeInclusive<i64>>> {
    Ok(known_number(connection, channel)?.map(|number| row(number, 0)..=row(number + 1, 0) - 1))
}

const fn row(number: i64, pos: u64) -> i64 {
    (number << PLACE_BITS) + pos.cast_signed()
}

pub(super) const fn pos_of(row: i64) -> u64 {
    row.cast_unsigned() & ((1 << PLACE_BITS) - 1)
}

pub(super) fn put(connection: &Connection, number: i64, pos: u64, text: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO word (rowid, text) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute(params![row(number, pos), spaced(text)]).map(drop)
}

/// Forgets a channel's texts below and behind these places; all of them where there are none.
pub(super) fn forget_outside(connection: &Connection, number: i64, kept: &RangeInclusive<u64>) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM word WHERE rowid >= ?1 AND rowid < ?2")?;
    let (begin, end) = (row(number, 0), row(number + 1, 0));
    if kept.is_empty() {
        return delete.execute([begin, end]).map(drop);
    }
    delete.execute([begin, row(number, *kept.start())])?;
    delete.execute([row(number, kept.end() + 1), end]).map(drop)
}

pub(super) fn forget(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    forget_outside(connection, number, &NO_PLACE)?;
    connection.prepare_cached("DELETE FROM channel WHERE number = ?1")?.execute([number]).map(drop)
}

/// A text in its spaced form with what matches marked; `None` where it does not match.
pub(super) fn highlight(connection: &Connection, expression: &str, text: &str) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached("INSERT INTO temp.shown (rowid, text) VALUES (1, ?1)")?.execute([spaced(text)])?;
    let sql = "SELECT highlight(shown, 0, ?2, ?3) FROM temp.shown WHERE shown MATCH ?1";
    let marks = params![expression, BEGIN.to_string(), END.to_string()];
    let marked = connection.prepare_cached(sql)?.query_row(marks, |row| row.get(0)).optional();
    connection.prepare_cached("DELETE FROM temp.shown")?.execute([])?;
    marked
}
