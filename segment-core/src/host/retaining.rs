//! The owner's policy at the host, and a host that begins from the tracker's snapshot because what is
//! below it is gone.

use alloc::vec::Vec;

use segment_proto::messages::{ReadSnapshot, SnapshotPart};
use segment_proto::{LinkId, Message, Position, Signed, Snapshot};

use crate::contract::Deadline;
use crate::host::replication::Replication;
use crate::host::{Host, HostRequest, HostTask};
use crate::peer::context::{Context, Purpose};
use crate::peer::events::PeerEvent;
use crate::rules::Rule;
use crate::store::{StoredEntry, Write};
use crate::sync::ChannelLog;
use crate::sync::persist::{Meta, put_epoch, put_meta, put_row};
use crate::sync::retention::{Retaining, Step, Trim};
use crate::sync::snapshot::{Folded, SNAPSHOT_BYTES_MAX};

/// What is kept here and what goes.
#[derive(Debug, Default)]
pub struct Keeping {
    retaining: Retaining,
    fetching: Option<Fetching>,
}

/// A snapshot on its way.
#[derive(Debug)]
struct Fetching {
    snapshot: Signed<Snapshot>,
    bytes: Vec<u8>,
}

impl Keeping {
    /// When it is to be looked whether something has become too old.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.retaining.due().map(|at| Deadline::new(at, "host looks what is too old"))
    }
}

impl Host {
    /// Called whenever something was committed, and when it is time. Only what the tracker has goes, and
    /// nothing behind its last snapshot: that is made before two steps are full.
    pub(super) fn retain(&mut self, cx: &mut Context<'_>) {
        let policy = self.log.base().access().retention;
        if !self.keeping.retaining.is_due(policy, cx.now.mono) {
            return;
        }
        let covered = self.log.committed().saturating_sub(2 * cx.limits.snapshot_entries);
        let now = (cx.now.mono, cx.now.wall);
        let step = self.keeping.retaining.begin(&self.log, covered, now, cx.limits, cx.rules);
        self.retain_step(step, cx);
    }

    fn retain_step(&mut self, step: Step, cx: &mut Context<'_>) {
        match step {
            Step::Read(operation) => {
                let task = self.task(HostTask::Retain);
                cx.out.perform(task, operation);
            }
            Step::Trim(trim) => {
                let writes = trim.writes(&self.log);
                let task = self.task(HostTask::Trimmed(trim));
                cx.out.write(task, writes);
            }
            Step::Keep => {}
        }
    }

    pub(super) fn on_retain_page(&mut self, entries: &[StoredEntry], cx: &mut Context<'_>) {
        let step = self.keeping.retaining.take(&self.log, entries, cx.limits);
        self.retain_step(step, cx);
    }

    pub(super) fn on_trimmed(&mut self, trim: &Trim, cx: &mut Context<'_>) {
        self.log.trim_below(trim.to);
        if !cx.rules.has(Rule::RowsForEver) {
            self.log.forget_rows(&trim.devices);
        }
        let kept = self.log.head().pos - trim.to.pos;
        cx.out.event(PeerEvent::OlderRemoved { channel: self.channel(), below: trim.to.pos + 1, kept });
        self.keeping.retaining.hurry();
        self.retain(cx);
    }

    /// The place below which this log has nothing any more.
    #[must_use]
    pub fn below(&self) -> Position {
        self.log.below()
    }

    /// The tracker has nothing but a snapshot of what this host lacks.
    pub(super) fn fetch_snapshot(&mut self, snapshot: Signed<Snapshot>, cx: &mut Context<'_>) {
        let genuine = cx.tracker_key.is_some_and(|key| snapshot.is_signed_by(&key, &cx.identity.verifier()));
        let fits = snapshot.channel == self.channel() && snapshot.size <= SNAPSHOT_BYTES_MAX;
        let Some(link) = self.tenure.tracker.filter(|_| genuine && fits && snapshot.at.pos > self.log.committed())
        else {
            cx.out.event(PeerEvent::Suspicious { what: "a snapshot that cannot be the tracker's" });
            return self.on_refused_by_tracker(cx);
        };
        self.keeping.fetching = Some(Fetching { snapshot, bytes: Vec::new() });
        self.ask_for_part(link, cx);
    }

    fn ask_for_part(&mut self, link: LinkId, cx: &mut Context<'_>) {
        let Some(fetching) = &self.keeping.fetching else { return };
        let (channel, pos, offset) = (self.channel(), fetching.snapshot.at.pos, fetching.bytes.len() as u64);
        let purpose = Purpose::Host(channel, HostRequest::Snapshot);
        if cx.request(link, &ReadSnapshot { channel, pos, offset }, purpose).is_err() {
            self.on_refused_by_tracker(cx);
        }
    }

    /// A part has come, or the snapshot is not there any more: then the tracker is greeted again.
    pub(super) fn on_snapshot_part(&mut self, part: Option<SnapshotPart>, cx: &mut Context<'_>) {
        let Some(mut fetching) = self.keeping.fetching.take() else { return };
        let expected = |part: &SnapshotPart| part.offset == fetching.bytes.len() as u64 && !part.bytes.is_empty();
        let (Some(part), Some(link)) = (part.filter(expected), self.tenure.tracker) else {
            return self.on_refused_by_tracker(cx);
        };
        fetching.bytes.extend_from_slice(&part.bytes);
        if (fetching.bytes.len() as u64) < fetching.snapshot.size {
            self.keeping.fetching = Some(fetching);
            return self.ask_for_part(link, cx);
        }
        match Folded::open(&fetching.snapshot, &fetching.bytes) {
            Some(folded) => self.begin_from(&folded, cx),
            None => {
                cx.out.event(PeerEvent::Suspicious { what: "a snapshot that is not what the tracker signed" });
                self.on_refused_by_tracker(cx);
            }
        }
    }

    /// One transaction: what is cut waits to be sequenced again, and the log begins behind the snapshot.
    fn begin_from(&mut self, folded: &Folded, cx: &mut Context<'_>) {
        let id = self.log.id;
        let at = folded.receipt.at;
        let mut writes = self.cut_behind(self.committed_position(), cx);
        let mut log = ChannelLog::restored(id, folded.fold(), at, Some(folded.receipt.clone()), Vec::new());
        for record in &folded.epochs {
            writes.extend(put_epoch(&log, record));
            log.push_epoch(record.clone());
        }
        writes.push(Write::Cut { log: id, from: 0 });
        writes.extend(folded.rows.iter().map(|row| put_row(id, row)));
        writes.push(put_meta(id, Meta::Rights, &folded.rights));
        writes.push(put_meta(id, Meta::Receipt, &folded.receipt));
        writes.push(put_meta(id, Meta::Below, &at));
        log.trim_below(at);
        self.log = log;
        self.tenure.staging = None;
        self.replication = Replication::from(at.pos);
        let task = self.task(HostTask::BeganFrom(at));
        cx.out.write(task, writes);
        cx.out.event(PeerEvent::OlderRemoved { channel: self.channel(), below: at.pos + 1, kept: 0 });
    }

    /// It is on disk: the tracker may rely on it.
    pub(super) fn on_began_from(&mut self, at: Position, cx: &mut Context<'_>) {
        if self.log.head() == at {
            self.say_hello(at, cx);
        }
    }
}

/// The part in an answer.
pub(super) fn part_of(answer: Option<Message>) -> Option<SnapshotPart> {
    match answer {
        Some(Message::SnapshotPart(part)) => Some(part),
        _ => None,
    }
}
