//! Looking around without an account.

use segment_core::peer::TrackerState;
use segment_proto::{ChannelName, UserName, Who};

use super::session::already;
use super::{Chat, Done, Target};
use crate::errors::Problem;
use crate::node::Keeping;

/// Where a visitor was.
pub(super) struct Visit {
    name: String,
    channels: Vec<ChannelName>,
    current: Option<Target>,
}

impl Chat {
    /// `/guest`
    pub(super) async fn guest(&mut self, name: Option<UserName>) -> Done {
        let name = name.map_or_else(made_up_name, |name| name.to_string());
        let look = |machine: &mut segment_core::peer::Peer, _| (machine.tracker_state(), machine.whoami());
        if let (TrackerState::LoggedIn, Some(me)) = self.peer().call(look).await? {
            return Err(already(&me.who));
        }
        self.swap(Keeping::Nothing).await?;
        let who = match self.peer().guest(&name).await {
            Ok(who) => who,
            Err(error) => {
                self.swap(Keeping::Profile).await?;
                return Err(error.into());
            }
        };
        self.greet(&format!("You are {who}: you may read public channels. /register NAME to write.")).await
    }

    /// Ends a visit, if this is one.
    pub(super) async fn end_visit(&mut self) -> Result<Option<Visit>, Problem> {
        if self.node.keeping == Keeping::Profile {
            return Ok(None);
        }
        let me = self.peer().call(|machine, _| machine.whoami()).await?;
        let name = me.map_or_else(made_up_name, |me| me.who.name.to_string());
        let look = |machine: &mut segment_core::peer::Peer, _| {
            let joined = machine.channels().filter(|view| view.member);
            joined.map(|view| view.record.name.clone()).collect()
        };
        let visit = Visit { name, channels: self.peer().call(look).await?, current: self.talk.current() };
        match self.swap(Keeping::Profile).await {
            Ok(()) => Ok(Some(visit)),
            Err(problem) => Err(self.visit_again(&visit, problem).await),
        }
    }

    /// Begins a visit anew that was ended for nothing.
    pub(super) async fn visit_again(&mut self, visit: &Visit, problem: Problem) -> Problem {
        let again = async {
            self.swap(Keeping::Nothing).await?;
            let who = self.peer().guest(&visit.name).await?;
            for channel in &visit.channels {
                self.come_into(channel).await?;
            }
            if let Some(target) = visit.current.clone() {
                self.go_to_silently(target).await;
            }
            Ok::<Who, Problem>(who)
        };
        match again.await {
            Ok(who) => {
                let text = format!("{}\nYou are still {who}.", problem.text);
                problem.saying(text)
            }
            Err(_) => {
                let text = format!("{}\nYour visit has ended: /guest {} begins another.", problem.text, visit.name);
                problem.saying(text)
            }
        }
    }

    /// Who looked around as a visitor goes on in the same channel as a user.
    pub(super) async fn go_on_in(&mut self, visit: Option<Visit>) -> Done {
        match visit.and_then(|visit| visit.current) {
            Some(target) => self.join(&target.name).await,
            None => Ok(()),
        }
    }
}

fn made_up_name() -> String {
    let mut bytes = [0; 2];
    // Without randomness the name is less so; the tracker tells visitors apart by their sessions.
    let _ = getrandom::fill(&mut bytes);
    format!("guest{:02x}{:02x}", bytes[0], bytes[1])
}
