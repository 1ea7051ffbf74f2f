//! Who this session is.

use segment_core::peer::TrackerState;
use segment_core::peer::events::Reply;
use segment_proto::messages::{Presence, Secret};
use segment_proto::{ChannelName, DeviceId, UserName, Who};
use serde::Serialize;

use super::answers::{Facts, Said};
use super::{Chat, Done, narrator, unheard};
use crate::errors::Problem;
use crate::node::{Keeping, PeerNode};
use crate::password::{Password, PasswordError, PasswordSource, from_command};
use crate::profile::SavedLogin;
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
        let password = self.password(name, Asked::Twice, turn).await?;
        let visited = self.come_back_from_visit().await?;
        let (wish, secret) = (name.to_string(), Secret(password.expose().to_owned()));
        let before = self.peer().call(|machine, _| machine.whoami().map(|me| me.who)).await?;
        let reply = self.peer().request(move |machine, now| machine.register(&wish, secret, Presence::Online, now));
        let who = self.logged_in(reply.await?)?;
        let made = if before.as_ref() == Some(&who) {
            "the tracker had lost the account and has it again, with this password"
        } else {
            "the account is made"
        };
        self.greet(&format!("You are {who}: {made}, and you are logged in.")).await?;
        if visited.is_none() && !self.is_script() {
            self.out
                .remark("/create #channel makes a channel, /join #channel comes into one.")
                .await
                .map_err(unheard)?;
        }
        self.go_on_in(visited).await
    }

    /// `/login`
    pub(super) async fn login(&mut self, name: &UserName, turn: Option<&Turn>) -> Done {
        let password = self.password(name, Asked::Once, turn).await?;
        let visited = self.come_back_from_visit().await?;
        let (wish, secret) = (name.to_string(), Secret(password.expose().to_owned()));
        let presence = self.peer().call(|machine, _| machine.whoami().map(|me| me.presence)).await?;
        let presence = presence.unwrap_or(Presence::Online);
        let reply = self.peer().request(move |machine, now| machine.login(&wish, secret, presence, now));
        let who = self.logged_in(reply.await?)?;
        self.greet(&format!("You are {who}.")).await?;
        self.go_on_in(visited).await
    }

    /// `/guest`
    pub(super) async fn guest(&mut self, name: Option<UserName>) -> Done {
        let name = name.map_or_else(made_up_name, |name| name.to_string());
        if self.peer().call(|machine, _| machine.tracker_state()).await? == TrackerState::LoggedIn {
            return Err(Problem::wire(segment_proto::Reason::NotNow)
                .saying("you are logged in already: nothing was done; /logout first"));
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
        self.come_back_from_visit().await?;
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
        let presence = me.ok_or_else(|| Problem::wire(segment_proto::Reason::LoginRequired))?.presence;
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
        match self.passwords.clone() {
            PasswordSource::Variable(password) => Ok(password),
            PasswordSource::Command(command) => {
                let ran = tokio::task::spawn_blocking(move || from_command(&command)).await;
                Ok(ran.map_err(|error| PasswordError::NoTerminal(error.into()))??)
            }
            PasswordSource::Ask => {
                let first = ask(&format!("Password of {name}: "), turn).await?;
                if asked == Asked::Once {
                    return Ok(Password::new(first)?);
                }
                let second = ask("The same again: ", turn).await?;
                Ok(Password::confirmed(first, &second)?)
            }
        }
    }

    /// Remembers where the login is good; the narrator keeps the login itself.
    fn logged_in(&self, reply: Reply) -> Result<Who, Problem> {
        let Reply::LoggedIn { who, .. } = reply else {
            return Err(Problem::wire(segment_proto::Reason::Malformed));
        };
        self.remember();
        Ok(who)
    }

    async fn greet(&self, text: &str) -> Done {
        self.out.answer(&Said { text: text.to_owned() }).await.map_err(unheard)
    }

    /// Ends a visit; says in which channel the visitor was.
    async fn come_back_from_visit(&mut self) -> Result<Option<ChannelName>, Problem> {
        if self.node.keeping == Keeping::Profile {
            return Ok(None);
        }
        let visited = self.talk.current().map(|target| target.name);
        self.swap(Keeping::Profile).await?;
        Ok(visited)
    }

    /// Who looked around as a visitor goes on in the same channel as a user.
    async fn go_on_in(&mut self, visited: Option<ChannelName>) -> Done {
        match visited {
            Some(channel) => self.join(&channel).await,
            None => Ok(()),
        }
    }

    /// Goes on as another device: a visitor's ends with the visit.
    async fn swap(&mut self, keeping: Keeping) -> Done {
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
            let (notify, figures) = (known.notify, std::mem::take(&mut known.figures));
            *known = super::talk::Known { marks, notify, figures, welcomed: true, ..super::talk::Known::default() };
        }
        self.narrator = narrator::spawn(&self.node, &self.out, &self.talk, &self.profile, &self.tracker);
        self.connect().await
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
    answer.map_err(PasswordError::NoTerminal)
}

fn made_up_name() -> String {
    let mut bytes = [0; 2];
    // Without randomness the name is less so; the tracker tells visitors apart by their sessions.
    let _ = getrandom::fill(&mut bytes);
    format!("guest{:02x}{:02x}", bytes[0], bytes[1])
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
