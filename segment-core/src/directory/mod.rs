//! Accounts, sessions, presence and the list of channels: one per tracker.

/// What an operation of the directory is for.
#[derive(Debug)]
pub enum DirectoryTask {}
