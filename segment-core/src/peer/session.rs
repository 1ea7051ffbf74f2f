//! Who this peer is at its tracker, and what it needs to be that again.

use alloc::vec::Vec;
use core::net::IpAddr;

use bytes::Bytes;
use segment_proto::messages::{LoggedIn, Presence};
use segment_proto::{
    AccountId, Certificate, DeviceId, DeviceRecord, Instant, LinkId, Now, SessionId, Signed, Token, UnixMillis,
    UserName, Who,
};
use serde::{Deserialize, Serialize};

use crate::contract::Deadline;
use crate::peer::context::Login;
use crate::store::{Fatal, Record, Table, Write};

const TRACKER_KEY: &[u8] = b"peer/tracker";
const LOGIN_KEY: &[u8] = b"peer/login";

/// How a session comes back after a lost link.
#[derive(Clone, Debug)]
pub(crate) enum Comeback {
    /// An account's, without its password.
    Token(SessionId, Token),
    /// A visitor's: with the same name as a new one.
    Guest(UserName),
}

/// Where this peer wants to be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listening {
    pub(crate) port: u16,
    pub(crate) advertise: Option<IpAddr>,
}

/// A login as it is stored: it admits to hosts while the tracker is down. The token is the embedder's to keep.
#[derive(Serialize, Deserialize)]
struct StoredLogin {
    who: Who,
    certificate: Signed<Certificate>,
    device: Option<Signed<DeviceRecord>>,
    presence: Presence,
}

/// Who this peer is, or was when it last was connected.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) tracker_key: Option<DeviceId>,
    pub(crate) login: Option<Login>,
    pub(crate) comeback: Option<Comeback>,
    pub(crate) presence: Presence,
    pub(crate) listening: Option<Listening>,
    /// The tracker link on which this session is logged in.
    on: Option<LinkId>,
    renew_at: Option<Instant>,
    /// Milliseconds by which the tracker's clock is ahead of this one.
    clock_ahead: i64,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            tracker_key: None,
            login: None,
            comeback: None,
            presence: Presence::Online,
            listening: None,
            on: None,
            renew_at: None,
            clock_ahead: 0,
        }
    }
}

impl Session {
    /// As the store has it.
    pub(crate) fn restore(settings: &[Record]) -> Result<Self, Fatal> {
        let unreadable = |_| Fatal("the stored login of this profile cannot be read".into());
        let mut session = Self::default();
        for record in settings {
            match record.key.as_ref() {
                TRACKER_KEY => session.tracker_key = Some(postcard::from_bytes(&record.value).map_err(unreadable)?),
                LOGIN_KEY => session.set_stored(postcard::from_bytes(&record.value).map_err(unreadable)?),
                _ => {}
            }
        }
        Ok(session)
    }

    fn set_stored(&mut self, stored: StoredLogin) {
        let StoredLogin { who, certificate, device, presence } = stored;
        self.login = Some(Login { who, certificate, device });
        self.presence = presence;
    }

    /// Account or visitor.
    pub(crate) fn who(&self) -> Option<&Who> {
        self.login.as_ref().map(|login| &login.who)
    }

    /// The account, or nobody.
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.who().map(|who| who.account)
    }

    /// The tracker link on which this session is logged in.
    pub(crate) fn link(&self) -> Option<LinkId> {
        self.on
    }

    /// The time with the wall clock corrected by the tracker's.
    pub(crate) fn corrected(&self, now: Now) -> Now {
        Now { wall: UnixMillis(now.wall.0.saturating_add_signed(self.clock_ahead)), ..now }
    }

    /// Takes the tracker's clock; `now` is corrected by what was known before.
    pub(crate) fn set_clock(&mut self, theirs: UnixMillis, now: Now) {
        let ours = now.wall.0.saturating_add_signed(self.clock_ahead.saturating_neg());
        let ahead = i128::from(theirs.0) - i128::from(ours);
        self.clock_ahead = i64::try_from(ahead).unwrap_or(0);
    }

    /// Remembers the tracker's key; what is to be written for it.
    pub(crate) fn pin(&mut self, key: DeviceId) -> Vec<Write> {
        if self.tracker_key == Some(key) {
            return Vec::new();
        }
        self.tracker_key = Some(key);
        let value = Bytes::from(postcard::to_allocvec(&key).unwrap_or_default());
        alloc::vec![Write::Put { table: Table::Setting, key: Bytes::from_static(TRACKER_KEY), value }]
    }

    /// A login succeeded; what is to be written for it. Nothing of a visitor is kept.
    pub(crate) fn on_logged_in(
        &mut self,
        link: LinkId,
        logged_in: LoggedIn,
        presence: Presence,
        now: Now,
    ) -> Vec<Write> {
        let LoggedIn { who, session, token, certificate, device } = logged_in;
        self.comeback = Some(match who.is_visitor() {
            true => Comeback::Guest(who.name.clone()),
            false => Comeback::Token(session, token),
        });
        self.login = Some(Login { who, certificate, device });
        self.presence = presence;
        self.on = Some(link);
        self.plan_renewal(now);
        self.writes()
    }

    /// A fresh certificate.
    pub(crate) fn on_renewed(&mut self, certificate: Signed<Certificate>, now: Now) -> Vec<Write> {
        if let Some(login) = &mut self.login {
            login.certificate = certificate;
        }
        self.plan_renewal(now);
        self.writes()
    }

    /// Another presence.
    pub(crate) fn set_presence(&mut self, presence: Presence) -> Vec<Write> {
        self.presence = presence;
        self.writes()
    }

    /// The tracker link is gone; who this peer is stays.
    pub(crate) fn on_link_lost(&mut self) {
        self.on = None;
        self.renew_at = None;
    }

    /// Nobody is logged in any more.
    pub(crate) fn forget(&mut self) -> Vec<Write> {
        self.login = None;
        self.comeback = None;
        self.on_link_lost();
        self.writes()
    }

    fn plan_renewal(&mut self, now: Now) {
        self.renew_at = self.login.as_ref().map(|login| {
            let certificate = &login.certificate;
            let half = certificate.issued.0 + certificate.expires.0.saturating_sub(certificate.issued.0) / 2;
            now.mono + core::time::Duration::from_millis(half.saturating_sub(now.wall.0).max(1))
        });
    }

    /// Whether the certificate is to be renewed now; asked once.
    pub(crate) fn take_renewal(&mut self, now: Instant) -> bool {
        let due = self.renew_at.is_some_and(|at| at <= now);
        if due {
            self.renew_at = None;
        }
        due
    }

    /// The renewal did not work: once more, later.
    pub(crate) fn renew_later(&mut self, at: Instant) {
        self.renew_at = self.on.map(|_| at);
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.renew_at.map(|at| Deadline::new(at, "certificate"))
    }

    fn writes(&self) -> Vec<Write> {
        let (table, key) = (Table::Setting, Bytes::from_static(LOGIN_KEY));
        let kept = self.login.as_ref().filter(|login| !login.who.is_visitor());
        let Some(Login { who, certificate, device }) = kept.cloned() else {
            return alloc::vec![Write::Delete { table, key }];
        };
        let stored = StoredLogin { who, certificate, device, presence: self.presence };
        let value = Bytes::from(postcard::to_allocvec(&stored).unwrap_or_default());
        alloc::vec![Write::Put { table, key, value }]
    }
}
