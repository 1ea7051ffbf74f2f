//! The tracker does not list this account among a channel's members any more. Either somebody has ended the membership, or
//! the tracker has lost it: its disk was put back from a copy that is older. The second shows by the channel's generation,
//! which is newer then. Such a member joins again by itself, by the way that anybody joins, so that nobody comes in
//! who may not; but not before the channel's host is there and has brought what only it had: a kick may be among that.

use alloc::string::ToString;

use segment_proto::messages::{ChannelFound, FindChannel, JoinChannel, Presence};
use segment_proto::{ChannelId, Fence, Message, Now, Request};

use crate::peer::Peer;
use crate::peer::answers::pick;
use crate::peer::channels::Membership;
use crate::peer::context::Unanswered;
use crate::peer::events::PeerEvent;
use crate::peer::requests::PeerRequest;

/// What the tracker's answer means for who is not listed.
enum Finding {
    /// They are a member after all.
    Listed,
    /// The membership was lost, and the host is there since this was asked last.
    Lost(Option<Fence>),
    /// The membership was ended.
    Over,
    /// The tracker does not know the channel, or does not show it: perhaps not yet.
    Unknown,
}

impl Peer {
    /// A refresh has ended without this channel.
    pub(super) fn miss(&mut self, id: ChannelId, now: Now) {
        let writes = self.channels.miss(&id);
        self.core.write(writes.into_iter().collect());
        self.find_missing(id, now);
    }

    /// Asks whether the channel is there, and in which generation.
    pub(super) fn find_missing(&mut self, id: ChannelId, now: Now) {
        let known = self.channels.get(&id).filter(|channel| channel.missed_since().is_some() && !channel.leaving);
        let Some(channel) = known else { return };
        let name = channel.replica.record().name.as_str().to_string();
        self.ask_missing(id, &FindChannel { name }, PeerRequest::FindMissing(id), now);
    }

    fn join_missing(&mut self, id: ChannelId, now: Now) {
        let Some(channel) = self.channels.get(&id) else { return };
        let name = channel.replica.record().name.as_str().to_string();
        self.ask_missing(id, &JoinChannel { name }, PeerRequest::Rejoin(id), now);
    }

    /// Without a tracker nothing is asked: the next login begins anew.
    fn ask_missing<R: Request>(&mut self, id: ChannelId, request: &R, purpose: PeerRequest, now: Now) {
        let Some(link) = self.core.session.link() else { return };
        if self.core.request(link, request, purpose, now).is_err() {
            self.miss_on(id, now);
        }
    }

    /// Asks again later.
    pub(super) fn miss_on(&mut self, id: ChannelId, now: Now) {
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.missing.ask_later(now.mono);
        }
    }

    pub(super) fn on_missing_found(&mut self, id: ChannelId, answered: Result<Message, Unanswered>, now: Now) {
        let Some(since) = self.channels.get(&id).and_then(|channel| channel.missed_since()) else { return };
        let found = pick(answered, |m| if let Message::ChannelFound(m) = m { Some(m) } else { None }).ok();
        let found = found.filter(|found| found.row.record.channel == id);
        match found.as_ref().map_or(Finding::Unknown, |found| self.finding(found, since)) {
            Finding::Listed => {
                let writes = found.and_then(|found| self.take_row(&found.row, now).ok());
                self.core.write(writes.unwrap_or_default());
            }
            Finding::Over => self.end_membership(id),
            Finding::Lost(host_in) => self.on_membership_lost(id, host_in, now),
            Finding::Unknown => self.on_missing_unknown(id, now),
        }
    }

    fn finding(&self, ChannelFound { row, epoch }: &ChannelFound, since: u32) -> Finding {
        let (key, verifier) = (self.core.session.tracker_key, self.core.identity.verifier());
        let epoch = epoch.as_ref().filter(|epoch| key.is_some_and(|key| epoch.is_signed_by(&key, &verifier)));
        match epoch.map(|epoch| epoch.fence) {
            _ if row.joined => Finding::Listed,
            Some(fence) if fence.generation > since => Finding::Lost(row.host_present.then_some(fence)),
            Some(_) => Finding::Over,
            None => Finding::Unknown,
        }
    }

    fn on_membership_lost(&mut self, id: ChannelId, host_in: Option<Fence>, now: Now) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        channel.membership = Membership::Missed;
        if !core::mem::replace(&mut channel.missing.told, true) {
            self.core.out.event(PeerEvent::MembershipLost { channel: id });
        }
        // In the list of members everybody would see that who hides is here.
        let is_seen = self.core.session.presence != Presence::Invisible;
        match channel.missing.is_settled(host_in) && is_seen {
            true => self.join_missing(id, now),
            false => channel.missing.ask_later(now.mono),
        }
    }

    /// Until more is known, this account is no member.
    fn on_missing_unknown(&mut self, id: ChannelId, now: Now) {
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.membership = Membership::Ended;
            channel.missing.ask_later(now.mono);
        }
    }
}
