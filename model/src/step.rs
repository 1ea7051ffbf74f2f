//! What can happen next, in words.

use std::fmt;

use crate::envelope::{AuthorId, Envelope};

/// What the explorer may count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It happens by itself where machines work and the network delivers: progress may rest on it.
    Fresh,
    /// An old frame or answer arrives: possible, but nothing may rest on it.
    Stale,
    /// Something goes wrong: possible, but nothing may rest on it.
    Fault,
}

/// Who sequences, in a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The tracker.
    Tracker,
    /// A host.
    Host(u8),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tracker => f.write_str("the tracker"),
            Self::Host(host) => write!(f, "H{host}"),
        }
    }
}

/// One step of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each step says in words what happens, below")]
pub enum Step {
    Writes(Envelope),
    WritesElsewhere(AuthorId),
    Displays { reader: AuthorId, host: u8 },
    LeavesCopy(Envelope),
    HandsToForward(Envelope),
    CopyArrives { at: At, envelope: Envelope },
    ForwardedSequenced(Envelope),
    Hears { author: AuthorId, at: At },
    Appends { at: At, envelope: Envelope },
    LearnsCommit(AuthorId),
    AuthorSyncs(AuthorId),
    AuthorCrashes(AuthorId),
    AuthorDies(AuthorId),
    AuthorSaved(AuthorId),
    AuthorRestored(AuthorId),
    HostSyncs(u8),
    HostLearnsCommit { host: u8, upto: u8 },
    Resubmits { host: u8, envelope: Envelope },
    QueueDrops { host: u8, envelope: Envelope },
    QueueCommitted { host: u8, envelope: Envelope },
    QueueTaken { host: u8, by: At, envelope: Envelope },
    HostCrashes(u8),
    HostDiskLost(u8),
    HostRestored(u8),
    OwnerLost,
    Adopts { host: u8, epoch: u8, upto: u8 },
    AdoptsAsMember { host: u8, epoch: u8 },
    TakesGrant { host: u8, epoch: u8 },
    GivesUp(u8),
    TrackerCommits(Envelope),
    TrackerSyncs,
    TrackerCrashes,
    Suspects { epoch: u8 },
    AnswersHello { epoch: u8 },
    Grants { host: u8, epoch: u8 },
    TrackerRestored { epochs: u8, head: u8 },
    AuthorShows(AuthorId),
    HostShows(u8),
    ReadsLog(AuthorId),
    CarriesAcross { author: AuthorId, envelope: Envelope },
    Renumbers(AuthorId),
    SequencesLosing(Envelope),
    Deletes { upto: u8 },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writes(e) => write!(f, "{} writes {e}", e.author),
            Self::WritesElsewhere(author) => write!(f, "{author} writes to another channel"),
            Self::Displays { reader, host } => write!(f, "{reader} displays H{host}'s provisional entries"),
            Self::LeavesCopy(e) => write!(f, "a copy of {e} stays in the network"),
            Self::HandsToForward(e) => write!(f, "{} gives the tracker {e} to forward", e.author),
            Self::CopyArrives { at, envelope } => write!(f, "{at} appends an old copy of {envelope}"),
            Self::ForwardedSequenced(e) => write!(f, "the tracker itself sequences {e}, which it was to forward"),
            Self::Hears { author, at } => write!(f, "{author} hears from {at}"),
            Self::Appends { at, envelope } => write!(f, "{at} appends {envelope}"),
            Self::LearnsCommit(author) => write!(f, "{author} gets a receipt"),
            Self::AuthorSyncs(author) => write!(f, "{author}'s disk syncs"),
            Self::AuthorCrashes(author) => write!(f, "{author} crashes"),
            Self::AuthorDies(author) => write!(f, "{author}'s disk is lost for ever"),
            Self::AuthorSaved(author) => write!(f, "{author}'s disk is backed up"),
            Self::AuthorRestored(author) => write!(f, "{author} is restored from the backup"),
            Self::HostSyncs(host) => write!(f, "H{host} syncs and says HostStored"),
            Self::HostLearnsCommit { host, upto } => write!(f, "H{host} gets the receipt for {upto}"),
            Self::Resubmits { host, envelope } => write!(f, "H{host} appends {envelope} from its queue"),
            Self::QueueDrops { host, envelope } => write!(f, "H{host} drops {envelope} from its queue"),
            Self::QueueCommitted { host, envelope } => write!(f, "{envelope} of H{host}'s queue is committed"),
            Self::QueueTaken { host, by, envelope } => write!(f, "{by} appends {envelope} of H{host}'s queue"),
            Self::HostCrashes(host) => write!(f, "H{host} crashes and starts"),
            Self::HostDiskLost(host) => write!(f, "H{host}'s disk is lost for ever"),
            Self::OwnerLost => f.write_str("the owner's device is lost for ever, H0 with it"),
            Self::HostRestored(host) => write!(f, "H{host}'s disk comes back one entry older"),
            Self::Adopts { host, epoch, upto } => write!(f, "H{host} adopts epoch {epoch} up to {upto}"),
            Self::AdoptsAsMember { host, epoch } => write!(f, "H{host} adopts in epoch {epoch}, as a member"),
            Self::TakesGrant { host, epoch } => write!(f, "H{host} takes the grant of epoch {epoch}"),
            Self::GivesUp(host) => write!(f, "H{host} is shown a receipt off its chain, and gives up"),
            Self::TrackerCommits(e) => write!(f, "the tracker takes {e} from the host"),
            Self::TrackerSyncs => f.write_str("the tracker syncs"),
            Self::TrackerCrashes => f.write_str("the tracker crashes and starts"),
            Self::Suspects { epoch } => write!(f, "the tracker takes over, epoch {epoch}"),
            Self::AnswersHello { epoch } => write!(f, "the tracker answers a hello, epoch {epoch}"),
            Self::Grants { host, epoch } => write!(f, "the tracker grants epoch {epoch} to H{host}"),
            Self::TrackerRestored { epochs, head } => {
                write!(f, "the tracker's disk comes back with {epochs} epochs and {head} entries")
            }
            Self::AuthorShows(author) => write!(f, "{author} shows the tracker what it has lost: new generation"),
            Self::HostShows(host) => write!(f, "H{host} shows the tracker what it has lost: new generation"),
            Self::ReadsLog(author) => write!(f, "{author} reads the committed log"),
            Self::CarriesAcross { author, envelope } => {
                write!(f, "{author} brings {envelope} from the older generation")
            }
            Self::Renumbers(author) => write!(f, "{author} takes the new generation's numbering"),
            Self::SequencesLosing(e) => write!(f, "the tracker sequences {e} of its losing branch"),
            Self::Deletes { upto } => write!(f, "retention deletes everything below {upto}"),
        }
    }
}
