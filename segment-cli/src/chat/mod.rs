//! A person or a script at work with a peer.
//!
//! [`Chat`] carries commands out, one after another; the narrator tells what happens by itself.
//! Both know what `talk::Talk` knows, and both write through `output::Out`.

mod absence;
mod answers;
mod arrivals;
mod attending;
mod backlog;
mod channels;
mod connecting;
mod fates;
mod faults;
mod figures;
mod hangup;
mod healing;
mod holdings;
mod hosting;
mod inspecting;
mod keeping;
mod messages;
mod narrator;
mod news;
mod notifying;
pub mod output;
mod own;
mod patience;
mod people;
mod pipes;
mod prompt;
mod reading;
mod repl;
mod script;
mod searching;
mod session;
mod sessions;
mod shown;
mod start;
mod streaming;
mod talk;
mod telling;
mod unread;
mod visiting;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use segment_core::peer::TrackerState;
use segment_net::Peer;
use tokio::task::JoinHandle;

use crate::commands::{Command, Wait};
use crate::config::Layers;
use crate::connection_log::{ConnectionLog, LogGuard};
use crate::errors::{LocalReason, Problem};
use crate::grammar::Origin;
use crate::node::{Embedded, NodeError, PeerNode, PeerPlan};
use crate::password::PasswordSource;
use crate::profile::{Profile, Remembered};
use crate::terminal::Turn;
use crate::url::TrackerUrl;

pub use answers::message_id;
use output::Out;
pub use script::{check, run_input};
use searching::Searching;
pub use start::{layers, start};
use streaming::Streaming;
use talk::{Talk, Target};

/// A command is carried out, or not.
type Done = Result<(), Problem>;

/// A person or a script at work with a peer.
#[derive(Debug)]
pub struct Chat {
    profile: Arc<Profile>,
    log: ConnectionLog,
    _log_guard: LogGuard,
    plan: PeerPlan,
    node: PeerNode,
    narrator: JoinHandle<()>,
    embedded: Option<Embedded>,
    tracker: TrackerUrl,
    passwords: PasswordSource,
    layers: Layers,
    /// Why a script runs without a tracker.
    absent: Option<Problem>,
    wait: Option<Wait>,
    patience: Duration,
    origin: Origin,
    out: Out,
    talk: Talk,
    searching: Searching,
    streaming: Streaming,
    /// Commands come from elsewhere.
    stdin_is_free: bool,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There may be.
    Continue,
    /// The person wants to leave.
    Quit,
}

impl Chat {
    fn peer(&self) -> &Peer {
        &self.node.peer
    }

    fn is_script(&self) -> bool {
        self.origin != Origin::Prompt
    }

    /// Carries a command out. `turn` is where a password can be asked for.
    ///
    /// # Errors
    /// [`Problem`]: what went wrong, and what to do next.
    pub async fn run(&mut self, command: Command, turn: Option<&Turn>) -> Result<Flow, Problem> {
        let paged = if command.is_long() { self.out.paged() } else { self.out.clone() };
        let out = std::mem::replace(&mut self.out, paged.clone());
        let done = self.run_command(command, turn).await;
        self.out = out;
        paged.show_page().await.map_err(unheard)?;
        match done {
            Err(problem) => Err(self.because_of_absence(problem).await),
            flow => flow,
        }
    }

    /// What a script could not do without the tracker, it could not do because of why there is none.
    async fn because_of_absence(&self, problem: Problem) -> Problem {
        let reasons = [LocalReason::NotConnected.as_str(), segment_proto::Reason::LoginRequired.as_str()];
        let Some(absent) = self.absent.as_ref().filter(|_| reasons.contains(&problem.reason)) else { return problem };
        match self.peer().call(|machine, _| machine.tracker_state()).await {
            Ok(TrackerState::Connected | TrackerState::LoggedIn) => problem,
            _ => absent.clone(),
        }
    }

