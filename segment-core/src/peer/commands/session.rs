//! The tracker and the session.

use alloc::string::ToString;
use core::net::IpAddr;

use segment_proto::messages::{
    AuthMethod, Guest, Login, Logout, Ping, Presence, Register, RegisterAgain, ResumeSession, Secret, SetStatus,
};
use segment_proto::pending::NoAnswer;
use segment_proto::{DeviceRecord, Now, Request, RequestId, SessionId, Signed, Token, UserName};

use super::Asked;
use crate::contract::Endpoint;
use crate::peer::Peer;
use crate::peer::context::Unanswered;
use crate::peer::errors::{CommandError, SECRET_BYTES_MAX, SECRET_BYTES_MIN};
use crate::peer::events::Reply;
use crate::peer::requests::{LoginBy, PeerRequest};
use crate::peer::session::Listening;

/// The tracker and the session. Each request ends in one `PeerEvent::Replied` with the id returned here.
impl Peer {
    /// Connects to a tracker and stays connected: a lost link is dialled again, and the session resumed, by itself.
    /// Ends with the first welcome or the first failure; after a failure it is tried on.
    ///
    /// # Errors
    /// [`CommandError::OtherTracker`], [`CommandError::ShutDown`].
    pub fn connect(&mut self, endpoint: Endpoint, now: Now) -> Asked {
        let now = self.core.session.corrected(now);
        if self.closing {
            return Err(CommandError::ShutDown);
        }
        let known = self.core.session.tracker_key;
        if let (Some(known), Some(given)) = (known, endpoint.key)
            && known != given
        {
            return Err(CommandError::OtherTracker { known, given });
        }
        let endpoint = Endpoint { key: endpoint.key.or(known), ..endpoint };
        let id = self.core.random.request_id();
        if self.tracker.up().is_some() && self.tracker.endpoint().map(|e| e.address) == Some(endpoint.address) {
            self.core.reply(id, Ok(Reply::Done));
        } else {
            self.drop_tracker(now);
            self.tracker.want(endpoint, id, now.mono);
            self.dial_tracker(now);
        }
        self.settle(now);
        Ok(id)
    }

    /// Leaves the tracker without ending the session, and does not come back by itself.
    pub fn disconnect(&mut self, now: Now) {
        let now = self.core.session.corrected(now);
        self.drop_tracker(now);
        self.settle(now);
    }

    fn drop_tracker(&mut self, now: Now) {
        let link = self.tracker.link();
        self.tracker.stop();
        if let Some(link) = link {
            self.say_goodbye(link, now);
        }
        if let Some(by) = self.tracker.take_wanted_by() {
            self.core.reply(by, Err(Unanswered::NoAnswer(NoAnswer::LinkLost)));
        }
    }

    /// Says goodbye on every link, so that nobody has to wait for a silence. The session can be resumed later.
    /// The peer opens and takes no links any more; what is being written is still written.
    pub fn shutdown(&mut self, now: Now) {
        let now = self.core.session.corrected(now);
        self.closing = true;
        self.drop_tracker(now);
        for link in self.links.ids() {
            self.say_goodbye(link, now);
        }
        self.channels.unsettle();
        self.settle(now);
    }

    /// This peer can be dialled on a port; said to the tracker now and after every login.
    pub fn listen(&mut self, port: u16, advertise: Option<IpAddr>, now: Now) {
        let now = self.core.session.corrected(now);
        self.core.session.listening = Some(Listening { port, advertise });
        self.announce(now);
        self.settle(now);
    }

