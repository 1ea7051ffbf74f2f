//! Everything that must hold, looked at after every step.

pub mod contents;
pub mod damage;
pub mod durable;
pub mod epochs;
pub mod findings;
pub mod ledger;
pub mod names;
pub mod pushes;
pub mod readers;
pub mod rest;
pub mod sources;
pub mod tenures;
pub mod truth;
pub mod views;
mod watching;

use std::collections::{BTreeMap, BTreeSet};

use segment_core::peer::events::{PeerEvent, Reply, Stage};
use segment_core::tracker::events::TrackerEvent;
use segment_core::{LogId, LogRole};
use segment_proto::frame::Role;
use segment_proto::{ChannelId, DeviceId, LinkId, Message, Reason};

use self::damage::Damage;
use self::durable::Speaker;
use self::epochs::Epochs;
pub use self::findings::{Check, Finding, Findings};
use self::ledger::Ledger;
use self::names::Names;
use self::pushes::Pushes;
use self::readers::Sessions;
use self::sources::Sources;
use self::tenures::Tenures;
use self::truth::{Truth, Written};
use self::views::Views;
use crate::fleet::Scene;
use crate::image::Log;
use crate::network::{NodeId, OVERFLOW_FACTOR};
use crate::paired::Heard;
use crate::user::Sent;

/// The node on which the tracker runs.
pub const TRACKER: NodeId = NodeId(0);
/// What is small and rare, or must be said whatever waits: `Delivered` comes once a second at most.
const PUSHES_AT_ANY_TIME: &[&str] = &["Goodbye", "Revoked", "Removed", "Fenced", "Committed", "Diverged", "Delivered"];

/// All checkers of a world.
#[derive(Debug)]
pub struct Checkers {
    /// What was found.
    pub findings: Findings,
    /// What is known for sure.
    pub truth: Truth,
    /// What is committed.
    pub ledger: Ledger,
    /// What users have seen.
    pub views: Views,
    /// From where entries have come.
    pub sources: Sources,
    /// What peers have told and their users have not heard yet.
    pub unheard: Vec<(NodeId, PeerEvent)>,
    /// The devices that each node was last told are there.
    pub seen: BTreeMap<NodeId, BTreeSet<DeviceId>>,
    /// Nodes that had nothing under way at some moment since the world was healed.
    pub idle: BTreeSet<NodeId>,
    /// Texts that were refused for good.
    pub refused_texts: BTreeSet<String>,
    /// What has flipped on disks.
    pub damage: Damage,
    /// Texts in the outbox of a process that was closed, whose author may not send them.
    pub kept_waiting: BTreeSet<String>,
    /// Processes that were told that another of their device has replaced them, and whose users leave it at that.
    pub replaced: BTreeSet<NodeId>,
    epochs: Epochs,
    tenures: Tenures,
    names: Names,
    sessions: Sessions,
    starts: BTreeMap<NodeId, u32>,
    /// Whether a disk was replaced: honest nodes may then find each other suspicious.
    restored: bool,
    /// A node that lies.
    pub liar: Option<NodeId>,
    /// Devices that write what they like: no user of the simulation sits at them.
    pub strangers: BTreeSet<DeviceId>,
    /// What everybody but one was told, from some moment on.
    pub heard: Option<Heard>,
    /// Nodes that never come back.
    pub gone: BTreeSet<NodeId>,
    pushes: Pushes,
    send_queue_bytes_max: usize,
}

impl Checkers {
    /// Checkers of a world in which nothing has happened.
    #[must_use]
    pub fn new(send_queue_bytes_max: usize) -> Self {
        Self {
            findings: Findings::default(),
            truth: Truth::default(),
            ledger: Ledger::default(),
            views: Views::default(),
            sources: Sources::default(),
            unheard: Vec::new(),
            seen: BTreeMap::new(),
            idle: BTreeSet::new(),
            refused_texts: BTreeSet::new(),
            damage: Damage::default(),
            kept_waiting: BTreeSet::new(),
            replaced: BTreeSet::new(),
            epochs: Epochs::default(),
            tenures: Tenures::default(),
            names: Names::default(),
            sessions: Sessions::default(),
            starts: BTreeMap::new(),
            restored: false,
            liar: None,
            strangers: BTreeSet::new(),
            heard: None,
            gone: BTreeSet::new(),
            pushes: Pushes::default(),
            send_queue_bytes_max,
        }
    }

