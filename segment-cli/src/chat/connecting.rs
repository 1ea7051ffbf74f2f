//! The connection to the tracker.

use std::net::SocketAddr;
use std::time::Duration;

use segment_core::Endpoint;
use segment_core::contract::DialFailure;
use segment_core::peer::TrackerState;
use segment_core::peer::events::{PeerEvent, Source};
use segment_net::{Events, Happening, RequestError};
use segment_proto::DeviceId;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::answers::Said;
use super::patience::alive;
use super::{Chat, Done, unheard};
use crate::errors::{LocalReason, Problem};
use crate::exit::ExitCode;
use crate::profile::{PinOutcome, ProfileError, Remembered, SavedLogin};
use crate::url::TrackerUrl;

/// A session is resumed sooner, or with trouble that is told anyway.
const RESUMED: Duration = Duration::from_secs(3);

impl Chat {
    /// The first connection, and what this profile was last.
    pub(super) async fn enter(&mut self, remembered: Remembered) -> Done {
        let (out, what) = (self.out.clone(), format!("connecting to {}", self.tracker.address()));
        match alive(&out, &what, None, self.connect()).await {
            Ok(()) => alive(&out, "coming back", None, self.resume()).await?,
            // What needs no tracker is done without one: a message is kept, /history shows what is here.
            Err(problem) if self.is_script() && problem.exit == ExitCode::NoConnection => self.absent = Some(problem),
            Err(problem) if self.is_script() => return Err(problem),
            Err(problem) => self.out.problem("connect", &problem).await.map_err(unheard)?,
        }
        if !self.is_script() {
            self.level_all().await?;
            self.count_unread().await?;
            self.welcome().await?;
            self.talk.known().welcomed = true;
        }
        if self.is_script() {
            // A script says itself where it sends to.
            return Ok(());
        }
        match self.peer().call(|machine, _| machine.whoami()).await? {
            Some(_) => self.go_back_to(remembered.channel).await,
            // Whose channels they are is known after a login.
            None => Ok(()),
        }
    }

    /// `/connect`
    pub(super) async fn connect_again(&mut self, url: Option<TrackerUrl>) -> Done {
        match url {
            Some(url) => self.change_tracker(url).await?,
            None => self.connect().await?,
        }
        self.resume().await?;
        self.remember();
        let text = format!("Connected to {}.", self.tracker.address());
        self.out.answer(&Said { text }).await.map_err(unheard)
    }

    /// Connects elsewhere; where that fails, everything is as it was before.
    async fn change_tracker(&mut self, url: TrackerUrl) -> Done {
        let state = self.peer().call(|machine, _| machine.tracker_state()).await?;
        let before = std::mem::replace(&mut self.tracker, url);
        let Err(problem) = self.connect().await else { return Ok(()) };
        self.tracker = before;
        match state {
            TrackerState::Idle => self.peer().call(segment_core::peer::Peer::disconnect).await?,
            _ => self.go_on_as_before(state).await,
        }
        let text = format!("{}\n{}", problem.text, self.tracker_now().await);
        Err(problem.saying(text))
    }

    /// Where it does not answer it is tried on.
    async fn go_on_as_before(&self, state: TrackerState) {
        let is_back = self.dial_any(self.expected_key()).await.is_ok();
        if is_back && state == TrackerState::LoggedIn {
            self.resumed_by_itself().await;
        }
    }

    fn expected_key(&self) -> Option<DeviceId> {
        let pinned = self.profile.pins().ok().and_then(|pins| pins.expected(&self.tracker.address()));
        self.tracker.key.or(pinned)
    }

    async fn tracker_now(&self) -> String {
        let address = self.tracker.address();
        match self.peer().call(|machine, _| machine.tracker_state()).await {
            Ok(TrackerState::Connected | TrackerState::LoggedIn) => {
                format!("You are connected to {address}, as before.")
            }
            Ok(TrackerState::Waiting(_) | TrackerState::Connecting) => {
                format!("Your tracker is {address}, as before; it is not answering, and tried again.")
            }
            _ => format!("Your tracker is {address}, as before; /connect goes there."),
        }
    }

    /// `/disconnect`
    pub(super) async fn disconnect(&self) -> Done {
        self.peer().call(segment_core::peer::Peer::disconnect).await?;
        let text =
            "Disconnected from the tracker; a channel whose host is connected goes on. /connect comes back.".to_owned();
        self.out.answer(&Said { text }).await.map_err(unheard)
    }

    /// Connects to the tracker, whose key must be the one that it had.
    pub(super) async fn connect(&mut self) -> Done {
        let mut pins = self.profile.pins()?;
        let address = self.tracker.address();
        let pinned = pins.expected(&address);
        if let (Some(pinned), Some(given)) = (pinned, self.tracker.key)
            && pinned != given
        {
            return Err(self.not_the_pinned_key(pinned, given));
        }
        let key = self.tracker.key.or(pinned);
        let shown = match self.dial_any(key).await {
            Ok(shown) => shown,
            Err(Refusal::OtherKey(_)) if key.is_none() => return Err(self.not_the_tracker_of_the_profile()),
            Err(Refusal::OtherKey(shown)) if pinned.is_none() => return Err(self.not_the_key_of_the_invite(shown)),
            Err(Refusal::OtherKey(shown)) => return Err(self.key_changed(pinned.unwrap_or(shown), shown)),
            Err(Refusal::Because(problem)) => return Err(problem),
        };
        if pins.check(&address, shown)? == PinOutcome::FirstUse && self.tracker.key.is_none() {
            let text = format!("The tracker {address} shows the key {shown}; it is expected from now on.");
            self.out.remark(&text).await.map_err(unheard)?;
        }
        Ok(())
    }

