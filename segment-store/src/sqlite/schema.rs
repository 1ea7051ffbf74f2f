//! The tables, and how an older file becomes a newer one.

use rusqlite::{Connection, Transaction};

/// "Segm": what SQLite's header says of a file that is ours.
pub(super) const APPLICATION_ID: u32 = 0x5365_676d;

/// A version of the tables, and the way to it.
pub(super) struct Schema {
    /// Makes the tables of this version in an empty file.
    pub create: &'static str,
    /// `migrations[n]` leads from version `n + 1` to `n + 2`.
    pub migrations: &'static [&'static str],
}

/// The tables of this program.
pub(super) const CURRENT: Schema = Schema { create: include_str!("schema.sql"), migrations: &[] };

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Empty,
    /// Tables of this version.
    Version(u32),
    /// Something of somebody else.
    Foreign,
}

impl Schema {
    /// Its number.
    pub fn version(&self) -> u32 {
        self.migrations.len() as u32 + 1
    }

    /// Makes the tables in an empty file.
    pub fn create(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        transaction.execute_batch(self.create)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        self.finish(transaction)
    }

    /// Leads an older file to this version: the whole way, or not at all.
    pub fn migrate(&self, connection: &mut Connection, from: u32) -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        let done = from.saturating_sub(1) as usize;
        self.migrations.iter().skip(done).try_for_each(|step| transaction.execute_batch(step))?;
        self.finish(transaction)
    }

    fn finish(&self, transaction: Transaction<'_>) -> rusqlite::Result<()> {
        transaction.pragma_update(None, "user_version", self.version())?;
        transaction.commit()
    }
}

/// Looks at a file without changing it.
pub(super) fn identify(connection: &Connection) -> rusqlite::Result<Found> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION_ID, version) if version > 0 => Found::Version(version),
        (0, 0) if tables == 0 => Found::Empty,
        _ => Found::Foreign,
    })
}
