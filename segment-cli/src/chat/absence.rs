//! Tells when the tracker writes for a host that is away, and what was made of it when the host is back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use segment_core::peer::events::{ChannelMessage, Content, Reply};
use segment_net::Peer;
use segment_proto::{ChannelId, EpochOwner, Fence, MessageKey};
use tokio::time::{sleep, timeout};

use super::answers::EpochTold;
use super::narrator::{Narrator, SOON};
use super::telling::now_ms;

/// Messages heard of in an absence that are looked for in the log of the host that is back; the newest.
const HEARD_MAX: usize = 4_096;
/// Places of an absence that are counted. Policy: it is said that there were more.
const COUNTED_MAX: usize = 65_536;
/// Messages of one request.
const PAGE: usize = 256;
/// For so long the log of a host that is back is waited for.
const BACK_MAX: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The tracker writes for a host that is away.
#[derive(Clone, Debug)]
pub struct Absence {
    /// `None` where only its messages were seen.
    epoch: Option<u32>,
    since: Instant,
    told: bool,
    /// What was heard, by its place, and in which epoch it was sequenced.
    heard: BTreeMap<u64, (u32, MessageKey)>,
}

impl Absence {
    fn new() -> Self {
        Self { epoch: None, since: Instant::now(), told: false, heard: BTreeMap::new() }
    }

    /// A message has come.
    pub fn hear(&mut self, message: &ChannelMessage) {
        self.heard.insert(message.pos, (message.epoch, message.key));
        if self.heard.len() > HEARD_MAX {
            self.heard.pop_first();
        }
    }

    fn heard_in(&self, epoch: u32) -> impl Iterator<Item = &MessageKey> {
        self.heard.values().filter(move |(of, _)| *of == epoch).map(|(_, key)| key)
    }

    /// Whether it was told.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// When it is told.
    pub fn due(&self) -> Option<Instant> {
        (!self.told).then_some(self.since + SOON)
    }
}

/// What the tracker has sequenced while the host was away, and what of it stands in the log of the host that is back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TakenOver {
    /// Texts: changes of rights are shown where they are made.
    messages: u64,
    /// Whether there were more places than are counted.
    more: bool,
    lost: usize,
    doubled: usize,
}

impl Narrator {
    pub(super) async fn on_epoch(&mut self, channel: ChannelId, fence: Fence, owner: EpochOwner, base: u64) {
        let view = self.peer.call(move |machine, _| machine.channel(channel)).await.ok().flatten();
        if view.is_none_or(|view| view.hosted || view.record.host == self.peer.device()) {
            // The host is told of its own epochs.
            return;
        }
        match owner {
            EpochOwner::Tracker => {
                let absence = self.absences.entry(channel).or_insert_with(Absence::new);
                absence.epoch = Some(fence.epoch);
                let known_away = self.talk.known().troubled.get(&channel).is_some_and(|trouble| trouble.told);
                if known_away || self.out.is_json() {
                    self.tell_takeover(channel);
                }
            }
            EpochOwner::Host(device) => {
                let before = self.holdings.hosts(channel, device);
                if let Some(absence) = self.absences.remove(&channel) {
                    let by = if before.is_none_or(|before| before == device) { Host::Before } else { Host::Another };
                    self.tell_handback(absence, Tenure { channel, fence, base }, by);
                }
            }
        }
    }

    /// Messages came from the tracker as they were written. Where the host is away it has sequenced them, also if this
    /// reader, who wrote nothing, was shown no record of that.
    pub(super) async fn on_heard_from_copy(&mut self, channel: ChannelId, first: u64) {
        if first == 0 || self.absences.contains_key(&channel) {
            return;
        }
        let view = self.peer.call(move |machine, _| machine.channel(channel)).await.ok().flatten();
        let here = self.peer.device();
        if view.is_some_and(|view| !view.host_present && !view.hosted && view.record.host != here) {
            self.absences.insert(channel, Absence::new());
        }
    }

