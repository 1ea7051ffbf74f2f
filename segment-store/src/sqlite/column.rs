//! Between Rust values and columns.

use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{Result, Row};
use segment_core::StoredEntry;
use segment_proto::{Entry, Hash, Signature, Signed, UnixMillis};

/// The columns that [`entry`] reads, in its order.
macro_rules! entry_columns {
    () => {
        "pos, epoch, sequenced, hash, chain, signature, envelope"
    };
}
pub(super) use entry_columns;

/// A `u64` that keeps its order in a column without a type: an integer while it fits SQLite's
/// signed ones, above that eight bytes, which SQLite sorts behind all integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub u64);

impl ToSql for Number {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        let value = match i64::try_from(self.0) {
            Ok(small) => Value::Integer(small),
            Err(_) => Value::Blob(self.0.to_be_bytes().to_vec()),
        };
        Ok(ToSqlOutput::Owned(value))
    }
}

impl FromSql for Number {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(small) => u64::try_from(small).map(Self).map_err(|_| FromSqlError::OutOfRange(small)),
            ValueRef::Blob(bytes) => <[u8; 8]>::try_from(bytes)
                .map(|bytes| Self(u64::from_be_bytes(bytes)))
                .map_err(|_| FromSqlError::InvalidBlobSize { expected_size: 8, blob_size: bytes.len() }),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// Reads an entry out of a row of [`entry_columns`].
pub(super) fn entry(row: &Row<'_>) -> Result<StoredEntry> {
    let envelope = Bytes::copy_from_slice(row.get_ref(6)?.as_blob()?);
    let envelope = Signed::from_parts(envelope, Signature(row.get(5)?)).map_err(|error| damaged(6, error))?;
    let entry = Entry {
        pos: row.get::<_, Number>(0)?.0,
        epoch: row.get(1)?,
        sequenced: UnixMillis(row.get::<_, Number>(2)?.0),
        envelope,
    };
    Ok(StoredEntry { entry, hash: Hash(row.get(3)?), chain: Hash(row.get(4)?) })
}

/// As [`entry`]; `None` where a column does not hold what was written there.
pub(super) fn readable(row: &Row<'_>) -> Result<Option<StoredEntry>> {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    match entry(row) {
        Ok(stored) => Ok(Some(stored)),
        Err(FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)) => Ok(None),
        Err(other) => Err(other),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a stored envelope cannot be read: {0}")]
struct Damaged(String);

fn damaged(column: usize, error: impl std::fmt::Display) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(Damaged(error.to_string())))
}
