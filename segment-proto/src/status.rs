//! How a request ended: a status for machines that know nothing more, a reason for those that do.

open_enum! {
    /// The class of an outcome.
    pub enum Status {
        /// Done.
        Ok = 0 => "ok",
        /// The request was wrong; the same request will fail again.
        RequestError = 1 => "request_error",
        /// The other side could not; the same request may succeed later.
        ServerError = 2 => "server_error",
        /// Not for this session.
        Unauthorized = 3 => "unauthorized",
    }
}

macro_rules! reasons {
    ($( $(#[$meta:meta])* $variant:ident = $code:literal, $status:ident, $text:literal; )+) => {
        open_enum! {
            /// Why a request failed, to the point where a program can act on it.
            pub enum Reason {
                $( $(#[$meta])* $variant = $code => $text, )+
            }
        }

        impl Reason {
            /// The class that this reason belongs to.
            #[must_use]
            pub const fn status(self) -> Status {
                match self {
                    $( Self::$variant => Status::$status, )+
                    Self::Unknown(_) => Status::ServerError,
                }
            }
        }
    };
}

reasons! {
    /// The kind of the frame is not known here.
    UnsupportedKind = 1, RequestError, "unsupported_kind";
    /// The layout version of this kind is not known here.
    UnsupportedVersion = 2, RequestError, "unsupported_version";
    /// The other side speaks another major version of the protocol.
    ProtocolMismatch = 3, RequestError, "protocol_mismatch";
    /// The payload could not be decoded.
    Malformed = 4, RequestError, "malformed";
    /// The frame or a field is over its limit.
    TooLarge = 5, RequestError, "too_large";
    /// A signature does not verify.
    BadSignature = 6, RequestError, "bad_signature";
    /// `Hello` must come first, and once.
    OutOfOrder = 7, RequestError, "out_of_order";
    /// Too many requests; retry after the stated time.
    SlowDown = 8, ServerError, "slow_down";
    /// A limit of this server is reached.
    LimitReached = 9, ServerError, "limit_reached";
    /// The disk is full or failing; nothing more is accepted.
    StorageFailed = 10, ServerError, "storage_failed";
    /// The server is shutting down.
    ShuttingDown = 11, ServerError, "shutting_down";

    /// Log in first.
    LoginRequired = 20, Unauthorized, "login_required";
    /// Wrong name or wrong password: which of them is not said.
    WrongCredentials = 21, Unauthorized, "wrong_credentials";
    /// The session token is unknown or expired; log in with the password.
    SessionExpired = 22, Unauthorized, "session_expired";
    /// The certificate is expired, revoked, or not for this device.
    BadCertificate = 23, Unauthorized, "bad_certificate";
    /// Visitors may only read.
    VisitorsMayOnlyRead = 24, Unauthorized, "visitors_may_only_read";
    /// The channel refuses visitors.
    NoVisitors = 25, Unauthorized, "no_visitors";
    /// Only members may see this channel.
    MembersOnly = 26, Unauthorized, "members_only";
    /// The right to send in this channel is missing.
    MayNotSend = 27, Unauthorized, "may_not_send";
    /// Only the owner may do this.
    OwnerOnly = 28, Unauthorized, "owner_only";
    /// The envelope's author is not who sent it.
    NotTheAuthor = 29, Unauthorized, "not_the_author";
    /// The right to stream in this channel is missing.
    MayNotStream = 31, Unauthorized, "may_not_stream";
    /// This authentication method is not offered.
    UnsupportedAuth = 30, RequestError, "unsupported_auth";

    /// The name is taken, or looks like one that is.
    NameTaken = 40, RequestError, "name_taken";
    /// The name breaks a rule for names.
    BadName = 41, RequestError, "bad_name";
    /// The password is too short or too long.
    BadPassword = 42, RequestError, "bad_password";
    /// No such user.
    NoSuchUser = 43, RequestError, "no_such_user";
    /// No such channel, or none that this session may see.
    NoSuchChannel = 44, RequestError, "no_such_channel";
    /// This device does not host the channel.
    NotHost = 45, RequestError, "not_host";
    /// The host is away: the tracker's copy can be read, writing waits.
    HostAway = 46, ServerError, "host_away";
    /// The channel is hosted here and its owner may not be invisible.
    OwnerMayNotHide = 47, RequestError, "owner_may_not_hide";
    /// The session is closed because the same device logged in again.
    Replaced = 48, RequestError, "replaced";
    /// The request does not apply now.
    NotNow = 49, RequestError, "not_now";

    /// The sender's epoch is not the current one.
    Fenced = 60, RequestError, "fenced";
    /// The replicated entries do not continue the log.
    ChainMismatch = 61, RequestError, "chain_mismatch";
    /// The position is below the retained log.
    Gone = 62, RequestError, "gone";
    /// The envelope is over a static limit; final.
    BadEnvelope = 63, RequestError, "bad_envelope";
    /// The provisional tail is full: the tracker has not committed for a while.
    TailFull = 64, ServerError, "tail_full";

    /// No such stream, or it is over.
    NoSuchStream = 70, RequestError, "no_such_stream";
    /// The streamer has not come back in time.
    StreamerGone = 71, ServerError, "streamer_gone";
}
