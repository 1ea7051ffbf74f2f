//! The rules, each checked on a trace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::child::{self, NOT_OPENED, OPENED, STOPPED};
use crate::disk::{Disk, Fate};
use crate::random::Random;
use crate::trace::{Call, Done};
use crate::transactions;

/// Images are made at every acknowledgement, and at one in so many other calls.
const CALLS_PER_IMAGE: u64 = 8;

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    #[error("after {acknowledged} acknowledgements, at call {call} with the unsynced {fate:?}: {what}")]
    Lost { acknowledged: u64, call: usize, fate: Fate, what: String },
    #[error("transaction {acknowledged} was acknowledged before {} was synced", path.display())]
    AcknowledgedUnsynced { acknowledged: u64, path: PathBuf },
    #[error("transaction {acknowledged} was acknowledged without any sync since the one before")]
    AcknowledgedWithoutSync { acknowledged: u64 },
    #[error("no call failed, so nothing was tested")]
    NothingFailed,
    #[error("after a failure at call {failed} the store went on: {call:?}")]
    WentOn { failed: usize, call: Box<Call> },
    #[error("after a failure at call {failed} the child did not say that the store is stopped")]
    NotStopped { failed: usize },
}

/// How much was checked.
#[derive(Debug, Default)]
pub struct Checked {
    pub acknowledgements: u64,
    pub images: u64,
    pub checkpoints: u64,
}

/// Whether the child says here that the store is open.
pub fn is_opened(call: &Call) -> bool {
    matches!(call, Call::Say(line) if line == OPENED)
}

/// The last acknowledgement, if the store was opened.
pub fn acknowledged(calls: &[Call]) -> Option<u64> {
    calls.iter().any(is_opened).then(|| calls.iter().rev().find_map(acknowledgement).unwrap_or(0))
}

fn acknowledgement(call: &Call) -> Option<u64> {
    match call {
        Call::Say(line) => child::acknowledgement(line),
        _ => None,
    }
}

/// Whatever becomes of that which was not synced: everything acknowledged is there, and every transaction whole.
pub fn survives_power_failure(path: &Path, calls: &[Call], random: &mut Random) -> Result<Checked, Violation> {
    let mut disk = Disk::default();
    let mut checked = Checked::default();
    let mut acknowledged = 0;
    for (index, call) in calls.iter().enumerate() {
        checked.checkpoints += u64::from(matches!(call, Call::Sync { path: synced, .. } if synced == path));
        disk.apply(call);
        if let Some(number) = acknowledgement(call) {
            acknowledged = number;
            checked.acknowledgements += 1;
        } else if random.below(CALLS_PER_IMAGE) > 0 {
            continue;
        }
        for fate in [Fate::Lost, Fate::Garbage, Fate::Mixed] {
            let reopened = reopen(path, disk.image(fate, random), acknowledged);
            reopened.map_err(|what| Violation::Lost { acknowledged, call: index, fate, what })?;
            checked.images += 1;
        }
    }
    Ok(checked)
}

fn reopen(original: &Path, image: BTreeMap<PathBuf, Vec<u8>>, acknowledged: u64) -> Result<u64, String> {
    let directory = tempfile::tempdir().unwrap();
    for (path, bytes) in image {
        std::fs::write(directory.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    transactions::verify_file(&directory.path().join(original.file_name().unwrap()), acknowledged)
}

/// At each acknowledgement nothing waits to be synced, and something was since the one before.
pub fn syncs_before_acknowledging(calls: &[Call]) -> Result<u64, Violation> {
    let mut disk = Disk::default();
    let mut acknowledgements = 0;
    let mut syncs = 0;
    for call in calls {
        disk.apply(call);
        syncs += u64::from(matches!(call, Call::Sync { .. }));
        let Some(acknowledged) = acknowledgement(call) else {
            continue;
        };
        if let Some(path) = disk.unsynced() {
            return Err(Violation::AcknowledgedUnsynced { acknowledged, path: path.to_owned() });
        }
        if syncs == 0 {
            return Err(Violation::AcknowledgedWithoutSync { acknowledged });
        }
        acknowledgements += 1;
        syncs = 0;
    }
    Ok(acknowledgements)
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The store was being opened, and was not.
    NotOpened,
    /// The running store is stopped.
    Stopped,
    /// What failed was not needed: nothing was waiting to be synced there.
    Harmless,
}

/// After a failed write, or a sync that failed with something to sync, the store touches its files no more
/// and acknowledges nothing more, but says that it is stopped.
pub fn stops_when_it_fails(calls: &[Call]) -> Result<Outcome, Violation> {
    let mut disk = Disk::default();
    let mut failure = None;
    for (index, call) in calls.iter().enumerate() {
        match call {
            Call::Write { result: Done::Failed, .. } => failure = Some((index, true)),
            Call::Sync { path, result: Done::Failed } => failure = Some((index, disk.is_unsynced(path))),
            _ => {}
        }
        if failure.is_some() {
            break;
        }
        disk.apply(call);
    }
    let (failed, matters) = failure.ok_or(Violation::NothingFailed)?;
    let said =
        |calls: &[Call], what: &str| calls.iter().any(|call| matches!(call, Call::Say(line) if line.starts_with(what)));
    let (before, after) = calls.split_at(failed);
    if !before.iter().any(is_opened) {
        return match said(after, NOT_OPENED) {
            true => Ok(Outcome::NotOpened),
            // SQLite goes on when the name of its first journal could not be synced; the names are synced again after it.
            false if !said(after, STOPPED) => syncs_before_acknowledging(calls).map(|_| Outcome::Harmless),
            false => Err(Violation::NotStopped { failed }),
        };
    }
    if !matters && !said(after, STOPPED) {
        return Ok(Outcome::Harmless);
    }
    if let Some(call) = after[1..].iter().find(|call| !matches!(call, Call::Say(_)) || acknowledgement(call).is_some())
    {
        return Err(Violation::WentOn { failed, call: Box::new(call.clone()) });
    }
    match said(after, STOPPED) {
        true => Ok(Outcome::Stopped),
        false => Err(Violation::NotStopped { failed }),
    }
}
