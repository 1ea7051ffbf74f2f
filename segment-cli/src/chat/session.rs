//! Who this session is.

use segment_core::peer::events::Reply;
use segment_core::peer::{SECRET_BYTES_MAX, SECRET_BYTES_MIN, TrackerState};
use segment_net::RequestError;
use segment_proto::messages::{Presence, Secret};
use segment_proto::{DeviceId, Reason, UserName, Who};
use serde::Serialize;

use super::answers::{Facts, Said};
use super::talk::Known;
use super::visiting::Visit;
use super::{Chat, Done, narrator, unheard};
use crate::errors::{LocalReason, Problem};
use crate::node::{Keeping, PeerNode};
use crate::password::{Password, PasswordError, PasswordSource, from_command};
use crate::profile::{Remembered, SavedLogin};
use crate::terminal::{Turn, is_interactive};

/// How often a password is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Once,
    Twice,
}

impl Chat {
    /// `/register`
    pub(super) async fn register(&mut self, name: &UserName, turn: Option<&Turn>) -> Done {
        self.may_come_in().await?;
        let password = self.password(name, Asked::Twice, turn).await?;
        let visit = self.end_visit().await?;
        let before = self.peer().call(|machine, _| machine.whoami().map(|me| me.who)).await?;
        let (wish, secret) = (name.to_string(), Secret(password.expose().to_owned()));
        let reply =
            self.peer().request(move |machine, now| machine.register(&wish, secret, Presence::Online, now)).await;
        let who = self.logged_in(reply, visit.as_ref()).await?;
        let made = if before.as_ref() == Some(&who) {
            "the tracker had lost the account and has it again, with this password"
        } else {
            "the account is made"
        };
        self.greet(&format!("You are {who}: {made}, and you are logged in.")).await?;
        if visit.is_none() && !self.is_script() {
            self.out
                .remark("/create #channel makes a channel, /join #channel comes into one.")
                .await
                .map_err(unheard)?;
        }
        self.go_on_in(visit).await
    }

    /// `/login`
    pub(super) async fn login(&mut self, name: &UserName, turn: Option<&Turn>) -> Done {
        self.may_come_in().await?;
        let password = self.password(name, Asked::Once, turn).await?;
        let visit = self.end_visit().await?;
        let presence = self.peer().call(|machine, _| machine.whoami().map(|me| me.presence)).await?;
        let presence = presence.unwrap_or(Presence::Online);
        let (wish, secret) = (name.to_string(), Secret(password.expose().to_owned()));
        let reply = self.peer().request(move |machine, now| machine.login(&wish, secret, presence, now)).await;
        let last = Remembered::load(self.profile.dir()).channel;
        let who = self.logged_in(reply, visit.as_ref()).await?;
        self.greet(&format!("You are {who}.")).await?;
        match visit {
            Some(visit) => self.go_on_in(Some(visit)).await,
            None => self.go_back_when_listed(last).await,
        }
    }

    /// Nobody is asked for a password that is good for nothing.
    async fn may_come_in(&self) -> Done {
        let look = |machine: &mut segment_core::peer::Peer, _| (machine.tracker_state(), machine.whoami());
        match self.peer().call(look).await? {
            (TrackerState::LoggedIn, Some(me)) if !me.who.is_visitor() => Err(already(&me.who)),
            (TrackerState::LoggedIn | TrackerState::Connected, _) => Ok(()),
            _ => Err(Problem::local(LocalReason::NotConnected)),
        }
    }

    /// `/logout`
    pub(super) async fn logout(&mut self) -> Done {
        self.streaming.end(None).await;
        let reply = self.peer().request(segment_core::peer::Peer::logout).await;
        if self.node.keeping == Keeping::Profile {
            SavedLogin::forget(self.profile.dir())?;
        }
        reply?;
        {
            let mut known = self.talk.known();
            known.current = None;
            known.logged_in = false;
        }
        self.end_visit().await?;
        self.refresh_prompt().await;
        self.greet("Logged out. Messages in the outbox stay.").await
    }

    /// `/status`
    pub(super) async fn status(&mut self, presence: Option<Presence>) -> Done {
        let mut ended = 0;
        if let Some(presence) = presence {
            if presence == Presence::Invisible {
                // Its viewers are told that it is over while there is somebody to tell them.
                ended = self.streaming.end_sent().await;
            }
            self.peer().request(move |machine, now| machine.set_status(presence, now)).await?;
        }
        let me = self.peer().call(|machine, _| machine.whoami()).await?;
        let presence = me.ok_or_else(|| Problem::wire(Reason::LoginRequired))?.presence;
        let text = match presence {
            Presence::Invisible => {
                let ended = if ended == 0 { "" } else { " What you streamed is over." };
                format!(
                    "You are invisible: others see you as offline. What you write goes through the tracker, and so do the \
                     channels that you host.{ended}"
                )
            }
            _ => format!("You are {presence}."),
        };
        self.out.answer(&Facts { facts: PresenceFact { presence }, text }).await.map_err(unheard)
    }

    /// `/whoami`
    pub(super) async fn whoami(&self) -> Done {
        let (me, state, key) =
            self.peer().call(|machine, _| (machine.whoami(), machine.tracker_state(), machine.tracker_key())).await?;
        let facts = WhoAmI {
            profile: self.profile.name().to_string(),
            user: me.as_ref().map(|me| me.who.to_string()),
            presence: me.as_ref().map(|me| me.presence),
            session: session_state(state),
            device: self.peer().device(),
            tracker: self.tracker.address(),
            tracker_key: key,
            listens: self.peer().address().map(|address| address.to_string()),
        };
        let text = facts.text();
        self.out.answer(&Facts { facts, text }).await.map_err(unheard)
    }