    /// A process is about to start.
    pub fn on_start(&mut self, node: NodeId) {
        *self.starts.entry(node).or_default() += 1;
        self.truth.on_start(node);
        self.views.on_start(node);
        self.pushes.on_start(node);
        self.sources.on_start(node);
        self.tenures.on_start(node);
        self.unheard.retain(|(whose, _)| *whose != node);
        self.replaced.remove(&node);
        if node == TRACKER {
            self.sessions.clear();
        }
    }

    /// A node never comes back.
    pub fn on_gone(&mut self, node: NodeId) {
        self.gone.insert(node);
    }

    pub(crate) fn is_liar(&self, node: NodeId) -> bool {
        self.liar == Some(node)
    }

    /// A device has two processes from now on, which do not know of each other what they sign.
    pub fn on_twin(&mut self, device: &DeviceId) {
        self.names.on_twin(device);
        self.truth.on_twin(device);
    }

    /// Another image lies on a node's disk: it may have forgotten what it was told, and what it has promised.
    pub fn on_disk_replaced(&mut self, node: NodeId, device: &DeviceId) {
        self.restored = true;
        self.names.on_disk_replaced(device);
        if node == TRACKER {
            self.ledger.on_disk_replaced();
            // What it had committed may be void until somebody shows it: what must stand in the end is looked at then.
            return self.findings.mute(&[
                Check::CommittedStands,
                Check::OneSequencer,
                Check::NothingLost,
                Check::OnceEach,
                Check::AuthorOrder,
                Check::CauseFirst,
                Check::RefusedForGood,
            ]);
        }
        let committed = |text: &str, channel: &_| {
            self.ledger.channel(channel).is_some_and(|ledger| ledger.find_text(text).is_some())
        };
        let forgotten = self.truth.on_disk_replaced(node, committed);
        self.views.forget(&forgotten);
        self.ledger.forget_refused(&forgotten);
    }

    /// A user has written something.
    pub fn on_sent(&mut self, node: NodeId, sent: Sent) {
        let Sent { text, channel, number, key } = sent;
        // A host brings what it has shown itself, behind what its own user writes: docs/testing.md.
        let last_shown =
            self.views.last_shown(node, channel).filter(|_| !self.tenures.has_hosted(node) && self.liar.is_none());
        let cause = last_shown.and_then(|key| self.truth.text_of(&key)).cloned();
        let (promised, stored, refused) = (false, false, false);
        let (first_key, access_changes) = (key, self.ledger.access_changes(&channel));
        let written =
            Written { node, channel, number, key, first_key, cause, access_changes, promised, stored, refused };
        self.truth.on_written(text, written);
    }

    fn check_link(&mut self, scene: Scene<'_>, node: NodeId, link: LinkId, role: Role, message: &Message) {
        let Some(end) = scene.network.end(node, link) else { return };
        let (blocked, queued, name) = (end.told_full, end.queued(), message.name());
        let pushed = role == Role::Push && blocked && !PUSHES_AT_ANY_TIME.contains(&name);
        self.findings.expect(Check::Limits, !pushed, || format!("{name} is pushed to {link}, which has no room"));
        let most = OVERFLOW_FACTOR * self.send_queue_bytes_max;
        self.findings.expect(Check::Limits, queued <= most, || format!("{queued} bytes wait for {link}"));
        let speaker = Speaker {
            durable: scene.durable(node),
            role: readers::role_of(node == TRACKER),
            device: scene.network.device(node),
        };
        readers::check_reader(speaker, &end.peer, message, &self.ledger, &self.truth, &mut self.findings);
        if node == TRACKER {
            self.sessions.check(&end.peer, message, &self.truth, &mut self.findings);
        }
    }

