//! What is known of one channel.

use segment_core::peer::ChannelView;
use segment_proto::access::{Access, Retention};
use segment_proto::{ChannelId, ChannelName};
use serde::Serialize;

use crate::chat::answers::{ChannelListed, Facts, rights, serving_name, table};
use crate::chat::hosting::up_to;
use crate::chat::{Chat, Done, unheard};
use crate::errors::Problem;

impl Chat {
    /// `/info`
    pub(in crate::chat) async fn info(&self, channel: Option<ChannelName>) -> Done {
        if let Some(name) = &channel
            && self.joined(name).await?.is_none()
        {
            return self.info_from_outside(name).await;
        }
        let target = self.level_target(channel).await?;
        let view = self.view_of(target.id).await?;
        let kept = self.kept_of(target.id).await?;
        let facts = ChannelFacts {
            name: format!("#{}", target.name),
            owner: view.record.owner.to_string(),
            hosted_here: view.hosted,
            host_present: view.hosted || view.host_present,
            served_from: serving_name(view.serving),
            rights: view.rights.to_string(),
            messages: view.head.pos,
            committed: view.committed,
            waiting: view.waiting,
            delivered: self.delivered(target.id),
            kept,
        };
        let delivered: Vec<String> = facts
            .delivered
            .iter()
            .map(|step| format!("up to !{} at {} of {}", step.pos, step.accounts, step.of))
            .collect();
        let delivered = if delivered.is_empty() { "nothing is known yet".to_owned() } else { delivered.join(", ") };
        let text = table(&[
            ("channel", facts.name.clone()),
            ("owner", facts.owner.clone()),
            ("host", self.hosted(&view)),
            ("you may", rights(view.rights)),
            ("kept", facts.kept.clone()),
            ("here", up_to(facts.messages, facts.committed)),
            ("delivered", delivered),
            ("outbox", facts.waiting.to_string()),
        ]);
        self.out.answer(&Facts { facts, text }).await.map_err(unheard)
    }

    fn delivered(&self, id: ChannelId) -> Vec<DeliveredFact> {
        let known = self.talk.known();
        let Some((of, steps)) = known.delivered.get(&id) else { return Vec::new() };
        steps.iter().map(|step| DeliveredFact { pos: step.pos, accounts: step.accounts, of: *of }).collect()
    }

    async fn info_from_outside(&self, name: &ChannelName) -> Done {
        let row = self.find(name).await?;
        let row = ChannelListed::from((&row, self.peer().device()));
        self.out.answer(&row).await.map_err(unheard)
    }

    pub(super) fn hosted(&self, view: &ChannelView) -> String {
        use segment_core::peer::events::Serving;
        let host = self.talk.known().host_name(view);
        let is_own = view.record.host == self.peer().device();
        match view.serving {
            _ if view.hosted => "hosted by you".to_owned(),
            Serving::Nowhere if is_own => "hosted by you, without the tracker".to_owned(),
            _ if is_own => "hosted by you, from the tracker's copy so far".to_owned(),
            Serving::Here | Serving::Host(_) => format!("hosted by {host}, who is there"),
            Serving::Copy => format!("hosted by {host}, who is away: read from the tracker's copy"),
            Serving::Nowhere if view.missed => {
                format!("hosted by {host}; the tracker has lost that you are in it: that comes back with its host")
            }
            Serving::Nowhere => format!("hosted by {host}; neither host nor tracker can be reached"),
        }
    }

    /// Who may do what: known where the channel is hosted here.
    pub(in crate::chat) async fn access(&self, id: ChannelId) -> Result<Option<Access>, Problem> {
        Ok(self.peer().call(move |machine, _| machine.host_report(id).ok()).await?.map(|report| report.access))
    }
}

/// `10000 messages, 365 days`
pub(in crate::chat) fn kept(retention: &Retention) -> String {
    const DAY_SECONDS: u64 = 24 * 60 * 60;
    let limits = [
        (retention.count, format!("{} messages", retention.count)),
        (retention.age_seconds, format!("{} days", retention.age_seconds.div_ceil(DAY_SECONDS))),
        (retention.bytes, format!("{} MiB", retention.bytes >> 20)),
    ];
    let set: Vec<String> = limits.into_iter().filter(|(amount, _)| *amount > 0).map(|(_, text)| text).collect();
    if set.is_empty() { "everything".to_owned() } else { format!("at most {}", set.join(", ")) }
}

#[derive(Serialize)]
struct ChannelFacts {
    name: String,
    owner: String,
    hosted_here: bool,
    host_present: bool,
    served_from: &'static str,
    rights: String,
    messages: u64,
    committed: u64,
    waiting: usize,
    delivered: Vec<DeliveredFact>,
    kept: String,
}

/// So many accounts have everything up to a place on disk, of how many.
#[derive(Serialize)]
struct DeliveredFact {
    pos: u64,
    accounts: u32,
    of: u32,
}