    /// What lasts only a moment is not talked about.
    pub(super) fn tell_takeovers(&mut self) {
        let is_due = |absence: &Absence| absence.due().is_some_and(|due| due <= Instant::now());
        let due: Vec<ChannelId> =
            self.absences.iter().filter(|(_, absence)| is_due(absence)).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|channel| self.tell_takeover(channel));
    }

    fn tell_takeover(&mut self, channel: ChannelId) {
        let Some(absence) = self.absences.get_mut(&channel).filter(|absence| !absence.told) else { return };
        absence.told = true;
        let epoch = absence.epoch;
        let (host, place) = self.names(channel);
        let number = epoch.map(|epoch| format!(" (epoch {epoch})")).unwrap_or_default();
        let was_told = {
            let mut known = self.talk.known();
            let trouble = known.troubled.get_mut(&channel);
            trouble.is_some_and(|trouble| std::mem::replace(&mut trouble.told, true))
        };
        if was_told && !self.out.is_json() {
            // That the host is away, and where writing goes, is said once.
            return;
        }
        let text = format!("{place}host {host} is not answering; writing goes to the tracker copy{number}");
        self.out.happened(&self.told("takeover", channel, epoch, text));
    }

    /// A host that was away is back, or another has the channel.
    fn tell_handback(&self, absence: Absence, tenure: Tenure, by: Host) {
        let is_json = self.out.is_json();
        if !is_json && absence.told {
            // This says it, so that nothing else need say that the host is there.
            self.talk.known().troubled.remove(&tenure.channel);
        }
        let (host, place) = self.names(tenure.channel);
        let name = self.talk.known().name_of(&tenure.channel);
        let back = match by {
            Host::Before => format!("{place}host {host} is back"),
            Host::Another => format!("#{name} is hosted by {host} from now on"),
        };
        let told = self.told("handback", tenure.channel, Some(tenure.fence.epoch), back);
        let (peer, out) = (self.peer.clone(), self.out.clone());
        tokio::spawn(async move {
            let taken = tenure.taken_over(&peer, &absence).await;
            let is_nothing = taken.is_none_or(|taken| taken.messages == 0);
            if !is_nothing || absence.told || is_json {
                out.happened(&told.with(taken));
            }
        });
    }

    /// This device has its channel back; behind `since` it was sequenced by the tracker.
    pub(super) fn tell_hosting(&mut self, tenure: Tenure, since: u64) {
        let Tenure { channel, fence, base } = tenure;
        let has_come = self.holdings.has_come(channel);
        let name = self.talk.known().name_of(&channel);
        let again = if has_come { "is hosted by this machine from now on" } else { "is hosted by this machine again" };
        let told = self.told("hosting", channel, Some(fence.epoch), format!("#{name} {again}"));
        let (peer, out, talk) = (self.peer.clone(), self.out.clone(), self.talk.clone());
        tokio::spawn(async move {
            // Where nothing was written, nothing is read.
            let taken = match since < base {
                true => tenure.taken_over(&peer, &Absence::new()).await,
                false => Some(TakenOver::default()),
            };
            if taken.is_some_and(|taken| taken.messages == 0) && !has_come && !out.is_json() {
                return;
            }
            let since = Instant::now();
            // Who starts the program reads first where they are.
            while !out.is_json() && !talk.known().welcomed && since.elapsed() < BACK_MAX {
                sleep(LOOK_AGAIN).await;
            }
            out.happened(&told.with(taken));
        });
    }

    fn told(&self, event: &'static str, channel: ChannelId, epoch: Option<u32>, text: String) -> EpochTold {
        let channel = format!("#{}", self.talk.known().name_of(&channel));
        EpochTold { event, channel, epoch, taken: None, lost: None, doubled: None, text, at_ms: now_ms() }
    }

    /// The name of whoever hosts it, and the channel's where it is not the current one.
    fn names(&self, channel: ChannelId) -> (String, String) {
        let known = self.talk.known();
        let is_current = known.current.as_ref().is_some_and(|target| target.id == channel);
        let place = if is_current { String::new() } else { format!("#{}: ", known.name_of(&channel)) };
        (known.host_of(&channel), place)
    }
}

