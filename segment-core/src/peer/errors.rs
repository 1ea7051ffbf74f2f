//! Why a command was not carried out.

use segment_proto::DeviceId;
use segment_proto::names::NameError;

use crate::replica::SendError;

/// Why a command was not carried out. Nothing was sent and nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is no tracker to ask.
    #[error("not connected to a tracker: nothing was asked; connect, or wait until it is there again")]
    NotConnected,
    /// The tracker answers this only to a session.
    #[error("nobody is logged in: nothing was asked; log in, register, or enter as a guest")]
    NotLoggedIn,
    /// Too many requests are under way.
    #[error("too many requests are under way: this one was not sent; wait for answers first")]
    Busy,
    /// The peer was shut down.
    #[error("this peer is shut down: nothing was done; start it again")]
    ShutDown,
    /// The name breaks a rule for names.
    #[error("{0}: nothing was asked; choose another name")]
    BadName(#[from] NameError),
    /// The password is too short or too long.
    #[error("a password has {min} to {max} bytes: nothing was sent; choose another one", min = SECRET_BYTES_MIN, max = SECRET_BYTES_MAX)]
    BadPassword,
    /// What this profile knows belongs to another tracker.
    #[error(
        "this profile belongs to the tracker {known}, not to {given}: not connected; use another profile, or the right key"
    )]
    OtherTracker {
        /// The key of the profile's tracker.
        known: DeviceId,
        /// The key that was asked for.
        given: DeviceId,
    },
    /// The channel is not among the joined ones.
    #[error("this channel is not joined: nothing was done; join it first")]
    NotJoined,
    /// As many channels are joined as may be.
    #[error("{0} channels are joined, which is the most there may be: leave one first")]
    TooManyChannels(usize),
    /// The channel lives here: without this device it would have no home.
    #[error("this channel is hosted here, so it cannot be left: its messages would have no home")]
    HostedHere,
    /// The channel is not hosted by this device.
    #[error("this channel is not hosted here: look at its host's device")]
    NotHosted,
    /// Own messages would be lost.
    #[error(
        "{0} own messages are not committed yet and would be lost: not left; wait for them, or leave and drop them"
    )]
    Unsent(usize),
    /// Only the owner changes who may do what.
    #[error("only the owner may change the rights in this channel: nothing was changed; ask the owner")]
    OwnerOnly,
    /// No such stream is sent or watched here, or its description is not its streamer's.
    #[error("there is no such stream here: nothing was done; list the streams of the channel")]
    NoSuchStream,
    /// As many streams are sent and watched as may be.
    #[error("{0} streams are sent and watched here, which is the most there may be: end one first")]
    TooManyStreams(usize),
    /// The message was not taken.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Shortest password, in bytes.
pub const SECRET_BYTES_MIN: usize = 8;
/// Longest password, in bytes.
pub const SECRET_BYTES_MAX: usize = 256;