    async fn run_command(&mut self, command: Command, turn: Option<&Turn>) -> Result<Flow, Problem> {
        match command {
            Command::Quit => return Ok(Flow::Quit),
            Command::Connect { url } => self.connect_again(url).await?,
            Command::Disconnect => self.disconnect().await?,
            Command::Register { name } => self.register(&name, turn).await?,
            Command::Login { name } => self.login(&name, turn).await?,
            Command::Guest { name } => self.guest(name).await?,
            Command::Logout => self.logout().await?,
            Command::Whoami => self.whoami().await?,
            Command::Status { presence } => self.status(presence).await?,
            Command::Channels { filter } => self.channels(filter).await?,
            Command::Create { channel, view, visitors } => self.create(&channel, view, visitors).await?,
            Command::Join { channel } => self.join(&channel).await?,
            Command::Leave { channel } => self.leave(channel).await?,
            Command::Switch { channel } => self.switch(&channel).await?,
            Command::Members { channel } => self.members(channel).await?,
            Command::Info { channel } => self.info(channel).await?,
            Command::Send { channel, wait, text } => self.send(channel, wait, &text).await?,
            Command::Outbox { action } => self.outbox(action).await?,
            Command::History { channel, last, from } => self.history(channel, last, from).await?,
            Command::Unread { action } => self.unread(action).await?,
            Command::Search { channel, last, query } => self.search(channel, last, &query).await?,
            other => self.run_rest(other).await?,
        }
        Ok(Flow::Continue)
    }

    async fn run_rest(&mut self, command: Command) -> Done {
        match command {
            Command::Allow { user, channel, rights } => self.allow(&user, channel, rights).await,
            Command::Deny { user, channel } => self.deny(&user, channel).await,
            Command::Kick { user, channel } => self.kick(&user, channel).await,
            Command::View { channel, view, visitors } => self.set_view(channel, view, visitors).await,
            Command::Host { channel } => self.host(channel).await,
            Command::MoveHost { channel, user } => self.move_host(channel, &user).await,
            Command::Sync { channel } => self.sync(channel).await,
            Command::Verify { channel } => self.verify(channel).await,
            Command::Retain { channel, keep: Some(keep) } => self.retain(channel, keep).await,
            Command::Retain { channel, keep: None } => self.show_kept(channel).await,
            Command::Notify { request } => self.notify(request).await,
            Command::Stream { channel, request } => self.stream(channel, request).await,
            Command::Stats => self.stats().await,
            Command::Debug { channel } => self.debug(channel).await,
            Command::Peers => self.peers().await,
            Command::Ping => self.ping().await,
            Command::Log { last } => self.show_log(last).await,
            Command::Clear => self.clear().await,
            Command::Help { topic } => self.help(topic).await,
            other => self.own(other).await,
        }
    }

    /// Remembers where this profile is.
    fn remember(&self) {
        // Where a script was is not where the person was.
        let channel = match self.origin {
            Origin::Prompt => self.talk.current().map(|target| target.name.to_string()),
            _ => Remembered::load(self.profile.dir()).channel,
        };
        let remembered = Remembered { tracker: Some(self.tracker.address()), channel };
        if let Err(error) = remembered.save(self.profile.dir()) {
            tracing::warn!(%error, "the current channel is not remembered");
        }
    }

    /// Ends in order: everybody is told goodbye, everything is on disk.
    ///
    /// # Errors
    /// [`NodeError`]: not everything went well.
    pub async fn stop(mut self) -> Result<(), NodeError> {
        self.talk.known().leaving = true;
        self.streaming.end(None).await;
        let stopped = self.node.stop(&self.log).await;
        // The narrator keeps the newest token; it ends with the peer's events.
        let _ = self.narrator.await;
        attending::keep_marks(&self.talk);
        if let Some(embedded) = self.embedded {
            embedded.stop().await?;
        }
        stopped
    }
}

/// The output cannot be written; a reader that has gone is no trouble.
pub fn unheard(error: std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Problem::local(LocalReason::Unread),
        _ => Problem::local(LocalReason::Stopped).saying(format_args!("the output cannot be written ({error})")),
    }
}
