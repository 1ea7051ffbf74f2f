//! Channels and being in them.

mod entering;
mod info;
mod listing;

use segment_core::peer::events::Reply;
use segment_core::peer::{ChannelView, Unsent};
use segment_net::RequestError;
use segment_proto::messages::{ChannelFilter as Filter, ChannelRow};
use segment_proto::{ChannelId, ChannelName, Reason, View, Visitors};

use super::answers::Said;
use super::{Chat, Done, Target, telling, unheard};
use crate::errors::{LocalReason, Problem};
use crate::grammar::nearest;
pub(super) use info::kept;

impl Chat {
    /// The joined channel that is meant, or the current one.
    pub(super) async fn target(&self, channel: Option<ChannelName>) -> Result<Target, Problem> {
        let Some(name) = channel else {
            return self.talk.current().ok_or_else(|| Problem::local(LocalReason::NoCurrentChannel));
        };
        if let Some(target) = self.joined(&name).await? {
            return Ok(target);
        }
        if self.kept(&name).await?.is_some_and(|target| self.talk.known().removed.contains(&target.id)) {
            let text = format!("{}: nothing was done", telling::removed_from(&name));
            return Err(Problem::local(LocalReason::NotJoined).saying(text));
        }
        let known: Vec<String> = self.talk.known().names.values().map(ToString::to_string).collect();
        let meant = did_you_mean(&name, &known);
        let text = format!("you have not joined #{name}{meant}: nothing was done; /join #{name} first");
        Err(Problem::local(LocalReason::NotJoined).saying(text))
    }

    /// The same, of which what is here is about to be read: a script, which does not look twice, waits for the rest.
    pub(super) async fn level_target(&self, channel: Option<ChannelName>) -> Result<Target, Problem> {
        let target = self.target(channel).await?;
        if self.is_script() {
            self.level(target.id).await;
        }
        Ok(target)
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
        let id = self.peer().call(find).await?.filter(|id| !self.talk.known().removed.contains(id));
        Ok(id.map(|id| Target { id, name: name.clone() }))
    }

    /// One of which something is here, whoever may read it.
    async fn kept(&self, name: &ChannelName) -> Result<Option<Target>, Problem> {
        let wanted = name.clone();
        let find = move |machine: &mut segment_core::peer::Peer, _| {
            machine.channels().find(|view| view.record.name == wanted).map(|view| view.record.channel)
        };
        Ok(self.peer().call(find).await?.map(|id| Target { id, name: name.clone() }))
    }

    pub(super) async fn view_of(&self, id: ChannelId) -> Result<ChannelView, Problem> {
        let view = self.peer().call(move |machine, _| machine.channel(id)).await?;
        view.ok_or_else(|| Problem::local(LocalReason::NotJoined))
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
        let row = self.come_into(name).await?;
        self.make_current(&row).await;
        let host = if row.host_present { "its host is there" } else { "its host is away" };
        let text = format!("You are in #{name}, {host}. Text without a slash goes there.");
        self.out.answer(&Said { text }).await.map_err(unheard)?;
        self.tell_streams(&Target { id: row.record.channel, name: name.clone() }).await;
        Ok(())
    }

    /// Asks the tracker to be let in.
    pub(super) async fn come_into(&self, name: &ChannelName) -> Result<ChannelRow, Problem> {
        let wish = name.to_string();
        match self.peer().request(move |machine, now| machine.join(&wish, now)).await {
            Ok(reply) => channel_row(reply),
            Err(error) => Err(self.with_near(in_channel(error, name), name).await),
        }
    }

    /// `/leave`
    pub(super) async fn leave(&mut self, channel: Option<ChannelName>) -> Done {
        let kept = match &channel {
            Some(name) => self.kept(name).await?,
            None => None,
        };
        let target = match kept {
            Some(target) => target,
            None => self.target(channel).await?,
        };
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

    pub(super) async fn find(&self, name: &ChannelName) -> Result<ChannelRow, Problem> {
        let wish = name.to_string();
        let reply = self.peer().request(move |machine, now| machine.find_channel(&wish, now)).await;
        channel_row(reply.map_err(|error| in_channel(error, name))?)
    }
}

fn channel_row(reply: Reply) -> Result<ChannelRow, Problem> {
    match reply {
        Reply::Channel(row) => Ok(row),
        _ => Err(RequestError::OtherAnswer.into()),
    }
}

fn did_you_mean(name: &ChannelName, known: &[String]) -> String {
    let others = known.iter().map(String::as_str).filter(|known| *known != name.as_str());
    let near = nearest(name.as_str(), others);
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