impl EpochTold {
    /// The same, with the figures.
    fn with(mut self, taken: Option<TakenOver>) -> Self {
        let epoch = self.epoch.unwrap_or_default();
        self.text += &format!("{} (epoch {epoch})", taken.map(|taken| taken.text()).unwrap_or_default());
        self.taken = taken.map(|taken| taken.messages);
        (self.lost, self.doubled) = (taken.map(|taken| taken.lost), taken.map(|taken| taken.doubled));
        self
    }
}

impl TakenOver {
    /// `keys` stand in the log.
    fn new<'a>(messages: u64, keys: &[MessageKey], heard: impl Iterator<Item = &'a MessageKey>) -> Self {
        let distinct: BTreeSet<&MessageKey> = keys.iter().collect();
        let more = keys.len() >= COUNTED_MAX;
        let lost = if more { 0 } else { heard.filter(|key| !distinct.contains(key)).count() };
        Self { messages, more, lost, doubled: keys.len() - distinct.len() }
    }

    fn text(self) -> String {
        let none = |count: usize| if count == 0 { "none".to_owned() } else { count.to_string() };
        let Self { messages, more, lost, doubled } = self;
        let unit = if messages == 1 { "message" } else { "messages" };
        match messages {
            0 => String::new(),
            _ if more => format!(": more than {messages} {unit} taken over"),
            _ => format!(": {messages} {unit} taken over, {} lost, {} doubled", none(lost), none(doubled)),
        }
    }
}

/// Who has the channel after an absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Before,
    Another,
}

/// An epoch of a host, and the last place before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenure {
    pub(super) channel: ChannelId,
    pub(super) fence: Fence,
    pub(super) base: u64,
}

impl Tenure {
    /// Reads what was taken over with it. Nothing is claimed where it is not to be had here.
    async fn taken_over(&self, peer: &Peer, absence: &Absence) -> Option<TakenOver> {
        timeout(BACK_MAX, self.count(peer, absence)).await.ok().flatten()
    }

    /// Each epoch of a host follows one of the tracker, so that what the tracker has sequenced is of the epoch before.
    async fn count(&self, peer: &Peer, absence: &Absence) -> Option<TakenOver> {
        wait_for(peer, self.channel, self.base).await?;
        let of_tracker = self.fence.epoch.saturating_sub(1);
        let (mut before, mut keys, mut texts) = (self.base + 1, Vec::new(), 0);
        while before > 1 && keys.len() < COUNTED_MAX {
            let page = page_of(peer, self.channel, before).await?;
            before = page.first()?.pos;
            let is_last = page.first()?.epoch < of_tracker;
            let taken: Vec<&ChannelMessage> = page.iter().filter(|message| message.epoch == of_tracker).collect();
            texts += taken.iter().filter(|message| matches!(message.content, Content::Text(_))).count() as u64;
            keys.extend(taken.iter().map(|message| message.key));
            if is_last {
                break;
            }
        }
        Some(TakenOver::new(texts, &keys, absence.heard_in(of_tracker)))
    }
}

/// The messages before a place, oldest first.
async fn page_of(peer: &Peer, channel: ChannelId, before: u64) -> Option<Vec<ChannelMessage>> {
    match peer.request(move |machine, now| machine.history(channel, Some(before), PAGE, now)).await {
        Ok(Reply::History { messages, .. }) => Some(messages),
        _ => None,
    }
}

/// Until this place is committed here.
async fn wait_for(peer: &Peer, channel: ChannelId, place: u64) -> Option<()> {
    while peer.channel(channel).view().await.ok()??.committed < place {
        sleep(LOOK_AGAIN).await;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_over_is_said_with_its_figures() {
        let said = |messages, lost, doubled| TakenOver { messages, more: false, lost, doubled }.text();
        assert_eq!(said(6, 0, 0), ": 6 messages taken over, none lost, none doubled");
        assert_eq!(said(1, 1, 2), ": 1 message taken over, 1 lost, 2 doubled");
        assert_eq!(said(0, 0, 0), "");
        let many = TakenOver { messages: 65_536, more: true, lost: 0, doubled: 0 };
        assert_eq!(many.text(), ": more than 65536 messages taken over");
    }
}
