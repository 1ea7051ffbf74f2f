//! Channels and being in them.

use std::time::Duration;

use segment_core::peer::events::Reply;
use segment_core::peer::{ChannelView, Unsent};
use segment_net::RequestError;
use segment_proto::access::{Access, Retention};
use segment_proto::messages::{ChannelFilter as Filter, ChannelRow, MemberRow, Presence};
use segment_proto::{AccountId, ChannelId, ChannelName, Reason, Rights, View, Visitors};
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::answers::{ChannelListed, Counted, Facts, MemberListed, MembersCounted, Said, rights, serving_name, table};
use super::{Chat, Done, Target, unheard};
use crate::commands::ChannelFilter;
use crate::errors::{LocalReason, Problem};
use crate::grammar::nearest;

/// How long a script waits for a channel to be level with whoever serves it.
const LEVEL: Duration = Duration::from_secs(5);
/// A channel that nobody serves is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Messages shown where a channel becomes the current one.
const FIRST_MESSAGES: u32 = 10;

impl Chat {
    /// The joined channel that is meant, or the current one.
    pub(super) async fn target(&self, channel: Option<ChannelName>) -> Result<Target, Problem> {
        let Some(name) = channel else {
            return self.talk.current().ok_or_else(|| Problem::local(LocalReason::NoCurrentChannel));
        };
        if let Some(target) = self.joined(&name).await? {
            return Ok(target);
        }
        let known: Vec<String> = self.talk.known().names.values().map(ToString::to_string).collect();
        let meant = did_you_mean(&name, &known);
        let text = format!("you have not joined #{name}{meant}: nothing was done; /join #{name} first");
        Err(Problem::local(LocalReason::NotJoined).saying(text))
    }

    /// Of a channel that there is not, the name of a near one that may be seen.
    async fn with_near(&self, problem: Problem, name: &ChannelName) -> Problem {
        if problem.reason != Reason::NoSuchChannel.as_str() {
            return problem;
        }
        let list = self.peer().request(|machine, now| machine.list_channels(Filter::All, "", now)).await;
        let Ok(Reply::Channels(page)) = list else { return problem };
        let known: Vec<String> = page.rows.iter().map(|row| row.record.name.to_string()).collect();
        let meant = did_you_mean(name, &known);
        problem.saying(no_such_channel(name, &meant))
    }

    async fn joined(&self, name: &ChannelName) -> Result<Option<Target>, Problem> {
        let wanted = name.clone();
        let find = move |machine: &mut segment_core::peer::Peer, _| {
            machine.channels().find(|view| view.record.name == wanted && view.member).map(|view| view.record.channel)
        };
        let id = self.peer().call(find).await?;
        Ok(id.map(|id| Target { id, name: name.clone() }))
    }

    pub(super) async fn view_of(&self, id: ChannelId) -> Result<ChannelView, Problem> {
        let view = self.peer().call(move |machine, _| machine.channel(id)).await?;
        view.ok_or_else(|| Problem::local(LocalReason::NotJoined))
    }

