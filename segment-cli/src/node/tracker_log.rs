//! What a tracker records.

use segment_core::tracker::events::TrackerEvent;
use segment_proto::DeviceId;
use segment_proto::ids::short;

use crate::connection_log::{Details, EventType, Source, SourceKind};

/// The record of an event; `None` where it is not recorded.
#[must_use]
pub fn record_of_tracker(event: &TrackerEvent) -> Option<(EventType, Source, Details)> {
    use TrackerEvent as E;
    let details = Details::new();
    Some(match event {
        E::LinkUp { link, peer, address } => {
            let details = details.with("link", link.0).with("direction", "in").with("address", address);
            (EventType::ConnectionOpened, of(SourceKind::Peer, peer), details)
        }
        E::LinkLost { link, peer } => {
            (EventType::ConnectionClosed, of(SourceKind::Peer, peer), details.with("link", link.0))
        }
        E::LoggedIn { who, session } => (EventType::SessionOpened, user(who), details.with("session", session)),
        E::SessionEnded { who, session, end } => {
            (EventType::SessionClosed, user(who), details.with("session", session).with("how", end))
        }
        E::Refused { link, reason } => {
            (EventType::RequestRefused, Source::own(), details.with("link", link.0).with("reason", reason))
        }
        E::ChannelCreated { channel } => (EventType::ChannelCreated, Source::own(), details.with("channel", channel)),
        E::HostPresence { channel, present } => {
            let event = if *present { EventType::HostCame } else { EventType::HostWent };
            (event, Source::own(), details.with("channel", channel))
        }
        E::HostMoved { channel, to } => {
            (EventType::HostMoved, Source::own(), details.with("channel", channel).with("to", short(to)))
        }
        E::Replicated { channel, from, first, last } => {
            let details = details.with("channel", channel).with("first", first).with("last", last);
            (EventType::EntriesReplicated, of(SourceKind::Host, from), details)
        }
        E::TookOver { channel, fence } => {
            let details = details.with("channel", channel).with("generation", fence.generation);
            (EventType::ChannelTakenOver, Source::own(), details.with("epoch", fence.epoch))
        }
        E::Sequenced { channel, first, last } => {
            let details = details.with("channel", channel).with("first", first).with("last", last);
            (EventType::EntriesSequenced, Source::own(), details)
        }
        E::Trimmed { channel, to } => {
            (EventType::EntriesRemoved, Source::own(), details.with("channel", channel).with("up_to", to))
        }
        E::DamageFound { channel } => (EventType::DamageFound, Source::own(), details.with("channel", channel)),
        E::Healed { channel, first, last } => {
            let details = details.with("channel", channel).with("first", first).with("last", last);
            (EventType::EntriesHealed, Source::own(), details)
        }
        E::Served { channel, to, first, last } => {
            let details =
                details.with("channel", channel).with("to", short(to)).with("first", first).with("last", last);
            (EventType::PageServed, Source::own(), details)
        }
    })
}

fn of(kind: SourceKind, device: &DeviceId) -> Source {
    Source::new(kind, &short(device))
}

fn user(who: &segment_proto::Who) -> Source {
    Source::new(SourceKind::Peer, &who.to_string())
}
