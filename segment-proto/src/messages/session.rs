//! Coming, proving who one is, staying, leaving.

use alloc::string::{String, ToString};
use core::net::IpAddr;
use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, SessionId};
use crate::limits::DETAIL_BYTES_MAX;
use crate::records::{Certificate, Detail, DeviceRecord, Who};
use crate::secrets::{Secret, Token};
use crate::signed::Signed;
use crate::status::{Reason, Status};
use crate::time::UnixMillis;
use crate::version::ProtocolVersion;

open_enum! {
    /// How a password is shown to the tracker.
    pub enum AuthMethod {
        /// The password itself, inside TLS to a pinned tracker key; stored as Argon2id.
        Password = 1 => "password",
    }
}

open_enum! {
    /// How a user wants to be seen.
    pub enum Presence {
        /// Shown to all other users.
        Online = 1 => "online",
        /// Shown exactly as offline, works exactly as online.
        Invisible = 2 => "invisible",
        /// Not connected. Never sent as a wish.
        Offline = 3 => "offline",
    }
}

open_enum! {
    /// What somebody is to whom they greet.
    pub enum Greeter {
        /// Looking for the tracker.
        Client = 1 => "client",
        /// A member, greeting a host.
        Member = 2 => "member",
    }
}

/// The first message on every link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The newest protocol that the sender speaks.
    pub protocol: ProtocolVersion,
    /// What the sender is.
    pub greeter: Greeter,
    /// Program and version, for people.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub software: String,
}

/// The answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that both speak.
    pub protocol: ProtocolVersion,
    /// The greeted side's clock, by which the other corrects its own.
    pub wall: UnixMillis,
    /// Where the greeter was seen.
    pub seen_at: SocketAddr,
    /// Program and version, for people.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub software: String,
}

/// Creates an account and logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The wished name.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub name: String,
    /// How the secret is to be understood.
    pub auth_method: AuthMethod,
    /// The secret; 8 to 256 bytes.
    pub secret: Secret,
    /// How to be seen from the start.
    pub presence: Presence,
}

/// Makes an account again that this tracker has lost, and logs in: the same account, proven by what the tracker has
/// signed for the asking device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterAgain {
    /// Whose device this is; signed by the tracker that is asked.
    pub device: Signed<DeviceRecord>,
    /// How the secret is to be understood.
    pub auth_method: AuthMethod,
    /// The secret; 8 to 256 bytes.
    pub secret: Secret,
    /// How to be seen from the start.
    pub presence: Presence,
}

/// Logs in with a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The account's name.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub name: String,
    /// How the secret is to be understood.
    pub auth_method: AuthMethod,
    /// The secret.
    pub secret: Secret,
    /// How to be seen from the start.
    pub presence: Presence,
}

/// Enters as a visitor: reads, nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// The name to be shown, behind a `~`.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub name: String,
}

/// Logs in again with the token of an earlier login of this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeSession {
    /// The session.
    pub session: SessionId,
    /// Its token.
    pub token: Token,
    /// How to be seen from the start.
    pub presence: Presence,
}

/// A login succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// Who one is now.
    pub who: Who,
    /// The session.
    pub session: SessionId,
    /// Reconnects without a password; replaces an earlier one.
    pub token: Token,
    /// Admits to hosts.
    pub certificate: Signed<Certificate>,
    /// Tells readers whose device this is; visitors have none.
    pub device: Option<Signed<DeviceRecord>>,
}

/// Ends the session and forgets its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logout {}

/// Where others may dial this session (`submit_info` of the originals).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// The port on which this peer listens; 0: it does not.
    pub port: u16,
    /// An address to name instead of the one seen.
    pub advertise: Option<IpAddr>,
}

/// The address under which the session is listed (`add_list` of the originals).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// IP and port.
    pub address: SocketAddr,
}

/// Changes how this session is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetStatus {
    /// Online or invisible.
    pub presence: Presence,
}

/// Asks for a sign of life, and keeps the lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {}

/// A sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The answering side's clock.
    pub wall: UnixMillis,
}

/// The sender is about to close the link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goodbye {
    /// Why; after `replaced`, do not reconnect by yourself.
    pub reason: Reason,
}

/// A request failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class.
    pub status: Status,
    /// The reason.
    pub reason: Reason,
    /// More, for people.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub detail: Detail,
    /// Try again after so many milliseconds; 0: as you like, or never.
    pub retry_after_ms: u32,
}

impl Failure {
    /// A failure with its reason's status. The detail is cut at [`DETAIL_BYTES_MAX`].
    #[must_use]
    pub fn new(reason: Reason, detail: &str) -> Self {
        Self {
            status: reason.status(),
            reason,
            detail: detail[..detail.floor_char_boundary(DETAIL_BYTES_MAX)].to_string(),
            retry_after_ms: 0,
        }
    }

    /// A failure that passes.
    #[must_use]
    pub fn retry_after(reason: Reason, retry_after_ms: u32) -> Self {
        Self { retry_after_ms, ..Self::new(reason, "") }
    }
}

/// A request succeeded, and there is nothing else to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// Asks for a fresh certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewCertificate {}

/// A fresh certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRenewed {
    /// Replaces the one held.
    pub certificate: Signed<Certificate>,
}

/// A session has ended before its certificate did: hosts admit it no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The session.
    pub session: SessionId,
    /// Its device.
    pub device: DeviceId,
}
