//! What is written.

use rusqlite::{Connection, Result, params};
use segment_core::{LogId, StoredEntry, Table, Write};

use super::column::Number;
use super::read::key_range;
use super::schema::BLOCK_BITS;

const APPEND: &str = "INSERT OR REPLACE INTO entries \
    (log, pos, block, epoch, sequenced, device, incarnation, seq, hash, chain, signature, envelope) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const CUT: &str = "DELETE FROM entries WHERE log = ?1 AND pos >= ?2";
const ERASE_ENTRIES: &str = "DELETE FROM entries WHERE log = ?1";
const ERASE_RECORDS: &str = "DELETE FROM records WHERE tab = ?1 AND key >= ?2 AND key < ?3";
const PUT: &str = "INSERT OR REPLACE INTO records (tab, key, value) VALUES (?1, ?2, ?3)";
const DELETE: &str = "DELETE FROM records WHERE tab = ?1 AND key = ?2";

pub(super) fn write(connection: &Connection, write: &Write) -> Result<()> {
    match write {
        Write::Append { log, entries } => append(connection, log, entries),
        Write::Cut { log, from } => run(connection, CUT, params![log.prefix(), Number(*from)]),
        Write::Erase { log } => erase(connection, log),
        Write::Put { table, key, value } => run(connection, PUT, params![*table as u8, key.as_ref(), value.as_ref()]),
        Write::Delete { table, key } => run(connection, DELETE, params![*table as u8, key.as_ref()]),
    }
}

fn run(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<()> {
    connection.prepare_cached(sql)?.execute(params).map(|_| ())
}

fn append(connection: &Connection, log: &LogId, entries: &[StoredEntry]) -> Result<()> {
    let mut statement = connection.prepare_cached(APPEND)?;
    for StoredEntry { entry, hash, chain } in entries {
        let envelope = &entry.envelope;
        statement.execute(params![
            log.prefix(),
            Number(entry.pos),
            Number(entry.pos >> BLOCK_BITS),
            entry.epoch,
            Number(entry.sequenced.0),
            envelope.key.device.0,
            envelope.key.incarnation,
            Number(envelope.key.seq),
            hash.0,
            chain.0,
            envelope.signature().0,
            envelope.bytes().as_ref(),
        ])?;
    }
    Ok(())
}

fn erase(connection: &Connection, log: &LogId) -> Result<()> {
    run(connection, ERASE_ENTRIES, [log.prefix()])?;
    let (from, to) = key_range(log);
    Table::OF_LOGS.iter().try_for_each(|table| run(connection, ERASE_RECORDS, params![*table as u8, from, to]))
}