    /// Tries each address of the tracker's name.
    async fn dial_any(&self, key: Option<DeviceId>) -> Result<DeviceId, Refusal> {
        let unknown = || {
            let text = format!("{} is not known here: not connected; check the address", self.tracker.host);
            Problem::local(LocalReason::Unreachable).saying(text)
        };
        let found = lookup_host((self.tracker.host.as_str(), self.tracker.port)).await;
        let addresses: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
        let mut problem = Refusal::Because(unknown());
        for address in addresses {
            match self.dial(address, key).await {
                Ok(shown) => return Ok(shown),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    async fn dial(&self, address: SocketAddr, key: Option<DeviceId>) -> Result<DeviceId, Refusal> {
        let mut events = self.peer().events();
        match self.peer().connect(Endpoint { address, key }).await {
            Ok(()) => {}
            Err(RequestError::NoAnswer(_)) => return Err(why_not(&mut events, address)),
            Err(error) => return Err(Refusal::Because(error.into())),
        }
        let shown = self.peer().call(|machine, _| machine.tracker_key()).await.map_err(Problem::from)?;
        shown.ok_or_else(|| Refusal::Because(Problem::local(LocalReason::NoAnswer)))
    }

    fn key_changed(&self, pinned: DeviceId, shown: DeviceId) -> Problem {
        let path = self.profile.dir().join("trackers");
        ProfileError::KeyChanged { address: self.tracker.address(), pinned, shown, path }.into()
    }

    /// Nobody was asked yet: what was typed is not what this tracker has shown before.
    fn not_the_pinned_key(&self, pinned: DeviceId, given: DeviceId) -> Problem {
        let (address, path) = (self.tracker.address(), self.profile.dir().join("trackers"));
        let text = format!(
            "the key that you gave for {address} is not the one that it has shown before: not connected, nothing was sent.\n  \
             given   {given}\n  before  {pinned}\nIf it was mistyped: the address without # and key is enough here. If the tracker has a new key, and whoever runs \
             it says so,\nremove its line from {} and try again.",
            path.display()
        );
        Problem::local(LocalReason::OtherTracker).saying(text)
    }

    /// No key was given: it is the one of the tracker that the profile knows.
    fn not_the_tracker_of_the_profile(&self) -> Problem {
        let text = format!(
            "{} is not the tracker that profile {} belongs to: not connected, nothing was sent.\n\
             A profile has one tracker, which may change its address; for another one take another profile: -P NAME",
            self.tracker.address(),
            self.profile.name()
        );
        Problem::local(LocalReason::OtherTracker).saying(text)
    }

    /// Nothing was known of this tracker but what was typed: most likely that is mistyped.
    fn not_the_key_of_the_invite(&self, shown: DeviceId) -> Problem {
        let address = self.tracker.address();
        let text = format!(
            "{address} shows another key than the address that you gave: not connected, nothing was sent.\n  \
             shown  {shown}\nCompare what stands after the # with the invitation. If it was copied rightly, ask whoever sent it."
        );
        Problem::local(LocalReason::OtherTracker).saying(text)
    }

    /// Goes on with the saved login of this tracker, if there is one.
    async fn resume(&self) -> Done {
        let Some(login) = SavedLogin::load(self.profile.dir())? else { return Ok(()) };
        let key = self.peer().call(|machine, _| machine.tracker_key()).await?;
        if login.tracker != self.tracker.address() && key.is_none() {
            return Ok(());
        }
        if self.talk.known().logged_in {
            self.resumed_by_itself().await;
            return Ok(());
        }
        match self.peer().resume(login.session, login.token).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let problem = Problem::from(error);
                self.out.problem("login", &problem).await.map_err(unheard)
            }
        }
    }

    /// A peer that was logged in before resumes its session without being asked.
    async fn resumed_by_itself(&self) {
        let mut events = self.peer().events();
        let resumed = async {
            let state = || self.peer().call(|machine, _| machine.tracker_state());
            while !matches!(state().await, Ok(TrackerState::LoggedIn) | Err(_)) && events.next().await.is_some() {}
        };
        // What comes later is told by the narrator.
        let _ = timeout(RESUMED, resumed).await;
    }
}

/// Why a dial came to nothing.
enum Refusal {
    /// Somebody else is there, or the address was wrong.
    OtherKey(DeviceId),
    Because(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Because(problem)
    }
}

fn why_not(events: &mut Events<PeerEvent>, address: SocketAddr) -> Refusal {
    while let Some(happening) = events.try_next() {
        let Happening::Event(PeerEvent::DialFailed { source: Source::Tracker, reason, .. }) = happening else {
            continue;
        };
        return match reason {
            DialFailure::WrongKey(shown) => Refusal::OtherKey(shown),
            DialFailure::Unreachable => nobody_at(address).into(),
            DialFailure::Handshake => {
                let text = format!("{address} does not speak Segment: not connected; check the address");
                Problem::local(LocalReason::Unreachable).saying(text).into()
            }
        };
    }
    Problem::local(LocalReason::Unreachable).into()
}

fn nobody_at(address: SocketAddr) -> Problem {
    let text = format!("nobody answers at {address}: not connected; check the address, or start the tracker");
    Problem::local(LocalReason::Unreachable).saying(text)
}
