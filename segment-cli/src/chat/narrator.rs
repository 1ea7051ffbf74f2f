//! Tells what happens by itself: messages, people, connections; and keeps the login that the tracker renews.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use segment_core::peer::events::{PeerEvent, Reply, Source, Stage, Transfer};
use segment_net::{Events, Happening, Peer};
use segment_proto::{ChannelId, Rights, Who};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::absence::{Absence, Tenure};
use super::answers::{Notice, rights};
use super::arrivals::{Arrivals, Move};
use super::attending::Attending;
use super::backlog::Backlog;
use super::holdings::Holdings;
use super::output::Out;
use super::prompt::{changes_prompt, refresh};
use super::sessions::Sessions;
use super::talk::{Own, Talk};
use super::telling::now_ms;
use crate::errors::Problem;
use crate::node::{Keeping, PeerNode};
use crate::profile::{Profile, SavedLogin};
use crate::url::TrackerUrl;

/// A message that is committed within this is only shown, not talked about.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// Pages of the user list that are read after a login.
const USER_PAGES_MAX: usize = 8;

/// Tells what happens.
pub(super) struct Narrator {
    pub(super) peer: Peer,
    events: Events<PeerEvent>,
    keeping: Keeping,
    pub(super) out: Out,
    pub(super) talk: Talk,
    profile: Arc<Profile>,
    tracker: TrackerUrl,
    /// The tracker was lost, and that was said.
    lost: bool,
    sessions: Sessions,
    /// Fetched messages that are not shown yet.
    pub(super) backlogs: BTreeMap<ChannelId, Backlog>,
    /// Channels that the tracker writes for their hosts.
    pub(super) absences: BTreeMap<ChannelId, Absence>,
    /// When damage was last gone after.
    pub(super) healings: BTreeMap<ChannelId, Instant>,
    pub(super) attending: Attending,
    /// Who hosts which channel.
    pub(super) holdings: Holdings,
    /// People who have come or gone a moment ago.
    arrivals: Arrivals,
}

/// Starts telling, until the peer stops.
pub(super) fn spawn(
    node: &PeerNode,
    out: &Out,
    talk: &Talk,
    profile: &Arc<Profile>,
    tracker: &TrackerUrl,
) -> JoinHandle<()> {
    let narrator = Narrator {
        peer: node.peer.clone(),
        events: node.peer.events(),
        keeping: node.keeping,
        out: out.clone(),
        talk: talk.clone(),
        profile: Arc::clone(profile),
        tracker: tracker.clone(),
        lost: false,
        sessions: Sessions::default(),
        backlogs: BTreeMap::new(),
        absences: BTreeMap::new(),
        healings: BTreeMap::new(),
        attending: Attending::default(),
        holdings: Holdings::default(),
        arrivals: Arrivals::default(),
    };
    tokio::spawn(narrator.run())
}

/// The tracker of this OS user has moved into this process.
pub(super) fn tell_takeover(out: &Out) {
    let text = "the program that ran your tracker has ended; this one runs it now".to_owned();
    out.happened(&Notice { event: "tracker_taken_over", channel: None, text, at_ms: now_ms() });
}

