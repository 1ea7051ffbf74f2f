//! What a peer records: one record per connection, message or batch, with its true source.

use segment_core::contract::{DialFailure, Direction};
use segment_core::peer::events::{PeerEvent, Source as From, Stage, Transfer};
use segment_proto::ids::short;
use segment_proto::{ChannelId, EpochOwner, MessageKey};

use crate::connection_log::{Details, EventType, Source, SourceKind};

type Parts = (EventType, Source, Details);

/// The record of an event; `None` where it is not recorded.
#[must_use]
pub fn record_of_peer(event: &PeerEvent) -> Option<Parts> {
    of_link(event).or_else(|| of_session(event)).or_else(|| of_channel(event))
}

fn of_link(event: &PeerEvent) -> Option<Parts> {
    use PeerEvent as E;
    Some(match event {
        E::LinkUp { link, source, peer, address, direction } => {
            let details = Details::new().with("link", link.0).with("direction", direction_name(*direction));
            let details = details.with("address", address).with("key", short(peer));
            (EventType::ConnectionOpened, of(source), details)
        }
        E::LinkLost { link, source } => (EventType::ConnectionClosed, of(source), Details::new().with("link", link.0)),
        E::DialFailed { source, address, reason } => {
            let (event, why) = match reason {
                DialFailure::WrongKey(_) => (EventType::ConnectionRefused, "wrong key"),
                DialFailure::Unreachable => (EventType::ConnectionFailed, "unreachable"),
                DialFailure::Handshake => (EventType::ConnectionFailed, "handshake"),
            };
            (event, of(source), Details::new().with("address", address).with("reason", why))
        }
        _ => return None,
    })
}

fn of_session(event: &PeerEvent) -> Option<Parts> {
    use PeerEvent as E;
    let tracker = || Source::new(SourceKind::Tracker, "");
    let details = Details::new();
    Some(match event {
        E::LoggedIn { who, session, .. } => {
            (EventType::SessionOpened, tracker(), details.with("user", who).with("session", session))
        }
        E::Replaced => (EventType::SessionClosed, tracker(), details.with("reason", "replaced")),
        E::LoginNeeded(failure) => (EventType::LoginRefused, tracker(), details.with("reason", failure.reason)),
        E::UserCame(row) => {
            (EventType::NotificationReceived, tracker(), details.with("what", "user came").with("user", &row.who))
        }
        E::UserGone { who, .. } => {
            (EventType::NotificationReceived, tracker(), details.with("what", "user gone").with("user", who))
        }
        E::ChannelChanged(row) => {
            let details = details.with("what", "channel changed").with("channel", row.record.channel);
            let details = details.with("name", format_args!("#{}", row.record.name));
            (EventType::NotificationReceived, tracker(), details.with("host_present", row.host_present))
        }
        _ => return None,
    })
}

fn of_channel(event: &PeerEvent) -> Option<Parts> {
    use PeerEvent as E;
    Some(match event {
        // What a host's own replica shares with it has not moved.
        E::Transferred { with: From::Local, .. } => return None,
        E::Transferred { channel, with, transfer, first, last } => {
            (transfer_type(*transfer), of(with), places(channel, *first, *last))
        }
        E::MessageStage { key, stage, pos } => {
            let (event, source) = match stage {
                Stage::Queued => (EventType::OutboxQueued, Source::own()),
                Stage::Stored => (EventType::MessageStored, Source::new(SourceKind::Host, "")),
                Stage::Committed => (EventType::MessageCommitted, Source::new(SourceKind::Tracker, "")),
            };
            (event, source, message(key).with("pos", pos.unwrap_or(0)))
        }
        E::MessageRefused { key, reason, .. } => {
            (EventType::MessageRefused, Source::new(SourceKind::Host, ""), message(key).with("reason", reason))
        }
        E::RightsChanged { channel, rights } => {
            let details = Details::new().with("channel", channel).with("rights", rights);
            (EventType::AccessChanged, Source::new(SourceKind::Host, ""), details)
        }
        E::Removed { channel, reason } => {
            let details = Details::new().with("channel", channel).with("reason", reason);
            (EventType::ChannelLeft, Source::new(SourceKind::Host, ""), details)
        }
        E::OlderRemoved { channel, below, kept } => {
            let details = Details::new().with("channel", channel).with("below", below).with("kept", kept);
            (EventType::EntriesRemoved, Source::new(SourceKind::Host, ""), details)
        }
        E::DamageFound { channel, at } => (EventType::DamageFound, of(at), Details::new().with("channel", channel)),
        E::MemberLink { channel, who, came, .. } => {
            let event = if *came { EventType::MemberCame } else { EventType::MemberWent };
            (event, Source::new(SourceKind::Peer, &who.to_string()), Details::new().with("channel", channel))
        }
        E::Hosting { channel, fence, .. } => {
            let details = Details::new().with("channel", channel).with("epoch", fence.epoch);
            (EventType::HostCame, Source::new(SourceKind::Tracker, ""), details)
        }
        E::EpochChanged { channel, fence, owner, base } => {
            let details = Details::new().with("channel", channel).with("epoch", fence.epoch).with("base", base);
            match owner {
                EpochOwner::Tracker => (EventType::HostWent, Source::new(SourceKind::Tracker, ""), details),
                EpochOwner::Host(device) => {
                    (EventType::HostCame, Source::new(SourceKind::Host, &short(device)), details)
                }
            }
        }
        E::HostingStopped { channel } => (EventType::HostWent, Source::own(), Details::new().with("channel", channel)),
        _ => return None,
    })
}

const fn transfer_type(transfer: Transfer) -> EventType {
    match transfer {
        Transfer::Live => EventType::MessageReceived,
        Transfer::Fetched | Transfer::Adopted => EventType::PageSynced,
        Transfer::Submitted => EventType::MessageSent,
        Transfer::Replicated => EventType::EntriesReplicated,
    }
}

const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
    }
}

fn places(channel: &ChannelId, first: u64, last: u64) -> Details {
    let details = Details::new().with("channel", channel);
    if first == 0 { details } else { details.with("first", first).with("last", last) }
}

fn message(key: &MessageKey) -> Details {
    let details = Details::new().with("channel", key.channel).with("device", short(&key.device));
    details.with("incarnation", key.incarnation).with("seq", key.seq)
}

fn of(source: &From) -> Source {
    match source {
        From::Host(device) => Source::new(SourceKind::Host, &short(device)),
        From::Tracker => Source::new(SourceKind::Tracker, ""),
        From::Peer(device) => Source::new(SourceKind::Peer, &short(device)),
        From::Local => Source::own(),
    }
}