    async fn password(&self, name: &UserName, asked: Asked, turn: Option<&Turn>) -> Result<Password, Problem> {
        let password = self.any_password(name, asked, turn).await?;
        check_length(&password, asked)?;
        Ok(password)
    }

    async fn any_password(&self, name: &UserName, asked: Asked, turn: Option<&Turn>) -> Result<Password, Problem> {
        match self.passwords.clone() {
            PasswordSource::Variable(password) => Ok(password),
            PasswordSource::Command(command) => {
                let ran = tokio::task::spawn_blocking(move || from_command(&command)).await;
                Ok(ran.map_err(|error| PasswordError::NoTerminal(error.into()))??)
            }
            PasswordSource::Ask => {
                let first = Password::new(ask(&format!("Password of {name}: "), turn).await?)?;
                if asked == Asked::Once {
                    return Ok(first);
                }
                check_length(&first, asked)?;
                let second = ask("The same again: ", turn).await?;
                Ok(first.confirmed(&second)?)
            }
        }
    }

    /// Remembers where the login is good; the narrator keeps the login itself. Whose login is refused is the visitor
    /// that they were.
    async fn logged_in(&mut self, reply: Result<Reply, RequestError>, visit: Option<&Visit>) -> Result<Who, Problem> {
        let problem = match reply {
            Ok(Reply::LoggedIn { who, .. }) => {
                self.remember();
                return Ok(who);
            }
            Ok(_) => Problem::wire(Reason::Malformed),
            Err(error) => error.into(),
        };
        match visit {
            Some(visit) => Err(self.visit_again(visit, problem).await),
            None => Err(problem),
        }
    }

    pub(super) async fn greet(&self, text: &str) -> Done {
        self.out.answer(&Said { text: text.to_owned() }).await.map_err(unheard)
    }

    /// Goes on as another device: a visitor's ends with the visit.
    pub(super) async fn swap(&mut self, keeping: Keeping) -> Done {
        if self.node.keeping == keeping {
            return Ok(());
        }
        self.streaming.end(None).await;
        self.talk.known().leaving = true;
        self.node.stop(&self.log).await?;
        // It ends with the peer's events.
        let _ = (&mut self.narrator).await;
        self.node = PeerNode::start(&self.profile, keeping, self.plan, &self.log).await?;
        super::attending::keep_marks(&self.talk);
        let marks = super::reading::marks_of(&self.profile, keeping);
        {
            let mut known = self.talk.known();
            let (notify, figures, looks) = (known.notify, std::mem::take(&mut known.figures), known.looks);
            *known = Known { marks, notify, figures, looks, welcomed: true, ..Known::default() };
        }
        self.narrator = narrator::spawn(&self.node, &self.out, &self.talk, &self.profile, &self.tracker);
        self.connect().await
    }
}

pub(super) fn already(who: &Who) -> Problem {
    Problem::wire(Reason::NotNow)
        .saying(format_args!("you are logged in already, as {who}: nothing was done; /logout first"))
}

/// No account has a password of another length.
fn check_length(password: &Password, asked: Asked) -> Done {
    if (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&password.expose().len()) {
        return Ok(());
    }
    let problem = Problem::wire(Reason::BadPassword);
    match asked {
        Asked::Twice => Err(problem),
        Asked::Once => Err(problem.saying(format_args!(
            "wrong password: every one has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, not logged in; try again"
        ))),
    }
}

async fn ask(prompt: &str, turn: Option<&Turn>) -> Result<String, PasswordError> {
    let answer = match turn {
        Some(turn) => turn.ask_secret(prompt).await,
        None if is_interactive() => {
            let prompt = prompt.to_owned();
            let asked = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt)).await;
            asked.unwrap_or_else(|error| Err(error.into()))
        }
        None => Err(std::io::ErrorKind::NotConnected.into()),
    };
    answer.map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => PasswordError::GivenUp,
        _ => PasswordError::NoTerminal(error),
    })
}

pub(super) const fn session_state(state: TrackerState) -> &'static str {
    match state {
        TrackerState::Idle => "not connected",
        TrackerState::Waiting(_) => "the tracker is away; trying again",
        TrackerState::Connecting => "connecting",
        TrackerState::Connected => "connected, not logged in",
        TrackerState::LoggedIn => "logged in",
    }
}

#[derive(Serialize)]
struct PresenceFact {
    presence: Presence,
}

#[derive(Serialize)]
struct WhoAmI {
    profile: String,
    user: Option<String>,
    presence: Option<Presence>,
    session: &'static str,
    device: DeviceId,
    tracker: String,
    tracker_key: Option<DeviceId>,
    listens: Option<String>,
}

impl WhoAmI {
    fn text(&self) -> String {
        let seen = match self.presence {
            Some(Presence::Invisible) => "invisible (others see you as offline)".to_owned(),
            Some(presence) => format!("{presence} (others see you)"),
            None => "nobody".to_owned(),
        };
        let lines = [
            ("profile", self.profile.clone()),
            ("user", self.user.clone().unwrap_or_else(|| "nobody; /login or /register".to_owned())),
            ("status", seen),
            ("session", self.session.to_owned()),
            ("device", self.device.to_string()),
            ("tracker", self.tracker.clone()),
            ("its key", self.tracker_key.map_or_else(|| "not seen yet".to_owned(), |key| key.to_string())),
            ("listens", self.listens.clone().unwrap_or_else(|| "no".to_owned())),
        ];
        super::answers::table(&lines)
    }
}
