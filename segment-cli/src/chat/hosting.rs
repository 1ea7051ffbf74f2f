//! Where a channel lives.

use segment_core::peer::ChannelView;
use segment_core::peer::context::LOCAL;
use segment_core::peer::events::Serving;
use segment_proto::{ChannelName, DeviceId, EpochOwner};
use serde::Serialize;

use super::answers::{Facts, serving_name, table};
use super::{Chat, Done, unheard};

#[derive(Serialize)]
struct HostFacts {
    channel: String,
    host: String,
    owner: String,
    device: DeviceId,
    hosted_here: bool,
    #[serde(skip)]
    is_this_device: bool,
    served_from: &'static str,
    epoch: Option<u32>,
    generation: Option<u32>,
    sequenced_by: Option<&'static str>,
    stored: u64,
    committed: u64,
    behind: u64,
    unplaced: usize,
    member_links: Option<usize>,
    /// What the owner can do where the host does not come back.
    #[serde(skip)]
    way_out: Option<String>,
}

impl Chat {
    /// `/host`
    pub(super) async fn host(&self, channel: Option<ChannelName>) -> Done {
        let target = self.level_target(channel).await?;
        let view = self.view_of(target.id).await?;
        let id = target.id;
        let report = self.peer().call(move |machine, _| machine.host_report(id).ok()).await?;
        let newest = view.epoch.as_ref();
        let fence = report.as_ref().and_then(|report| report.owns).or(newest.map(|record| record.fence));
        let known = newest.map(|record| match record.owner {
            EpochOwner::Tracker => "tracker",
            EpochOwner::Host(_) => "host",
        });
        // The newest message may be of an epoch of which only its messages were seen.
        let seen = fence.is_none_or(|fence| fence.epoch < view.head.epoch).then_some(view.head.epoch);
        let owns = report.as_ref().is_some_and(|report| report.owns.is_some());
        let owner = if owns { Some("host") } else { known.filter(|_| seen.is_none()) };
        let stored = report.as_ref().map_or(view.head.pos, |report| report.stored);
        let committed = report.as_ref().map_or(view.committed, |report| report.committed);
        let way_out = self.way_out(&view);
        let facts = HostFacts {
            channel: format!("#{}", target.name),
            host: self.talk.known().host_name(&view),
            owner: view.record.owner.to_string(),
            device: view.record.host,
            hosted_here: view.hosted,
            is_this_device: view.record.host == self.peer().device(),
            served_from: serving_name(view.serving),
            epoch: seen.filter(|epoch| *epoch > 0).or(fence.map(|fence| fence.epoch)),
            generation: fence.map(|fence| fence.generation),
            sequenced_by: owner,
            stored,
            committed,
            behind: stored.saturating_sub(committed),
            unplaced: report.as_ref().map_or(view.waiting, |report| report.resubmit + view.waiting),
            member_links: report.as_ref().map(|report| report.members.iter().filter(|link| **link != LOCAL).count()),
            way_out,
        };
        let text = facts.text();
        self.out.answer(&Facts { facts, text }).await.map_err(unheard)
    }

    /// The owner's other machine is where the channel lives, and is away: it may be lost.
    fn way_out(&self, view: &ChannelView) -> Option<String> {
        let is_own = self.talk.known().account() == Some(view.record.owner.account);
        let is_lost = !view.host_present && view.record.host != self.peer().device();
        let (name, owner) = (&view.record.name, &view.record.owner.name);
        (is_own && is_lost).then(|| format!("/host #{name} move @{owner} brings it to this machine"))
    }
}

#[derive(Serialize)]
struct SyncFacts {
    channel: String,
    served_from: &'static str,
    level: bool,
    messages: u64,
    fetched: u64,
    committed: u64,
    waiting: usize,
}

impl Chat {
    /// `/sync`
    pub(super) async fn sync(&self, channel: Option<ChannelName>) -> Done {
        let target = self.target(channel).await?;
        let id = target.id;
        let before = self.view_of(id).await?.head.pos;
        self.peer().call(move |machine, now| machine.retry(id, now)).await??;
        self.level(id).await;
        let view = self.view_of(id).await?;
        let facts = SyncFacts {
            channel: format!("#{}", target.name),
            served_from: serving_name(view.serving),
            level: view.level,
            messages: view.head.pos,
            fetched: view.head.pos.saturating_sub(before),
            committed: view.committed,
            waiting: view.waiting,
        };
        let from = match view.serving {
            Serving::Here => "hosted here",
            Serving::Host(_) => "from its host",
            Serving::Copy => "from the tracker's copy",
            Serving::Nowhere if view.missed => "the tracker has lost that you are in it",
            Serving::Nowhere => "neither host nor tracker can be reached",
        };
        let far = if facts.level { "level" } else { "not level yet" };
        let text = format!(
            "{}: {from}, {far} at !{} ({} fetched now, committed up to !{}); {} of yours on their way",
            facts.channel, facts.messages, facts.fetched, facts.committed, facts.waiting
        );
        self.out.answer(&Facts { facts, text }).await.map_err(unheard)
    }
}

/// Places are counted, not texts: changes of rights have some as well.
pub(super) fn up_to(stored: u64, committed: u64) -> String {
    match stored {
        0 => "nothing yet".to_owned(),
        _ if stored == committed => format!("up to !{stored}, all of it committed"),
        _ => format!("up to !{stored}, committed up to !{committed}"),
    }
}

impl HostFacts {
    fn text(&self) -> String {
        let place = if self.is_this_device { "this device" } else { "another device" };
        let by = self.sequenced_by.map(|by| format!(", sequenced by the {by}")).unwrap_or_default();
        let epoch = self.epoch.map_or_else(|| "unknown here".to_owned(), |epoch| format!("{epoch}{by}"));
        // How far the tracker's copy is, is for the host to know: others know what they have.
        let copy = match (self.member_links, self.behind) {
            (None, _) => ("here", up_to(self.stored, self.committed)),
            (Some(_), 0) => ("copy", format!("level at !{}", self.committed)),
            (Some(_), behind) => ("copy", format!("{behind} behind, at !{} of !{}", self.committed, self.stored)),
        };
        let mut lines = vec![
            ("channel", self.channel.clone()),
            ("host", format!("{} on {place} ({})", self.host, segment_proto::ids::short(&self.device))),
            ("read from", self.served_from.to_owned()),
            ("epoch", epoch),
            copy,
            ("unplaced", self.unplaced.to_string()),
        ];
        if let Some(links) = self.member_links {
            lines.push(("readers", format!("{links} connected to this machine, besides this program")));
        }
        lines.extend(self.way_out.clone().map(|way| ("if lost", way)));
        table(&lines)
    }
}
