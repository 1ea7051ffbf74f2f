//! Whether channels are hosted here: as their records say, for as long as this device is seen.
//!
//! A host that ends does so in one transaction with what says so: its log stays where it is, the reader in
//! this process writes to it from then on, and what was cut waits in the host's queue to be brought to its
//! successor. One that begins takes over from the tracker first; until it is granted its epoch, this
//! device reads the tracker's copy like anybody else. So it does while a host that came and went too often
//! has to wait for its epoch.

use alloc::vec::Vec;

use segment_proto::messages::Presence;
use segment_proto::{ChannelId, DeviceId, Now};

use crate::host::Host;
use crate::peer::Peer;
use crate::peer::channels::Channel;
use crate::peer::context::Context;
use crate::peer::links::LinkRole;
use crate::store::Write;

/// What has to be done about hosting a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is hosted here, and is not to be.
    Retire,
    /// It is to be hosted here, and is not.
    Begin,
    /// It is hosted here, and its host has to wait: it is read and written at the tracker's copy meanwhile.
    StandAside,
    /// Its host has everything, and the epoch: its log is the reader's from here on.
    Settle,
}

impl Channel {
    fn hosting_step(&self, device: DeviceId, is_seen: bool) -> Option<Step> {
        let is_named = self.replica.record().host == device && is_seen;
        match &self.host {
            Some(_) if !is_named => Some(Step::Retire),
            None if is_named => Some(Step::Begin),
            Some(host) if self.replica.is_kept_by_host() && host.is_guest() => Some(Step::StandAside),
            Some(host) if !self.replica.is_kept_by_host() && host.is_ready(self.replica.committed()) => {
                Some(Step::Settle)
            }
            _ => None,
        }
    }

    fn retire(&mut self, cx: &mut Context<'_>) -> Vec<Write> {
        let Some(mut host) = self.host.take() else { return Vec::new() };
        let writes = host.retire(cx);
        self.former = Some(host);
        self.replica.keep_alone(cx);
        writes
    }

    fn stand_aside(&mut self, cx: &mut Context<'_>) -> Vec<Write> {
        let writes = self.host.as_mut().map(|host| host.stand_aside(cx));
        self.replica.keep_alone(cx);
        writes.unwrap_or_default()
    }

    fn settle(&mut self, cx: &mut Context<'_>) -> Vec<Write> {
        let cut = self.host.as_mut().and_then(Host::settle);
        cut.into_iter().chain(self.replica.keep_with_host(cx)).collect()
    }
}

impl Peer {
    /// Begins and ends hosting. Whoever is invisible hosts nothing, and is at no address.
    pub(super) fn settle_hosting(&mut self, now: Now) {
        let is_seen = self.core.session.presence != Presence::Invisible;
        let device = self.core.identity.device();
        let step_of = |(id, channel): (&ChannelId, &Channel)| Some((*id, channel.hosting_step(device, is_seen)?));
        let steps: Vec<(ChannelId, Step)> = self.channels.iter().filter_map(step_of).collect();
        for (id, step) in steps {
            self.take_step(id, step, now);
        }
        if !is_seen {
            self.leave_members(now);
        }
    }

    fn take_step(&mut self, id: ChannelId, step: Step, now: Now) {
        if step == Step::Begin {
            return self.begin_hosting(id, now);
        }
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let mut writes = match step {
            Step::Retire => channel.retire(&mut self.core.cx(now)),
            Step::StandAside => channel.stand_aside(&mut self.core.cx(now)),
            Step::Settle | Step::Begin => channel.settle(&mut self.core.cx(now)),
        };
        writes.extend(self.channels.put_kept(&id));
        self.core.write(writes);
    }

    /// For the account that is logged in, which is the one that the channel came to, or came back to.
    fn begin_hosting(&mut self, id: ChannelId, now: Now) {
        let account = self.core.session.account().filter(|_| !self.closing);
        let (Some(account), Some(channel)) = (account, self.channels.get_mut(&id)) else { return };
        if channel.hosts_for.is_some_and(|known| known != account) {
            return;
        }
        channel.hosts_for = Some(account);
        let record = channel.replica.record().clone();
        let mut host = channel.former.take().unwrap_or_else(|| Host::create(record.clone()));
        host.set_record(record);
        host.come_back(self.core.session.link(), &mut self.core.cx(now));
        channel.host = Some(host);
        let writes = self.channels.put_kept(&id);
        self.core.write(writes.into_iter().collect());
    }

    fn leave_members(&mut self, now: Now) {
        let members: Vec<_> = self.links.iter().filter(|(_, link)| link.role == LinkRole::Member).collect();
        let members: Vec<_> = members.into_iter().map(|(id, _)| id).collect();
        for link in members {
            self.say_goodbye(link, now);
        }
    }
}
