//! Which stream is meant.

use std::time::{Duration, Instant};

use segment_core::peer::CommandError;
use segment_core::peer::events::Serving;
use segment_net::RequestError;
use segment_proto::messages::StreamRow;
use segment_proto::{DeviceId, Reason};
use tokio::time::sleep;

use super::running::{Role, Running};
use super::words::quoted;
use crate::chat::{Chat, Target};
use crate::commands::StreamRef;
use crate::errors::{LocalReason, Problem};

/// Who has just come is waited for so long.
const SERVED: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

impl Chat {
    /// Waits, for a while, until somebody serves a channel.
    pub(super) async fn served(&self, target: &Target) -> Result<(), Problem> {
        let until = Instant::now() + SERVED;
        loop {
            let view = self.view_of(target.id).await?;
            if !view.member {
                return Err(Problem::wire(Reason::MembersOnly).saying(format_args!(
                    "you may not read #{} any more: nothing was asked; when its owner lets you in again, /join #{}",
                    target.name, target.name
                )));
            }
            if view.serving != Serving::Nowhere || Instant::now() >= until {
                return Ok(());
            }
            sleep(LOOK).await;
        }
    }

    /// The streams of a channel, the oldest first.
    pub(super) async fn stream_rows(&self, target: &Target) -> Result<Vec<StreamRow>, Problem> {
        self.served(target).await?;
        let mut rows = self.peer().channel(target.id).streams().await.map_err(|error| nobody_serves(error, target))?;
        rows.sort_by_key(|row| (row.description.started, row.description.stream));
        Ok(rows)
    }

    /// The stream of a channel that is meant.
    pub(super) async fn pick(&self, target: &Target, which: Option<&StreamRef>) -> Result<StreamRow, Problem> {
        picked(self.stream_rows(target).await?, which, None, target)
    }

    /// The same for a viewer: whoever names nothing does not mean what is sent from here, where there is anything else.
    pub(super) async fn pick_to_watch(&self, target: &Target, which: Option<&StreamRef>) -> Result<StreamRow, Problem> {
        let (rows, own) = (self.stream_rows(target).await?, self.peer().device());
        let has_others = rows.iter().any(|row| row.description.device != own);
        picked(rows, which, has_others.then_some(own), target)
    }

    /// What runs here and is meant: everything, where nothing is named.
    pub(super) async fn meant(
        &self,
        target: Option<&Target>,
        which: Option<&StreamRef>,
    ) -> Result<Vec<&Running>, Problem> {
        let here = self.streaming.0.iter().filter(|one| target.is_none_or(|target| one.target.id == target.id));
        let of_number = match (which, target.cloned().or_else(|| self.talk.current())) {
            (Some(StreamRef::Number(_)), Some(target)) => Some(self.pick(&target, which).await?.description.stream),
            _ => None,
        };
        let is_meant = |one: &&Running| match which {
            None => true,
            Some(StreamRef::Number(_)) => Some(one.stream) == of_number,
            Some(StreamRef::Of(user)) => one.by == user.as_str(),
            Some(StreamRef::Titled(title)) => one.title == *title,
        };
        Ok(here.filter(is_meant).collect())
    }

    /// The only one of those that run here and are meant.
    pub(super) async fn only_meant(
        &self,
        target: Option<&Target>,
        which: Option<&StreamRef>,
    ) -> Result<&Running, Problem> {
        match self.meant(target, which).await?.as_slice() {
            [one] => Ok(one),
            [] if self.streaming.0.is_empty() => Err(Problem::local(LocalReason::NoOwnStream)),
            [] => {
                let here: Vec<String> = self.streaming.0.iter().map(in_words).collect();
                let text = format!("none of those that run here is meant by that: {}", here.join(", "));
                Err(Problem::local(LocalReason::NoOwnStream).saying(text))
            }
            several => Err(which_of(several.iter().copied().map(in_words))),
        }
    }
}

fn in_words(running: &Running) -> String {
    match running.role {
        Role::Sends => quoted(&running.title),
        Role::Watches => format!("{} of {}", quoted(&running.title), running.by),
    }
}

/// Said in terms of the channel.
pub(super) fn nobody_serves(error: RequestError, target: &Target) -> Problem {
    let is_away = matches!(error, RequestError::Command(CommandError::NotConnected));
    let problem = Problem::from(error);
    if !is_away {
        return problem;
    }
    problem.saying(format_args!(
        "neither host nor tracker of #{} can be reached: nothing was asked; wait until one is there again",
        target.name
    ))
}

fn picked(
    rows: Vec<StreamRow>,
    which: Option<&StreamRef>,
    except: Option<DeviceId>,
    target: &Target,
) -> Result<StreamRow, Problem> {
    let number = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
    let is_meant = |(at, row): &(usize, StreamRow)| match which {
        None => except != Some(row.description.device),
        Some(StreamRef::Number(wanted)) => number(*at) == *wanted,
        Some(StreamRef::Of(user)) => row.description.who.name == *user,
        Some(StreamRef::Titled(title)) => row.description.title == *title,
    };
    let any = !rows.is_empty();
    let mut meant: Vec<(usize, StreamRow)> = rows.into_iter().enumerate().filter(is_meant).collect();
    match meant.pop() {
        Some((_, row)) if meant.is_empty() => Ok(row),
        Some(last) => {
            meant.push(last);
            Err(which_of(
                meant.iter().map(|(at, row)| {
                    format!("{} {} of {}", at + 1, quoted(&row.description.title), row.description.who)
                }),
            ))
        }
        None if any => Err(Problem::wire(Reason::NoSuchStream)),
        None => Err(Problem::wire(Reason::NoSuchStream)
            .saying(format_args!("nobody streams in #{}; /stream start begins a stream", target.name))),
    }
}

fn which_of(streams: impl Iterator<Item = String>) -> Problem {
    let streams: Vec<String> = streams.collect();
    Problem::local(LocalReason::WhichStream).saying(format_args!(
        "several streams may be meant: {}; name one, by number, @user or title",
        streams.join(", ")
    ))
}