    /// Waits, for a while, until a channel has everything that its server has.
    pub(super) async fn level(&self, id: ChannelId) {
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

    /// `/channels`
    pub(super) async fn channels(&self, filter: ChannelFilter) -> Done {
        let filter = match filter {
            ChannelFilter::All => Filter::All,
            ChannelFilter::Mine => Filter::Mine,
            ChannelFilter::Joined => Filter::Joined,
        };
        let here = self.peer().device();
        let (mut after, mut count) = (String::new(), 0);
        loop {
            let from = after.clone();
            let reply = self.peer().request(move |machine, now| machine.list_channels(filter, &from, now)).await?;
            let Reply::Channels(page) = reply else { return Err(RequestError::OtherAnswer.into()) };
            let account = self.talk.known().account();
            let rows: Vec<_> = page.rows.iter().map(|row| ChannelListed::from((row, here)).seen_by(account)).collect();
            count += rows.len();
            self.out.answers(&rows).await.map_err(unheard)?;
            match page.rows.last() {
                Some(last) if page.more => after = last.record.name.to_string(),
                _ => break,
            }
        }
        self.out.answer(&Counted { what: "channels", count }).await.map_err(unheard)
    }

    /// `/create`
    pub(super) async fn create(&mut self, name: &ChannelName, view: View, visitors: Visitors) -> Done {
        let wish = name.to_string();
        let reply = self.peer().request(move |machine, now| machine.create_channel(&wish, view, visitors, now)).await?;
        let row = channel_row(reply)?;
        self.make_current(&row).await;
        let text = format!("#{name} is made and lives on this machine. Others come in with /join #{name}.");
        self.out.answer(&Said { text }).await.map_err(unheard)
    }

    /// `/join`
    pub(super) async fn join(&mut self, name: &ChannelName) -> Done {
        if let Some(target) = self.joined(name).await? {
            return self.go_to(target).await;
        }
        let wish = name.to_string();
        let reply = self.peer().request(move |machine, now| machine.join(&wish, now)).await;
        let row = match reply {
            Ok(reply) => channel_row(reply)?,
            Err(error) => return Err(self.with_near(in_channel(error, name), name).await),
        };
        self.make_current(&row).await;
        let host = if row.host_present { "its host is there" } else { "its host is away" };
        let text = format!("You are in #{name}, {host}. Text without a slash goes there.");
        self.out.answer(&Said { text }).await.map_err(unheard)?;
        self.tell_streams(&Target { id: row.record.channel, name: name.clone() }).await;
        Ok(())
    }

    /// `/leave`
    pub(super) async fn leave(&mut self, channel: Option<ChannelName>) -> Done {
        let target = self.target(channel).await?;
        self.streaming.end(Some(target.id)).await;
        self.peer().channel(target.id).leave(Unsent::Keep).await?;
        {
            let mut known = self.talk.known();
            known.forget_channel(target.id);
            if known.current.as_ref() == Some(&target) {
                known.current = None;
            }
        }
        super::attending::keep_marks(&self.talk);
        self.remember();
        self.refresh_prompt().await;
        let text = format!("You have left #{}.", target.name);
        self.out.answer(&Said { text }).await.map_err(unheard)
    }

    /// `/switch`
    pub(super) async fn switch(&mut self, name: &ChannelName) -> Done {
        let target = self.target(Some(name.clone())).await?;
        self.go_to(target).await
    }

    /// The channel of the last time becomes the current one, if it is still joined.
    pub(super) async fn go_back_to(&mut self, channel: Option<String>) -> Done {
        let Some(name) = channel.and_then(|name| ChannelName::new(&name).ok()) else { return Ok(()) };
        match self.joined(&name).await? {
            Some(target) => self.go_to(target).await,
            None => Ok(()),
        }
    }

    pub(super) async fn go_to(&mut self, target: Target) -> Done {
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
        self.tell_streams(target).await;
        Ok(())
    }

    /// All channels get a moment to fetch what was written meanwhile; a script waits as it does for one.
    pub(super) async fn level_all(&self) -> Done {
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

    async fn make_current(&mut self, row: &ChannelRow) {
        let target = Target { id: row.record.channel, name: row.record.name.clone() };
        self.set_current(target.clone());
        // The prompt that comes next keeps its width: better to know first how the channel stands.
        self.level_a_moment(row.record.channel).await;
        let head = self.view_of(target.id).await.map_or(0, |view| view.head.pos);
        self.begin_reading(&target, head);
        self.refresh_prompt().await;
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
        let heading = self.out.style().day(super::telling::now_ms(), &facts);
        self.out.drawn(heading).await.map_err(unheard)
    }

    /// `/members`
    pub(super) async fn members(&self, channel: Option<ChannelName>) -> Done {
        let id = match channel {
            Some(name) => self.find(&name).await?.record.channel,
            None => self.target(None).await?.id,
        };
        let (access, me) = (self.access(id).await?, self.talk.known().account());
        let (mut after, mut count, mut online) = (AccountId::NOBODY, 0, 0);
        loop {
            let reply = self.peer().request(move |machine, now| machine.list_members(id, after, now)).await?;
            let Reply::Members(page) = reply else { return Err(RequestError::OtherAnswer.into()) };
            let rows: Vec<_> = page.rows.iter().map(|row| MemberListed::new(row, access.as_ref(), me)).collect();
            online += page.rows.iter().filter(|row| row.presence == Presence::Online).count();
            count += rows.len();
            self.out.answers(&rows).await.map_err(unheard)?;
            match page.rows.last() {
                Some(MemberRow { who, .. }) if page.more => after = who.account,
                _ => break,
            }
        }
        let row = self.peer().call(move |machine, _| machine.channel(id).map(|view| view.record.clone())).await?;
        let visitors = access.map(|access| access.rights(AccountId::NOBODY).include(Rights::READ));
        let visitors = visitors.or(row.map(|row| row.view == View::Public && row.visitors == Visitors::Read));
        self.out.answer(&MembersCounted { what: "members", count, online, visitors }).await.map_err(unheard)
    }

    pub(super) async fn find(&self, name: &ChannelName) -> Result<ChannelRow, Problem> {
        let wish = name.to_string();
        let reply = self.peer().request(move |machine, now| machine.find_channel(&wish, now)).await;
        channel_row(reply.map_err(|error| in_channel(error, name))?)
    }

    /// `/info`
    pub(super) async fn info(&self, channel: Option<ChannelName>) -> Done {
        let target = match channel {
            Some(name) => match self.joined(&name).await? {
                Some(target) => target,
                None => return self.info_from_outside(&name).await,
            },
            None => self.target(None).await?,
        };
        if self.is_script() {
            self.level(target.id).await;
        }
        let view = self.view_of(target.id).await?;
        let access = self.access(target.id).await?;
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
            kept: access.map_or_else(|| "as its owner has set it with /retain".to_owned(), |all| kept(&all.retention)),
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
            ("messages", format!("{}, {} of them committed", facts.messages, facts.committed)),
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
}

impl Chat {
    fn hosted(&self, view: &ChannelView) -> String {
        use segment_core::peer::events::Serving;
        let host = self.talk.known().host_name(view);
        let is_own = view.record.host == self.peer().device();
        match view.serving {
            _ if view.hosted => "hosted by you".to_owned(),
            Serving::Nowhere if is_own => "hosted by you, without the tracker".to_owned(),
            _ if is_own => "hosted by you, from the tracker's copy so far".to_owned(),
            Serving::Here | Serving::Host(_) => format!("hosted by {host}, who is there"),
            Serving::Copy => format!("hosted by {host}, who is away: read from the tracker's copy"),
            Serving::Nowhere => format!("hosted by {host}; neither host nor tracker can be reached"),
        }
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

    /// Who may do what: known where the channel is hosted here.
    async fn access(&self, id: ChannelId) -> Result<Option<Access>, Problem> {
        Ok(self.peer().call(move |machine, _| machine.host_report(id).ok()).await?.map(|report| report.access))
    }
}

/// `10000 messages, 365 days`
pub(super) fn kept(retention: &Retention) -> String {
    const DAY_SECONDS: u64 = 24 * 60 * 60;
    let limits = [
        (retention.count, format!("{} messages", retention.count)),
        (retention.age_seconds, format!("{} days", retention.age_seconds.div_ceil(DAY_SECONDS))),
        (retention.bytes, format!("{} MiB", retention.bytes >> 20)),
    ];
    let set: Vec<String> = limits.into_iter().filter(|(amount, _)| *amount > 0).map(|(_, text)| text).collect();
    if set.is_empty() { "everything".to_owned() } else { format!("at most {}", set.join(", ")) }
}

fn channel_row(reply: Reply) -> Result<ChannelRow, Problem> {
    match reply {
        Reply::Channel(row) => Ok(row),
        _ => Err(RequestError::OtherAnswer.into()),
    }
}

fn did_you_mean(name: &ChannelName, known: &[String]) -> String {
    let near = nearest(name.as_str(), known.iter().map(String::as_str));
    near.map(|near| format!(" (did you mean #{near}?)")).unwrap_or_default()
}

/// Whether it is private or not there at all is not for everybody to know.
fn no_such_channel(name: &ChannelName, meant: &str) -> String {
    format!(
        "there is no channel #{name} that you may see{meant}; /channels lists those that you may, and the owner of a \
         private one lets you in with /allow"
    )
}

/// Says which channel a refusal is about.
fn in_channel(error: RequestError, name: &ChannelName) -> Problem {
    let reason = match &error {
        RequestError::Refused(failure) => failure.reason,
        _ => return error.into(),
    };
    let problem = Problem::from(error);
    match reason {
        Reason::MembersOnly => {
            problem.saying(format_args!("#{name} is for its members: not joined; its owner can let you in with /allow"))
        }
        Reason::NoVisitors => {
            problem.saying(format_args!("#{name} takes no visitors: not joined; /register NAME or /login NAME"))
        }
        Reason::NoSuchChannel => problem.saying(no_such_channel(name, "")),
        _ => problem,
    }
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
