//! What is written.

use rusqlite::{CachedStatement, Connection, ErrorCode, Result, Statement, params};
use segment_core::{LogId, StoredEntry, Table, Write};

use super::column::Number;
use super::lookup::{self, Tags};
use super::read::{self, key_range};

const APPEND: &str = "INSERT INTO entries \
    (log, pos, tags, epoch, sequenced, hash, chain, signature, envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const REMOVE: &str = "DELETE FROM entries WHERE log = ?1 AND pos = ?2";
const CUT: &str = "DELETE FROM entries WHERE log = ?1 AND pos >= ?2";
const TRIM: &str = "DELETE FROM entries WHERE log = ?1 AND pos < ?2";
const MAKE_ROOM: &str = "DELETE FROM entries WHERE log = ?2 AND pos IN (SELECT pos FROM entries WHERE log = ?1)";
const MOVE: &str = "UPDATE entries SET log = ?2 WHERE log = ?1";
const ERASE_RECORDS: &str = "DELETE FROM records WHERE tab = ?1 AND key >= ?2 AND key < ?3";
const PUT: &str = "INSERT OR REPLACE INTO records (tab, key, value) VALUES (?1, ?2, ?3)";
const DELETE: &str = "DELETE FROM records WHERE tab = ?1 AND key = ?2";

/// What a transaction writes with: most of it are single entries, whose statement is fetched once for all of them.
pub(super) struct Writer<'a> {
    pub connection: &'a Connection,
    append: CachedStatement<'a>,
}

impl<'a> Writer<'a> {
    pub fn new(connection: &'a Connection) -> Result<Self> {
        Ok(Self { connection, append: connection.prepare_cached(APPEND)? })
    }

    pub fn write(&mut self, write: &Write) -> Result<()> {
        let connection = self.connection;
        match write {
            Write::Append { log, entries } => append(connection, &mut self.append, log, entries),
            Write::Cut { log, from } => cut(connection, log, *from),
            Write::Trim { log, below } => trim(connection, log, *below),
            Write::Move { from, to } => move_entries(connection, from, to),
            Write::Erase { log } => erase(connection, log),
            Write::Put { table, key, value } => {
                run(connection, PUT, params![*table as u8, key.as_ref(), value.as_ref()])
            }
            Write::Delete { table, key } => run(connection, DELETE, params![*table as u8, key.as_ref()]),
        }
    }
}

fn run(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<()> {
    connection.prepare_cached(sql)?.execute(params).map(|_| ())
}

fn append(connection: &Connection, statement: &mut Statement<'_>, log: &LogId, entries: &[StoredEntry]) -> Result<()> {
    for stored in entries {
        let pos = stored.entry.pos;
        match insert(statement, log, stored) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                lookup::replaced(connection, log, pos)?;
                run(connection, REMOVE, params![log.prefix(), Number(pos)])?;
                insert(statement, log, stored)?;
            }
            inserted => inserted?,
        }
        lookup::appended(connection, log, pos)?;
    }
    Ok(())
}

fn insert(statement: &mut Statement<'_>, log: &LogId, stored: &StoredEntry) -> Result<()> {
    let StoredEntry { entry, hash, chain } = stored;
    let envelope = &entry.envelope;
    let columns = params![
        log.prefix(),
        Number(entry.pos),
        Tags::of(stored).to_bits(),
        entry.epoch,
        Number(entry.sequenced.0),
        hash.0,
        chain.0,
        envelope.signature().0,
        envelope.bytes().as_ref(),
    ];
    statement.execute(columns).map(|_| ())
}

fn cut(connection: &Connection, log: &LogId, from: u64) -> Result<()> {
    lookup::changed_from(connection, log, from)?;
    run(connection, CUT, params![log.prefix(), Number(from)])
}

fn trim(connection: &Connection, log: &LogId, below: u64) -> Result<()> {
    lookup::changed_below(connection, log, below)?;
    run(connection, TRIM, params![log.prefix(), Number(below)])
}

fn move_entries(connection: &Connection, from: &LogId, to: &LogId) -> Result<()> {
    let (Some(first), Some(last)) = (read::first_place(connection, from)?, read::last_place(connection, from)?) else {
        return Ok(());
    };
    if from == to {
        return Ok(());
    }
    lookup::changed_from(connection, to, first)?;
    run(connection, MAKE_ROOM, params![from.prefix(), to.prefix()])?;
    run(connection, MOVE, params![from.prefix(), to.prefix()])?;
    lookup::moved(connection, from, to, first..=last)
}

fn erase(connection: &Connection, log: &LogId) -> Result<()> {
    cut(connection, log, 0)?;
    let (from, to) = key_range(log);
    Table::OF_LOGS.iter().try_for_each(|table| run(connection, ERASE_RECORDS, params![*table as u8, from, to]))
}
