//! Every message, one struct each, and the one table that gives them their numbers.
//!
//! A kind selects a struct; postcard never sees an enumeration of messages. Fields are only ever
//! appended within a (kind, version): what an older peer does not know stands behind what it does.

use alloc::string::String;

use crate::envelope::SignedEnvelope;
use crate::frame::Header;
use crate::log::Entry;

#[macro_use]
mod table;

mod channel;
mod directory;
mod passing;
mod payload;
mod replication;
mod session;
mod stream;

pub use crate::secrets::Secret;
pub use channel::*;
pub use directory::*;
pub use passing::*;
pub use payload::{DecodeError, Encoder, Kind, Payload, Request};
pub use replication::*;
pub use session::*;
pub use stream::*;

messages! {
    0x0101 Hello => Welcome;
    0x0102 Welcome;
    0x0103 Register => LoggedIn;
    0x0104 Login => LoggedIn;
    0x0105 Guest => LoggedIn;
    0x0106 ResumeSession => LoggedIn;
    0x0107 LoggedIn;
    0x0108 Logout => Done;
    0x0109 Announce => Announced;
    0x010a Announced;
    0x010b SetStatus => Done;
    0x010c Ping => Pong;
    0x010d Pong;
    0x010e Goodbye;
    0x010f Failure;
    0x0110 Done;
    0x0111 RenewCertificate => CertificateRenewed;
    0x0112 CertificateRenewed;
    0x0113 Revoked;
    0x0114 RegisterAgain => LoggedIn;

    0x0201 ListUsers => UserPage;
    0x0202 UserPage;
    0x0203 UserCame;
    0x0204 UserGone;
    0x0205 CreateChannel => ChannelFound;
    0x0206 ChannelFound;
    0x0207 ListChannels => ChannelPage;
    0x0208 ChannelPage;
    0x0209 FindChannel => ChannelFound;
    0x020a JoinChannel => ChannelFound;
    0x020b LeaveChannel => Done;
    0x020c ListMembers => MemberPage;
    0x020d MemberPage;
    0x020e ChannelChanged;
    0x020f FindDevices => DevicePage;
    0x0210 DevicePage;
    0x0211 FindUser => UserFound;
    0x0212 UserFound;
    0x0213 RestoreChannel => ChannelFound;

    0x0301 Subscribe => Subscribed;
    0x0302 Subscribed;
    0x0303 Unsubscribe => Done;
    0x0304 Submit => Submitted;
    0x0305 Submitted;
    0x0306 Entries;
    0x0307 Watermarks;
    0x0308 ReadTail => EntryPage;
    0x0309 ReadRange => EntryPage;
    0x030a EntryPage;
    0x030b Sync => SyncPage;
    0x030c SyncPage;
    0x030d Diverged;
    0x030e Removed;
    0x030f Forward => Submitted;
    0x0310 ReadOwn => OwnEntries;
    0x0311 OwnEntries;
    0x0312 Delivered;
    0x0313 Deliveries;

    0x0401 HostHello => Adopt;
    0x0402 Adopt;
    0x0403 Adopted => Grant;
    0x0404 Grant;
    0x0405 Replicate;
    0x0406 Committed;
    0x0407 Fenced;
    0x0408 ReplicateRefused;
    0x0409 Lost;
    0x040a Reseed => Reseeded;
    0x040b Reseeded;
    0x040c ReadSnapshot => SnapshotPart;
    0x040d SnapshotPart;

    0x0501 StartStream => Done;
    0x0502 StopStream => Done;
    0x0503 ListStreams => StreamPage;
    0x0504 StreamPage;
    0x0505 StreamStarted;
    0x0506 StreamStopped;
    0x0507 Watch => Done;
    0x0508 Unwatch => Done;
    0x0509 Unwatched;
    0x050a Plan;
    0x050b Follow;
    0x050c Unfollow;
    0x050d Unserved;
    0x050e GroupHeader;
    0x050f Chunk;
    0x0510 Taken;
    0x0511 ParentLost;
    0x0512 ViewerReport;
    0x0513 ListViewers => ViewerPage;
    0x0514 ViewerPage;
    0x0515 ShutOut;
    0x0516 ForwardStream;
    0x0517 ReturnStream;
    0x0518 ShowTicket;
}

impl Message {
    /// As [`Message::decode`], but a stream's payload is a part of `bytes` and no copy.
    ///
    /// # Errors
    /// As there.
    pub fn decode_shared(header: &Header, bytes: &bytes::Bytes) -> Result<Self, DecodeError> {
        if header.kind == Chunk::KIND {
            return Chunk::decode_shared(header.version, bytes).map(Self::Chunk);
        }
        Self::decode(header, bytes)
    }

    /// Every envelope in it: their signatures are checked before a machine sees the message.
    pub fn envelopes(&self) -> impl Iterator<Item = &SignedEnvelope> {
        let (entries, envelopes): (&[Entry], &[SignedEnvelope]) = match self {
            Self::Entries(m) => (&m.entries, &[]),
            Self::EntryPage(m) => (&m.entries, &[]),
            Self::SyncPage(m) => (&m.entries, &[]),
            Self::Adopt(m) => (&m.entries, &[]),
            Self::Replicate(m) => (&m.entries, &[]),
            Self::OwnEntries(m) => (&m.entries, &[]),
            Self::Reseed(m) => (&m.entries, &[]),
            Self::Submit(m) => (&[], &m.envelopes),
            Self::Forward(m) => (&[], &m.envelopes),
            _ => (&[], &[]),
        };
        entries.iter().map(|entry| &entry.envelope).chain(envelopes)
    }
}