    /// Creates an account and logs in. An account that the tracker has lost, and that was this device's, is made again
    /// as it was.
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::Busy`], [`CommandError::BadName`], [`CommandError::BadPassword`].
    pub fn register(&mut self, name: &str, secret: Secret, presence: Presence, now: Now) -> Asked {
        check_secret(&secret)?;
        let name = UserName::new(name)?.as_str().to_string();
        let (auth_method, purpose) = (AuthMethod::Password, PeerRequest::Login { by: LoginBy::Embedder, presence });
        match self.proof_of(&name) {
            Some(device) => self.ask_stranger(&RegisterAgain { device, auth_method, secret, presence }, purpose, now),
            None => self.ask_stranger(&Register { name, auth_method, secret, presence }, purpose, now),
        }
    }

    /// What this tracker has signed of this device's account, where that has this name.
    fn proof_of(&self, name: &str) -> Option<Signed<DeviceRecord>> {
        let (session, identity) = (&self.core.session, &self.core.identity);
        let record = session.login.as_ref()?.device.as_ref()?;
        let is_own = record.who.name.as_str() == name && record.device == identity.device();
        let key = session.tracker_key.filter(|_| is_own)?;
        record.is_signed_by(&key, &identity.verifier()).then(|| record.clone())
    }

    /// Logs in with a password.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub fn login(&mut self, name: &str, secret: Secret, presence: Presence, now: Now) -> Asked {
        check_secret(&secret)?;
        let name = UserName::new(name)?.as_str().to_string();
        let login = Login { name, auth_method: AuthMethod::Password, secret, presence };
        self.ask_stranger(&login, PeerRequest::Login { by: LoginBy::Embedder, presence }, now)
    }

    /// Enters as a visitor.
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::Busy`], [`CommandError::BadName`].
    pub fn guest(&mut self, name: &str, now: Now) -> Asked {
        let name = UserName::new(name.strip_prefix('~').unwrap_or(name))?.as_str().to_string();
        let purpose = PeerRequest::Login { by: LoginBy::Embedder, presence: Presence::Online };
        self.ask_stranger(&Guest { name }, purpose, now)
    }

    /// Resumes the session of an earlier process, by what that one was told to keep.
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::Busy`].
    pub fn resume(&mut self, session: SessionId, token: Token, now: Now) -> Asked {
        let presence = self.core.session.presence;
        let purpose = PeerRequest::Login { by: LoginBy::Embedder, presence };
        self.ask_stranger(&ResumeSession { session, token, presence }, purpose, now)
    }

    /// Ends the session; its token is no good any more. What is sent and watched here ends. Where the tracker does not
    /// have the session now, it is forgotten here, and nobody else has its token.
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::NotLoggedIn`], [`CommandError::Busy`].
    pub fn logout(&mut self, now: Now) -> Asked {
        self.leave_streams(now);
        if self.core.session.link().is_none() && self.core.session.login.is_some() {
            return Ok(self.forget_session(self.core.session.corrected(now)));
        }
        self.ask(&Logout {}, PeerRequest::Logout, now)
    }

    fn forget_session(&mut self, now: Now) -> RequestId {
        if self.core.session.comeback.is_some() {
            self.leave_link_in_doubt(now);
        }
        let id = self.core.random.request_id();
        self.end_session(id, now);
        self.settle(now);
        id
    }

    /// Changes how this session is seen.
    ///
    /// # Errors
    /// As [`Self::logout`].
    pub fn set_status(&mut self, presence: Presence, now: Now) -> Asked {
        self.ask(&SetStatus { presence }, PeerRequest::SetStatus(presence), now)
    }

    /// Measures the way to the tracker and back.
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::Busy`].
    pub fn ping(&mut self, now: Now) -> Asked {
        self.ask_stranger(&Ping {}, PeerRequest::Ping(now.mono), now)
    }

    /// What can be asked before a login.
    fn ask_stranger<R: Request>(&mut self, payload: &R, purpose: PeerRequest, now: Now) -> Asked {
        let now = self.core.session.corrected(now);
        let link = self.tracker.up().ok_or(CommandError::NotConnected)?;
        let id = self.core.request(link, payload, purpose, now).map_err(|_| CommandError::Busy)?;
        self.settle(now);
        Ok(id)
    }

    pub(super) fn ask<R: Request>(&mut self, payload: &R, purpose: PeerRequest, now: Now) -> Asked {
        if self.tracker.up().is_some() && self.core.session.link().is_none() {
            return Err(CommandError::NotLoggedIn);
        }
        self.ask_stranger(payload, purpose, now)
    }
}

fn check_secret(secret: &Secret) -> Result<(), CommandError> {
    if (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.0.len()) {
        return Ok(());
    }
    Err(CommandError::BadPassword)
}
