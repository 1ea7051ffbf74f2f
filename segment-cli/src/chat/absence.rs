//! Tells when the tracker writes for a host that is away, and what was made of it when the host is back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use segment_core::peer::events::{ChannelMessage, Reply};
use segment_net::Peer;
use segment_proto::{ChannelId, EpochOwner, Fence, MessageKey};
use tokio::time::{sleep, timeout};

use super::answers::EpochTold;
use super::narrator::{Narrator, SOON};
use super::telling::now_ms;

/// Messages of an absence that are compared with the log of the host that is back; the newest. More are only counted.
const COMPARED_MAX: u64 = 4_096;
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
    /// The last place before it.
    base: u64,
    since: Instant,
    told: bool,
    /// What was heard of it, by its place.
    heard: BTreeMap<u64, MessageKey>,
}

impl Absence {
    fn new(epoch: Option<u32>, base: u64) -> Self {
        Self { epoch, base, since: Instant::now(), told: false, heard: BTreeMap::new() }
    }

    /// A message has come.
    pub fn hear(&mut self, message: &ChannelMessage) {
        if message.pos > self.base {
            self.heard.insert(message.pos, message.key);
        }
        if self.heard.len() as u64 > COMPARED_MAX {
            self.heard.pop_first();
        }
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

/// What a channel hosted here has taken over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Adopted {
    pub(super) messages: u64,
    /// The place of the last of them.
    pub(super) last: u64,
}

/// What stands in the log of the host that is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Compared {
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
                let absence = self.absences.entry(channel).or_insert_with(|| Absence::new(None, base));
                absence.epoch = Some(fence.epoch);
                let known_away = self.talk.known().troubled.get(&channel).is_some_and(|trouble| trouble.told);
                if known_away || self.out.is_json() {
                    self.tell_takeover(channel);
                }
            }
            EpochOwner::Host(_) => {
                if let Some(absence) = self.absences.remove(&channel) {
                    self.tell_handback(channel, absence, fence, base);
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
            self.absences.insert(channel, Absence::new(None, first - 1));
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

    fn tell_handback(&self, channel: ChannelId, absence: Absence, fence: Fence, base: u64) {
        if !self.out.is_json() && absence.told {
            // This says it, so that nothing else need say that the host is there.
            self.talk.known().troubled.remove(&channel);
        }
        let taken = base.saturating_sub(absence.base);
        if taken == 0 && !absence.told && !self.out.is_json() {
            return;
        }
        let (host, place) = self.names(channel);
        let epoch = fence.epoch;
        let mut told = self.told("handback", channel, Some(epoch), String::new());
        let (peer, out) = (self.peer.clone(), self.out.clone());
        tokio::spawn(async move {
            let compared = timeout(BACK_MAX, compare(&peer, channel, &absence, base)).await.ok().flatten();
            told.taken = Some(taken);
            (told.lost, told.doubled) = (compared.map(|all| all.lost), compared.map(|all| all.doubled));
            told.text = format!("{place}host {host} is back{} (epoch {epoch})", taken_over(taken, compared));
            out.happened(&told);
        });
    }

    /// This device has its channel back.
    pub(super) fn tell_hosting(&mut self, channel: ChannelId, fence: Fence) {
        let adopted = self.adopted.remove(&channel).unwrap_or_default();
        let taken = adopted.messages;
        let has_come = self.holdings.has_come(channel);
        if taken == 0 && !has_come && !self.out.is_json() {
            return;
        }
        let name = self.talk.known().name_of(&channel);
        let again = if has_come { "is hosted by this machine from now on" } else { "is hosted by this machine again" };
        let mut told = self.told("hosting", channel, Some(fence.epoch), String::new());
        let (peer, out, talk) = (self.peer.clone(), self.out.clone(), self.talk.clone());
        tokio::spawn(async move {
            let counted = timeout(BACK_MAX, count(&peer, channel, adopted)).await.ok().flatten();
            told.taken = Some(taken);
            (told.lost, told.doubled) = (counted.map(|all| all.lost), counted.map(|all| all.doubled));
            told.text = format!("#{name} {again}{} (epoch {})", taken_over(taken, counted), fence.epoch);
            let since = Instant::now();
            // Who starts the program reads first where they are.
            while !out.is_json() && !talk.known().welcomed && since.elapsed() < BACK_MAX {
                sleep(LOOK_AGAIN).await;
            }
            out.happened(&told);
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

fn taken_over(taken: u64, compared: Option<Compared>) -> String {
    let none = |count: usize| if count == 0 { "none".to_owned() } else { count.to_string() };
    let messages = if taken == 1 { "message" } else { "messages" };
    match compared {
        _ if taken == 0 => String::new(),
        None => format!(": {taken} {messages} taken over"),
        Some(Compared { lost, doubled }) => {
            format!(": {taken} {messages} taken over, {} lost, {} doubled", none(lost), none(doubled))
        }
    }
}

/// Reads the places that a host that is back has taken over: each has a message, and no message stands twice. Nothing is
/// claimed where not all of them are to be had here.
async fn count(peer: &Peer, channel: ChannelId, adopted: Adopted) -> Option<Compared> {
    wait_for(peer, channel, adopted.last).await?;
    let wanted = adopted.messages.min(COMPARED_MAX);
    let first = (adopted.last + 1).saturating_sub(wanted).max(1);
    let keys = keys_of(peer, channel, first, adopted.last).await?;
    let are_all = u64::try_from(keys.len()).is_ok_and(|read| read == wanted);
    are_all.then(|| compared(&keys, []))
}

/// Until this place is committed here.
async fn wait_for(peer: &Peer, channel: ChannelId, place: u64) -> Option<()> {
    while peer.channel(channel).view().await.ok()??.committed < place {
        sleep(LOOK_AGAIN).await;
    }
    Some(())
}

/// Reads what the log now has in the places of an absence, and looks for what was heard of it.
async fn compare(peer: &Peer, channel: ChannelId, absence: &Absence, base: u64) -> Option<Compared> {
    wait_for(peer, channel, base).await?;
    let first = absence.base.max(base.saturating_sub(COMPARED_MAX)) + 1;
    if first > base {
        return Some(Compared { lost: 0, doubled: 0 });
    }
    let keys = keys_of(peer, channel, first, base).await?;
    Some(compared(&keys, absence.heard.range(first..=base).map(|(_, key)| key)))
}

/// What was heard of and stands nowhere, and what stands more than once.
fn compared<'a>(keys: &[MessageKey], heard: impl IntoIterator<Item = &'a MessageKey>) -> Compared {
    let distinct: BTreeSet<&MessageKey> = keys.iter().collect();
    let lost = heard.into_iter().filter(|key| !distinct.contains(key)).count();
    Compared { lost, doubled: keys.len() - distinct.len() }
}

/// The names of the messages in these places.
async fn keys_of(peer: &Peer, channel: ChannelId, first: u64, last: u64) -> Option<Vec<MessageKey>> {
    let (mut before, mut keys) = (last + 1, Vec::new());
    while before > first {
        let from = before;
        let reply = peer.request(move |machine, now| machine.history(channel, Some(from), PAGE, now)).await;
        let Ok(Reply::History { messages, .. }) = reply else { return None };
        before = messages.first()?.pos;
        keys.extend(messages.iter().filter(|message| message.pos >= first).map(|message| message.key));
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_over_is_said_with_its_figures() {
        let said = |taken, lost, doubled| taken_over(taken, Some(Compared { lost, doubled }));
        assert_eq!(said(6, 0, 0), ": 6 messages taken over, none lost, none doubled");
        assert_eq!(said(1, 1, 2), ": 1 message taken over, 1 lost, 2 doubled");
        assert_eq!(taken_over(3, None), ": 3 messages taken over");
        assert_eq!(taken_over(0, None), "");
    }
}
