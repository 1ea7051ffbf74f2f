//! The fenced epoch log: how a channel's messages are ordered, stored twice and never lost, with a host that comes
//! and goes. Host, backup (the tracker's copy) and replica (a member) share what stands in this folder.
//!
//! # The idea
//!
//! *What is in a channel* is a set of [envelopes](segment_proto::Envelope), each signed by its author, that only grows.
//! Every envelope names the hash in its author's row (`prev`): that of the author's envelope before it, or of the
//! access entry that has moved the row since. So the envelopes of one author (a device: each counts for itself)
//! form a chain, and a log can hold each only once, in order. Anybody may carry an envelope of anybody: it proves
//! itself. Signatures are checked where messages come in, before a machine sees them.
//!
//! *Their order* is made by one **sequencer** in each **epoch**: the host while it is present, the tracker while it is
//! away. It gives each envelope the next [place](segment_proto::Entry), and chains the places by hash.
//!
//! *Commit.* Two copies cannot vote, so the tracker decides who sequences ([`segment_proto::EpochRecord`]) and is the
//! commit point ([`segment_proto::Receipt`]): the configuration master of Vertical Paxos. What the host has stored and
//! the tracker has not is *provisional*, as in Bayou; what has a receipt is *committed* and never moves.
//!
//! *No clock and no lease* decides what is safe. A stale host is harmless because the tracker refuses its
//! [fence](segment_proto::Fence) (generation and epoch). Times only say when to try, how long to wait, and, by the
//! owner's wish, how old a committed entry may become ([`retention`]).
//!
//! # The way of an envelope
//!
//! 1. Its author signs it on the hash in their own row, puts it on disk, and only then sends it (`replica`).
//! 2. The sequencer judges it by [`accept()`], in this order: known already (its old place again, whatever the author's
//!    rights are now: nobody is told "refused" of what stands); next in its author's chain, and then allowed or
//!    `Refused`; where another stands in its author's chain (`Fork`: it can never be accepted); too early (`Expected`:
//!    what it builds on is missing here). Below the retained log nobody can know: `Forgotten`. Rights and rows are a
//!    [`Fold`] over the log's prefix, so host and tracker judge alike, and everybody who reads the log can check.
//! 3. The host has it on disk, then answers `stored`, tells its members, and replicates; the tracker checks that the
//!    entries continue its own chain in the current epoch, has them on disk, then signs the receipt.
//! 4. The author lets go only when a receipt covers the place on *their own* copy of the chain, when a *committed*
//!    access entry refuses it, or when it can stand in no log at all (too long, another's account).
//!
//! # When the host goes, and comes back
//!
//! Away is a host whose session has ended, or that has been silent for two seconds. Reads are served from the tracker's
//! copy at once. Only a submit makes the tracker take over: it writes an epoch of its own and then sequences; each of
//! its entries is committed as soon as it is on disk. The epoch's base is the last place handed to the store: the
//! record follows it in the same queue, so neither is ever on disk without what is before it. While
//! the host is there but cannot be reached by somebody, the tracker hands on what it is brought and sequences nothing.
//!
//! A host that returns owns nothing. It says hello with a nonce of this process start, adopts what it lacks, and in
//! **one transaction** cuts its provisional tail, moves what it cut to a queue, and takes the tracker's entries. While
//! the last page is on its way the tracker holds new messages back (at most two seconds), then grants the next
//! epoch. The host puts its queue through the accept rule: an item leaves only when it is committed, or when the
//! committed log refuses it. A host that is not granted the epoch brings its queue to whoever has it.
//!
//! Whoever was shown a provisional entry that is then cut brings it to the new sequencer, before anything of their
//! own that may answer it: cause before effect, though author and host may both be gone.
//!
//! A reader at the tracker's copy may show more than the copy has: what a host has shown it and then went away with.
//! Nobody takes over only to be read, so that would hang in the air until somebody writes. After ten to fifteen seconds
//! (each reader waits another time: one is enough) it brings the first such entry. A host that is there after all has it
//! already; otherwise an epoch begins, in which the rest is carried. When is a matter of patience only: whatever is
//! brought too early or twice stands once.
//!
//! # Forks
//!
//! An author whose disk was restored has used the same key twice. The sequencer answers `Fork`; the author asks for
//! its own entries in that log, looks for the *content* (time of writing, kind, body) that is not in it, and signs only
//! that again, under a higher incarnation (the counter above the sequence numbers), on the row that the log has. A kick
//! or a pardon moves the row as well, so what was signed before it can never slip in after it: the sequencer answers
//! `Fork` there too, and the author takes that for a refusal once the access entry is committed.
//!
//! # When a disk has lost something
//!
//! The host's: it adopts everything. The tracker's, which may not know: everybody shows it the highest receipt and the
//! newest epoch record that they hold. One above its own head, or not on its chain, is proof. It opens a new
//! **generation**, takes what was lost from whoever holds it, up to the receipt, and sequences its own losing branch
//! again behind that. Places are final within a generation; messages are neither lost nor doubled across them. Until
//! it is shown its loss, such a tracker signs a second log in the old generation. A reader who meets that log reports
//! it, keeps its own, and cuts nothing that is committed: only a newer generation may take that back.
//!
//! # Where to look
//!
//! | file | what stands in it |
//! |---|---|
//! | [`rules`] | every rule, the file in which it stands, and what happens without it |
//! | [`accept`](mod@accept) | what becomes of an envelope: one pure function of the log |
//! | [`sequencer`] | many envelopes, the disk, and the answers that wait for it |
//! | [`fold`] | rows and rights at a place |
//! | [`log`] | the chain, its provisional tail, cutting it |
//! | [`serve`], [`fanout`], [`subscribers`] | reads, pushes, and who gets them |
//! | [`deliveries`] | how many have a message |
//! | [`verify`] | recomputing a log from its bytes |
//! | [`retention`], [`snapshot`] | how much is kept, and what stands for what is not |
//! | [`persist`] | how all of it is written |
//!
//! The owners of a log are `host` (tenure, adopting, resubmit), `backup` (epochs, replication, submit, recovery) and
//! `replica` (outbox, fork, carry, generations).

pub mod accept;
pub mod deliveries;
pub mod fanout;
pub mod fold;
pub mod log;
pub mod persist;
pub mod retention;
pub mod rules;
pub mod sequencer;
pub mod serve;
pub mod snapshot;
pub mod subscribers;
pub mod verify;

pub use accept::{Verdict, accept};
pub use fold::Fold;
pub use log::ChannelLog;
pub use sequencer::Sequencer;
pub use serve::{Page, PageRequest, Serve};
pub use subscribers::{Subscriber, Subscribers};

#[cfg(test)]
pub(crate) mod tests;
