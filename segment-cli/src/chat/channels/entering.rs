//! A channel becomes the current one, and is level with whoever serves it.

use std::time::Duration;

use segment_core::peer::ChannelView;
use segment_core::peer::events::Reply;
use segment_proto::messages::{ChannelRow, Presence};
use segment_proto::{AccountId, ChannelId, ChannelName};
use tokio::time::{sleep, timeout};

use crate::chat::telling;
use crate::chat::{Chat, Done, Target, unheard};
use crate::errors::Problem;

/// How long a script waits for a channel to be level with whoever serves it.
const LEVEL: Duration = Duration::from_secs(5);
/// A channel that nobody serves is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// For so long after a login the channel of the last time is waited for.
const LISTED: Duration = Duration::from_secs(1);
/// Messages shown where a channel becomes the current one.
const FIRST_MESSAGES: u32 = 10;

impl Chat {
    /// Waits, for a while, until a channel has everything that its server has.
    pub(in crate::chat) async fn level(&self, id: ChannelId) {
        let mut events = self.peer().events();
        let level = async {
            while !self.view_of(id).await.is_ok_and(|view| view.level) {
                tokio::select! {
                    _ = events.next() => {}
                    () = sleep(LOOK_AGAIN) => {}
                }
            }
        };
        // Where nobody serves it, what is here is what can be had.
        let _ = timeout(LEVEL, level).await;
    }

    /// The channel of the last time becomes the current one, if it is still joined.
    pub(in crate::chat) async fn go_back_to(&mut self, channel: Option<String>) -> Done {
        let Some(name) = channel.and_then(|name| ChannelName::new(&name).ok()) else { return Ok(()) };
        match self.joined(&name).await? {
            Some(target) => self.go_to(target).await,
            None => Ok(()),
        }
    }

    /// The same after a login, with which the tracker begins to say what is joined.
    pub(in crate::chat) async fn go_back_when_listed(&mut self, channel: Option<String>) -> Done {
        let Some(name) = channel.and_then(|name| ChannelName::new(&name).ok()).filter(|_| !self.is_script()) else {
            return Ok(());
        };
        let mut events = self.peer().events();
        let listed = async {
            while self.joined(&name).await?.is_none() {
                tokio::select! {
                    _ = events.next() => {}
                    () = sleep(LOOK_AGAIN) => {}
                }
            }
            Ok::<(), Problem>(())
        };
        // What is not joined any more is not listed.
        let _ = timeout(LISTED, listed).await;
        self.go_back_to(Some(name.to_string())).await
    }

    /// A channel becomes the current one, of which nothing is shown.
    pub(in crate::chat) async fn go_to_silently(&mut self, target: Target) {
        let id = target.id;
        self.set_current(target.clone());
        // The prompt that comes next keeps its width: better to know first how the channel stands.
        self.level_a_moment(id).await;
        let head = self.view_of(id).await.map_or(0, |view| view.head.pos);
        self.begin_reading(&target, head);
        self.refresh_prompt().await;
    }

    pub(in crate::chat) async fn go_to(&mut self, target: Target) -> Done {
        if self.is_script() || self.out.is_json() {
            self.set_current(target.clone());
            self.read_if_attended(&target);
            return Ok(());
        }
        // What arrives meanwhile may be among the newest messages, which are shown at once.
        self.talk.known().entering = Some(target.id);
        self.set_current(target.clone());
        let shown = self.show_channel(&target).await;
        let is_level = self.view_of(target.id).await.is_ok_and(|view| view.level);
        {
            let mut known = self.talk.known();
            known.entering = None;
            known.late = (!is_level).then_some(target.id);
        }
        self.read_if_attended(&target);
        shown
    }

    async fn show_channel(&self, target: &Target) -> Done {
        self.level_a_moment(target.id).await;
        self.refresh_prompt().await;
        self.show_heading(target).await?;
        self.show_newest(target, FIRST_MESSAGES).await?;
        self.show_waiting(target).await?;
        self.tell_streams(target).await;
        Ok(())
    }

    /// All channels get a moment to fetch what was written meanwhile; a script waits as it does for one.
    pub(in crate::chat) async fn level_all(&self) -> Done {
        const MOMENT: Duration = Duration::from_millis(500);
        let look = |machine: &mut segment_core::peer::Peer, _| {
            let logged_in = machine.tracker_state() == segment_core::peer::TrackerState::LoggedIn;
            machine.channels().filter(|view| logged_in && view.member).map(|view| view.record.channel).collect()
        };
        let ids: Vec<ChannelId> = self.peer().call(look).await?;
        let levels = async {
            for id in ids {
                self.level(id).await;
            }
        };
        let _ = timeout(if self.is_script() { LEVEL } else { MOMENT }, levels).await;
        Ok(())
    }

    /// A person need not wait for what arrives by itself.
    async fn level_a_moment(&self, id: ChannelId) {
        const MOMENT: Duration = Duration::from_millis(500);
        let _ = timeout(MOMENT, self.level(id)).await;
    }

    pub(super) async fn make_current(&mut self, row: &ChannelRow) {
        self.go_to_silently(Target { id: row.record.channel, name: row.record.name.clone() }).await;
    }

    fn set_current(&self, target: Target) {
        {
            let mut known = self.talk.known();
            known.names.insert(target.id, target.name.clone());
            known.current = Some(target);
        }
        self.remember();
    }

    async fn show_heading(&self, target: &Target) -> Done {
        let view = self.view_of(target.id).await?;
        let mut facts = vec![format!("#{}", target.name), self.hosted(&view)];
        facts.extend(self.copy_of(&view).await?);
        facts.extend(self.here(target.id).await);
        let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
        let heading = self.out.style().day(telling::now_ms(), &facts);
        self.out.drawn(heading).await.map_err(unheard)
    }

    /// How far the tracker has a channel that is hosted here.
    async fn copy_of(&self, view: &ChannelView) -> Result<Option<String>, Problem> {
        let id = view.record.channel;
        let report = self.peer().call(move |machine, _| machine.host_report(id).ok()).await?;
        let behind = report.map(|report| report.stored.saturating_sub(report.committed));
        Ok(behind.map(|behind| match behind {
            0 => "tracker copy level".to_owned(),
            behind => format!("tracker copy {behind} behind"),
        }))
    }

    /// How many members are online, where that can be said at once.
    async fn here(&self, id: ChannelId) -> Option<String> {
        const AT_ONCE: Duration = Duration::from_millis(300);
        let listed = self.peer().request(move |machine, now| machine.list_members(id, AccountId::NOBODY, now));
        let Ok(Ok(Reply::Members(page))) = timeout(AT_ONCE, listed).await else { return None };
        let online = page.rows.iter().filter(|row| row.presence == Presence::Online).count();
        Some(format!("{online}{} here", if page.more { " or more" } else { "" }))
    }
}
