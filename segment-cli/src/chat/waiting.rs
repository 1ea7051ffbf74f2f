//! What this user has written and nobody has taken yet, at the beginning and at the end.

use std::time::Duration;

use segment_core::peer::events::{Serving, Stage};
use segment_core::replica::Outgoing;
use segment_proto::{AccountId, ChannelName};
use tokio::time::{sleep, timeout};

use super::answers::Typed;
use super::{Chat, Done, Target, unheard};
use crate::errors::Problem;
use crate::profile::SavedLogin;
use crate::render::Delivery;

/// What was typed just now gets so long to go out before it is said that it waits.
const MOMENT: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Chat {
    /// Whoever leaves is told what is left behind.
    ///
    /// # Errors
    /// The terminal cannot be used any more.
    pub async fn say_what_waits(&self) -> Done {
        // Where nobody is there to take it, there is nothing to wait for.
        let _ = timeout(MOMENT, self.all_is_taken()).await;
        let waiting = self.waiting().await?;
        let Some(((first, _), more)) = waiting.split_first() else { return Ok(()) };
        let place = if more.iter().all(|(name, _)| name == first) { format!(" for #{first}") } else { String::new() };
        let text = match waiting.len() {
            1 => format!("1 message{place} waits on this machine; it goes out when this profile runs again."),
            count => format!("{count} messages{place} wait on this machine; they go out when this profile runs again."),
        };
        self.out.remark(&text).await.map_err(unheard)
    }

    async fn all_is_taken(&self) {
        let is_served = |machine: &mut segment_core::peer::Peer, _: segment_proto::Now| {
            machine.channels().any(|view| view.waiting > 0 && view.serving != Serving::Nowhere)
        };
        while self.peer().call(is_served).await.unwrap_or(false)
            && self.waiting().await.is_ok_and(|all| !all.is_empty())
        {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// What nobody else has.
    async fn waiting(&self) -> Result<Vec<(ChannelName, Outgoing)>, Problem> {
        let items = self.outgoing().await?.into_iter();
        Ok(items.filter(|(_, item)| item.stage == Stage::Queued).collect())
    }

    /// Without the tracker, only the name is known.
    async fn author(&self) -> Result<(String, AccountId), Problem> {
        if let Some(me) = self.peer().call(|machine, _| machine.whoami()).await? {
            return Ok((me.who.to_string(), me.who.account));
        }
        let login = SavedLogin::load(self.profile.dir()).ok().flatten();
        Ok((login.map_or_else(|| "you".to_owned(), |login| login.user.to_string()), AccountId::NOBODY))
    }

    /// The own messages that have no place yet stand below those that have one, and say so.
    pub(super) async fn show_waiting(&self, target: &Target) -> Done {
        let author = self.author().await?;
        let items = self.waiting().await?.into_iter().filter(|(name, _)| *name == target.name);
        for (_, Outgoing { key, text, sent, .. }) in items {
            let Some(text) = text else { continue };
            // As if it were typed now: it is not shown again where it gets its place.
            self.talk.known().typed.insert(key);
            let (author, delivery) = (author.clone(), Delivery::Waiting);
            let line = Typed { author, text, elsewhere: None, at_ms: sent.0, delivery };
            self.out.answer(&line).await.map_err(unheard)?;
        }
        Ok(())
    }
}