    fn on_tracker_event(&mut self, scene: Scene<'_>, event: TrackerEvent) {
        match event {
            TrackerEvent::LoggedIn { who, session } => self.sessions.on_logged_in(session, who.account),
            TrackerEvent::SessionEnded { session, .. } => self.sessions.on_ended(&session),
            // Before it is said to anybody it may be gone again, by the owner's policy.
            TrackerEvent::Replicated { channel, last, .. } | TrackerEvent::Sequenced { channel, last, .. } => {
                let durable = scene.durable(TRACKER);
                self.ledger.extend(channel, last, durable, &self.truth, &self.strangers, &mut self.findings);
            }
            TrackerEvent::Trimmed { channel, to } => self.check_trimmed(scene, channel, to),
            _ => {}
        }
    }

    /// What the tracker has let go of, a host has, or had.
    fn check_trimmed(&mut self, scene: Scene<'_>, channel: ChannelId, to: u64) {
        let log = LogId { channel, role: LogRole::Host };
        let last_of = |node| scene.durable(node).log(log).and_then(Log::last).map_or(0, |last| last.entry.pos);
        let covered = scene.nodes().map(last_of).max().unwrap_or(0);
        // A disk that is gone had what nobody else has to have now.
        self.findings.expect(Check::TwoCopies, covered >= to || self.restored, || {
            format!("the tracker lets go of places up to {to}, and no host has more than {covered}")
        });
    }

    fn on_peer_event(&mut self, node: NodeId, event: &PeerEvent) {
        let (ledger, findings) = (&mut self.ledger, &mut self.findings);
        match event {
            PeerEvent::Received { channel, messages, source, .. } => {
                self.views.on_shown(node, *channel, messages, ledger, findings);
                self.damage.on_shown(messages, &self.truth, findings);
                if let (Some(first), Some(last)) = (messages.first(), messages.last()) {
                    let range = (first.pos, last.pos);
                    self.sources.check_source(node, *channel, *source, range, findings);
                }
            }
            PeerEvent::Transferred { channel, with, transfer, first, last } => {
                self.sources.on_reported(node, *channel, *with, *transfer, (*first, *last), findings);
            }
            PeerEvent::CommittedUpTo { channel, pos } => {
                self.views.on_committed(node, *channel, *pos, ledger, findings);
            }
            PeerEvent::CutBehind { channel, pos } => self.views.on_cut(node, *channel, *pos, findings),
            PeerEvent::MessageStage { key, stage, pos } => {
                self.truth.on_promised(node, key, *stage >= Stage::Stored);
                // Who has forgotten which names they have used may use one for another text.
                let text = self.truth.own_text(node, key).filter(|_| !self.restored);
                self.views.on_stage((node, *key), *stage, *pos, text, ledger, findings);
            }
            PeerEvent::MessageSignedAgain { old, new } => self.truth.on_signed_again(node, old, *new),
            PeerEvent::Replaced => drop(self.replaced.insert(node)),
            // Nobody can say what became of it: where it would stand, all is gone.
            PeerEvent::MessageRefused { reason: Reason::Gone, text, .. } => {
                text.iter().for_each(|text| self.truth.on_forgotten(text));
            }
            PeerEvent::MessageRefused { key, reason, text } => {
                let written = text.as_ref().and_then(|text| self.truth.written(text));
                if let Some(written) = written.filter(|_| *reason == Reason::MayNotSend && !self.restored) {
                    ledger.check_refusal(key, written, &self.truth, findings);
                }
                if let Some(text) = text {
                    self.truth.on_refused(text);
                }
                ledger.on_refused(*key, text.as_deref(), findings);
                self.views.on_refused(node, *key);
                self.refused_texts.extend(text.clone());
            }
            PeerEvent::Replied { reply: Ok(Reply::History { channel, messages, .. }), .. } => {
                Views::on_history(*channel, messages, ledger, findings);
                self.damage.on_shown(messages, &self.truth, findings);
            }
            PeerEvent::Replied { reply: Ok(Reply::Users(page)), .. } => {
                self.seen.insert(node, page.rows.iter().map(|row| row.device).collect());
            }
            PeerEvent::Suspicious { .. } if self.restored || self.liar.is_some() => {}
            PeerEvent::Suspicious { what } => findings.add(Check::NothingSuspicious, (*what).into()),
            _ => {}
        }
    }
}