impl Narrator {
    async fn run(mut self) {
        let here = self.peer.device();
        if let Ok(views) = self.peer.call(|machine, _| machine.channels().collect::<Vec<_>>()).await {
            self.talk.known().note_channels(&views, here);
            self.holdings = Holdings::new(&views, here);
        }
        self.note_waiting().await;
        loop {
            let due = self.next_due();
            tokio::select! {
                happening = self.events.next() => match happening {
                    Some(Happening::Event(event)) => self.on_event(event).await,
                    Some(Happening::Missed(count)) => {
                        self.notice("missed", None, format!("{count} events were not shown; /history has the messages"));
                    }
                    None => return,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => self.tell_late().await,
            }
        }
    }

    /// What has waited since before this program.
    async fn note_waiting(&self) {
        let list = |machine: &mut segment_core::peer::Peer, _| {
            let ids: Vec<ChannelId> = machine.channels().map(|view| view.record.channel).collect();
            let of = |id: &ChannelId| machine.outgoing(*id).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
            ids.iter().flat_map(of).map(|item| item.key).collect::<Vec<_>>()
        };
        let waiting = self.peer.call(list).await.unwrap_or_default();
        if !waiting.is_empty() {
            let own = waiting.into_iter().map(|key| (key, Own { since: Instant::now(), told: true }));
            self.talk.known().own.extend(own);
            refresh(&self.peer, &self.out, &self.talk).await;
        }
    }

    /// Who is here already: only who comes after that is news.
    async fn meet_sessions(&mut self) {
        self.sessions.clear();
        let mut after = None;
        for _ in 0..USER_PAGES_MAX {
            let list = self.peer.request(move |machine, now| machine.list_users(after, now)).await;
            let Ok(Reply::Users(page)) = list else { return };
            for row in &page.rows {
                self.sessions.add(row);
                self.talk.known().meet(row);
            }
            after = page.rows.last().map(|row| row.session).filter(|_| page.more);
            if after.is_none() {
                return;
            }
        }
    }

    async fn on_event(&mut self, event: PeerEvent) {
        self.note(&event);
        if let PeerEvent::Received { channel, messages, transfer, .. } = &event {
            self.note_unread(*channel, messages, *transfer);
        }
        if let PeerEvent::Received { channel, messages, source: Source::Tracker, transfer: Transfer::Live } = &event {
            self.on_heard_from_copy(*channel, messages.first().map_or(0, |message| message.pos)).await;
        }
        self.note_absence(&event);
        self.keep(&event);
        if matches!(&event, PeerEvent::LoggedIn { who, .. } if !who.is_visitor()) {
            self.meet_sessions().await;
        }
        if changes_prompt(&event) {
            refresh(&self.peer, &self.out, &self.talk).await;
        }
        if self.talk.known().leaving {
            return;
        }
        let Some(event) = self.tell_stream(event) else { return };
        match event {
            PeerEvent::EpochChanged { channel, fence, owner, base } => self.on_epoch(channel, fence, owner, base).await,
            PeerEvent::DamageFound { channel, .. } => self.heal(channel),
            other => self.tell(other),
        }
    }

    /// What the conversation has to know of an event.
    fn note(&self, event: &PeerEvent) {
        let mut known = self.talk.known();
        match event {
            PeerEvent::MessageStage { key, stage: Stage::Queued, .. } => {
                known.own.entry(*key).or_insert(Own { since: Instant::now(), told: false });
                known.figures.sent += 1;
                known.figures.count(1);
            }
            PeerEvent::MessageStage { key, stage: Stage::Stored, .. } => {
                if let Some(took) = known.own.get(key).map(|own| own.since.elapsed()) {
                    known.figures.stored.add(took);
                }
            }
            PeerEvent::MessageSignedAgain { old, new } => {
                if let Some(own) = known.own.remove(old) {
                    known.own.insert(*new, own);
                }
            }
            PeerEvent::MessageStage { key, stage: Stage::Committed, .. } => {
                let own = known.settle(key);
                if let Some(own) = &own {
                    known.figures.committed += 1;
                    known.figures.settled.add(own.since.elapsed());
                }
                if own.is_some_and(|own| own.told) {
                    known.settled.insert(*key);
                }
            }
            PeerEvent::MessageRefused { key, .. } => {
                known.settle(key);
                known.figures.refused += 1;
            }
            PeerEvent::Received { messages, .. } => {
                let me = known.me.as_ref().map(|me| me.account);
                let others = messages.iter().filter(|message| Some(message.account) != me);
                let (count, bytes) = others.fold((0, 0), |(count, bytes), message| {
                    (count + 1, bytes + message.text().map_or(0, str::len) as u64)
                });
                known.figures.received += count;
                known.figures.received_bytes += bytes;
                known.figures.count(count);
            }
            PeerEvent::Delivered { channel, of, steps } => {
                known.delivered.insert(*channel, (*of, steps.clone()));
            }
            PeerEvent::CutBehind { channel, pos } => {
                known.shown.entry(*channel).or_default().cut(*pos);
                known.unread.entry(*channel).or_default().cut(*pos);
            }
            PeerEvent::LoggedIn { who, .. } => {
                (known.me, known.logged_out) = (Some(who.clone()), false);
                known.removed = known.marks.removed(who.account);
            }
            PeerEvent::RightsChanged { channel, rights } if rights.include(Rights::READ) => known.admit(*channel),
            PeerEvent::LoggedOut => {
                (known.me, known.logged_in, known.logged_out) = (None, false, true);
                known.troubled.clear();
            }
            PeerEvent::UserCame(row) => known.meet(row),
            PeerEvent::ChannelChanged(row) if row.joined => {
                known.names.insert(row.record.channel, row.record.name.clone());
            }
            _ => {}
        }
    }

    fn note_absence(&mut self, event: &PeerEvent) {
        match event {
            PeerEvent::Received { channel, messages, .. } => {
                if let Some(absence) = self.absences.get_mut(channel) {
                    messages.iter().for_each(|message| absence.hear(message));
                }
            }
            PeerEvent::ServedFrom { channel, serving } => self.holdings.served(*channel, *serving),
            PeerEvent::Hosting { channel, .. } => {
                self.holdings.hosts(*channel, self.peer.device());
            }
            _ => {}
        }
    }

    fn keep(&mut self, event: &PeerEvent) {
        match event {
            PeerEvent::LoggedIn { who, session, token } => {
                self.talk.known().logged_in = true;
                if self.keeping == Keeping::Profile && !who.is_visitor() {
                    let (tracker, user) = (self.tracker.address(), who.name.clone());
                    let login = SavedLogin { tracker, user, session: *session, token: *token };
                    if let Err(error) = login.save(self.profile.dir()) {
                        self.notice("login_not_kept", None, format!("the login is not kept: {error}"));
                    }
                }
            }
            // Only here: a login that was not kept yet is kept no more.
            PeerEvent::LoggedOut if self.keeping == Keeping::Profile => {
                if let Err(error) = SavedLogin::forget(self.profile.dir()) {
                    self.notice("login_still_kept", None, format!("the login is still kept: {error}"));
                }
            }
            PeerEvent::TrackerConnected { .. } if self.lost && !self.talk.known().logged_in => self.resume(),
            PeerEvent::LoginNeeded(_) if self.keeping == Keeping::Nothing => self.visit_again(),
            _ => {}
        }
    }

    /// The tracker was away when this program started.
    fn resume(&self) {
        let Ok(Some(login)) = SavedLogin::load(self.profile.dir()) else { return };
        let (peer, out) = (self.peer.clone(), self.out.clone());
        tokio::spawn(async move {
            if let Err(error) = peer.resume(login.session, login.token).await {
                let text = Problem::from(error).text;
                out.happened(&Notice { event: "login_needed", channel: None, text, at_ms: now_ms() });
            }
        });
    }

    /// A visitor has no token: the visit begins anew; the peer goes back into its channels by itself.
    fn visit_again(&self) {
        let peer = self.peer.clone();
        tokio::spawn(async move {
            if let Ok(Some(me)) = peer.call(|machine, _| machine.whoami()).await {
                // Where that fails, the next connection tries again.
                let _ = peer.guest(me.who.name.as_str()).await;
            }
        });
    }

    fn tell(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::Received { channel, messages, source, transfer } => {
                self.tell_messages(channel, messages, source, transfer);
            }
            PeerEvent::MessageStage { key, stage, pos } => self.tell_stage(key, stage, pos),
            PeerEvent::MessageRefused { key, reason, text } => self.tell_refused(key, reason, text),
            PeerEvent::ServedFrom { channel, serving } => self.tell_serving(channel, serving),
            PeerEvent::RightsChanged { channel, rights } => self.tell_rights(channel, rights),
            PeerEvent::Hosting { channel, fence, since, base } => {
                self.tell_hosting(Tenure { channel, fence, base }, since);
            }
            PeerEvent::Removed { channel, reason } => self.tell_removed(channel, reason),
            PeerEvent::OlderRemoved { channel, kept, .. } => self.tell_older_removed(channel, kept),
            PeerEvent::ChannelRestored { channel } => self.tell_restored(channel),
            PeerEvent::ChannelNotRestored { channel, failure } => self.tell_not_restored(channel, &failure),
            PeerEvent::MembershipLost { channel } => self.tell_membership_lost(channel),
            PeerEvent::MembershipRestored { channel } => self.tell_membership_restored(channel),
            other => self.tell_connection(other),
        }
    }

