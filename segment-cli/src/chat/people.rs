//! Who may do what. Each change is a message of the channel: done when it is committed.

use std::time::Duration;

use segment_core::peer::events::{Reply, Stage};
use segment_net::RequestError;
use segment_proto::messages::UserFound;
use segment_proto::{AccessChange, AccountId, ChannelName, DeviceId, Reason, Rights, UserName, View, Visitors};

use super::answers::{Notice, Said, message_id, rights};
use super::messages::committed_within;
use super::{Chat, Done, Target, unheard};
use crate::errors::{LocalReason, Problem};

/// A person is not kept waiting longer than this.
const MOMENT: Duration = Duration::from_secs(2);

impl Chat {
    /// `/allow`
    pub(super) async fn allow(&self, user: &UserName, channel: Option<ChannelName>, granted: Rights) -> Done {
        let target = self.target(channel).await?;
        let UserFound { account, name } = self.other(user).await?;
        let text = format!("{name} may now {} in #{}.", rights(granted), target.name);
        self.change(&target, AccessChange::allow(account, name.to_string(), granted), text).await
    }

    /// `/deny`
    pub(super) async fn deny(&self, user: &UserName, channel: Option<ChannelName>) -> Done {
        let target = self.target(channel).await?;
        let UserFound { account, name } = self.other(user).await?;
        let text = format!(
            "{name} may do nothing in #{channel} any more, not even read. /allow @{name} --to #{channel} lets them in again.",
            channel = target.name
        );
        self.change(&target, AccessChange::deny(account, name.to_string()), text).await
    }

    /// `/kick`
    pub(super) async fn kick(&self, user: &UserName, channel: Option<ChannelName>) -> Done {
        let target = self.target(channel).await?;
        let UserFound { account, name } = self.other(user).await?;
        let text = format!("{name} is removed from #{} and may not come back.", target.name);
        self.change(&target, AccessChange::kick(account, name.to_string()), text).await
    }

    /// `/view`
    pub(super) async fn set_view(
        &self,
        channel: Option<ChannelName>,
        view: Option<View>,
        visitors: Option<Visitors>,
    ) -> Done {
        let target = self.target(channel).await?;
        if let Some(view) = view {
            let text = match view {
                View::Members => format!("#{} is now for those whom you allow.", target.name),
                _ => format!("#{} is now for everybody.", target.name),
            };
            self.change(&target, AccessChange::set_view(view), text).await?;
        }
        let Some(visitors) = visitors else { return Ok(()) };
        let text = match visitors {
            Visitors::Read => format!("Visitors may read #{} and watch its streams, where it is public.", target.name),
            _ => format!("#{} takes no visitors any more.", target.name),
        };
        self.change(&target, AccessChange::set_visitors(visitors), text).await
    }

    /// `/host move`
    pub(super) async fn move_host(&self, channel: Option<ChannelName>, user: &UserName) -> Done {
        let target = self.target(channel).await?;
        let UserFound { account, name } = self.user(user).await?;
        let record = self.view_of(target.id).await?.record;
        let me = self.peer().call(|machine, _| machine.whoami()).await?;
        if me.is_some_and(|me| me.who.account != record.owner.account) {
            return Err(Problem::wire(Reason::OwnerOnly));
        }
        let Some(device) = self.device_of(account, record.host).await? else {
            let text =
                format!("{name} is not online, or on no other device than the one that hosts: nothing was moved");
            return Err(Problem::wire(Reason::NotNow).saying(text));
        };
        let machine = if device == self.peer().device() { "this machine" } else { &format!("the machine of {name}") };
        let short = segment_proto::ids::short(&device);
        let text = format!("#{} lives on {machine} (device {short}) from now on.", target.name);
        self.change(&target, AccessChange::designate(account, name.to_string(), device), text).await
    }

    /// A device on which somebody is online, other than the present host; this one, where it is one of them.
    async fn device_of(&self, account: AccountId, host: DeviceId) -> Result<Option<DeviceId>, Problem> {
        let here = self.peer().device();
        let (mut after, mut other) = (None, None);
        loop {
            let Reply::Users(page) = self.peer().request(move |machine, now| machine.list_users(after, now)).await?
            else {
                return Err(RequestError::OtherAnswer.into());
            };
            let devices = page.rows.iter().filter(|row| row.who.account == account).map(|row| row.device);
            let others: Vec<DeviceId> = devices.filter(|device| *device != host).collect();
            if others.contains(&here) {
                return Ok(Some(here));
            }
            other = other.or(others.first().copied());
            after = page.rows.last().map(|row| row.session).filter(|_| page.more);
            if after.is_none() {
                return Ok(other);
            }
        }
    }

    /// Somebody else than this user: only the owner changes rights, and the owner's own cannot change.
    async fn other(&self, name: &UserName) -> Result<UserFound, Problem> {
        let found = self.user(name).await?;
        let me = self.peer().call(|machine, _| machine.whoami()).await?;
        if me.is_some_and(|me| me.who.account == found.account) {
            return Err(Problem::local(LocalReason::OwnRights));
        }
        Ok(found)
    }

    async fn user(&self, name: &UserName) -> Result<UserFound, Problem> {
        let wish = name.to_string();
        match self.peer().request(move |machine, now| machine.find_user(&wish, now)).await? {
            Reply::User(found) => Ok(found),
            _ => Err(RequestError::OtherAnswer.into()),
        }
    }

    pub(super) async fn change(&self, target: &Target, change: AccessChange, text: String) -> Done {
        let receipt = self.change_quietly(target, change).await?;
        let moment = if self.is_script() { self.patience } else { MOMENT };
        let stage = committed_within(&receipt, moment).await.map_err(|problem| self.not_sent(problem, target))?;
        if stage == Some(Stage::Committed) {
            return self.out.answer(&Said { text }).await.map_err(unheard);
        }
        let so_far = match stage {
            Some(Stage::Stored) => "told the host, not yet the tracker",
            _ => "not told the host yet: it waits on this machine",
        };
        if self.is_script() {
            let problem = Problem::local(LocalReason::Waiting).saying(so_far);
            return Err(problem.about(message_id(&receipt.key())));
        }
        self.tell_later(receipt, text, target);
        self.out.answer(&Said { text: format!("{so_far}; it is said here when it is done.") }).await.map_err(unheard)
    }

    /// The change comes back as a message of the channel, which is not shown: it is said here.
    pub(super) async fn change_quietly(
        &self,
        target: &Target,
        change: AccessChange,
    ) -> Result<segment_net::Receipt, Problem> {
        let (id, talk) = (target.id, self.talk.clone());
        let written = self.peer().write(move |machine, now| {
            let key = machine.change_access(id, &change, now)?;
            talk.known().typed.insert(key);
            Ok(key)
        });
        written.await.map_err(|error| self.not_sent(error.into(), target))
    }

    fn tell_later(&self, receipt: segment_net::Receipt, text: String, target: &Target) {
        let (out, channel) = (self.out.clone(), format!("#{}", target.name));
        tokio::spawn(async move {
            if receipt.until(Stage::Committed).await.is_ok() {
                let at_ms = super::telling::now_ms();
                out.happened(&Notice { event: "access_committed", channel: Some(channel), text, at_ms });
            }
        });
    }
}
