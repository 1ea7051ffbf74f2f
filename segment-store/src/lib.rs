//! Stores for Segment's machines: memory for tests and simulations, SQLite for everything else.
//!
//! Both pass one conformance suite and give the same outcomes for the same operations. A store
//! blocks; a driver gives it a thread of its own and hands it batches: all writes of a batch share
//! one transaction and one sync.
//!
//! ```
//! use segment_core::{Store, StoreOperation, StoreOutcome, Table, Write};
//! use segment_store::MemoryStore;
//!
//! let mut store = MemoryStore::default();
//! let put = Write::Put { table: Table::Setting, key: "name".into(), value: "anna".into() };
//! let outcomes = store.perform(&[StoreOperation::Write(vec![put])])?;
//! assert_eq!(outcomes, [StoreOutcome::Written]);
//! # Ok::<(), segment_core::Fatal>(())
//! ```

mod memory;
mod search;
mod sqlite;

pub use memory::MemoryStore;
pub use search::{Held, Missing, SearchError, SearchIndex, SearchQuery};
pub use sqlite::{BackupError, OpenError, SqliteStore};

#[doc(hidden)]
pub use sqlite::{Settings, Syncing};