    fn tell_connection(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::TrackerLost { retry_in: Some(_) } if !self.lost => {
                self.lost = true;
                self.notice("tracker_lost", None, "the tracker is not answering; trying again".to_owned());
            }
            PeerEvent::TrackerConnected { .. } if self.lost => {
                self.lost = false;
                self.notice("tracker_connected", None, "the tracker is there again".to_owned());
            }
            PeerEvent::Replaced => {
                let text = "this profile was started a second time: this session is closed, and what is written here waits; /connect takes \
                            it back and closes the other. Was the profile copied to another machine? Then use one of the two only, \
                            and /login in a new profile (-P NAME) on the other: two programs with one identity drive each other out";
                self.notice("replaced", None, text.to_owned());
            }
            PeerEvent::LoginNeeded(failure) if self.keeping == Keeping::Profile => {
                self.notice("login_needed", None, Problem::from(failure).text);
            }
            PeerEvent::UserCame(row) if self.sessions.add(&row) => self.tell_move(&row.who, Move::Came),
            PeerEvent::UserGone { who, session } if self.sessions.remove(&who, &session) => {
                self.tell_move(&who, Move::Went);
            }
            _ => {}
        }
    }

    /// Who only looks in, as scripts do, is not talked about to people.
    fn tell_move(&mut self, who: &Who, made: Move) {
        if self.out.is_json() {
            return self.say_move(who, made);
        }
        self.arrivals.add(who, made);
    }

    fn say_move(&self, who: &Who, made: Move) {
        match made {
            Move::Came => self.notice("user_came", None, format!("{who} is here")),
            Move::Went => self.notice("user_gone", None, format!("{who} has gone")),
        }
    }

    fn tell_rights(&self, channel: ChannelId, granted: Rights) {
        let (name, before) = {
            let mut known = self.talk.known();
            (known.name_of(&channel), known.rights.insert(channel, granted))
        };
        // Who may not even read is told so as the channel ends.
        if before.is_some_and(|before| before != granted) && granted.include(Rights::READ) {
            let text = format!("in #{name} you may now: {}", rights(granted));
            self.notice("rights_changed", Some(&name), text);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let known = self.talk.known();
        let waiting = known.own.values().filter(|own| !own.told).map(|own| own.since + SOON);
        let troubles = known.troubled.values().filter(|trouble| !trouble.told).map(|trouble| trouble.since + SOON);
        let absences = self.absences.values().filter_map(Absence::due);
        let marks = self.attending.keep_at.filter(|_| known.marks.is_changed());
        let backlogs = self.backlogs.values().map(Backlog::due);
        waiting.chain(marks).chain(troubles).chain(absences).chain(backlogs).chain(self.arrivals.due()).min()
    }

    async fn tell_late(&mut self) {
        self.keep_marks_when_due();
        self.tell_backlogs().await;
        self.tell_troubles();
        self.arrivals.take().into_iter().for_each(|(who, made)| self.say_move(&who, made));
        self.tell_takeovers();
        self.tell_waiting().await;
    }

    pub(super) fn notice(&self, event: &'static str, channel: Option<&str>, text: String) {
        let channel = channel.map(|name| format!("#{name}"));
        self.out.happened(&Notice { event, channel, text, at_ms: now_ms() });
    }
}
