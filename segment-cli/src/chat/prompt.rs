//! The prompt, and what Tab knows: how things stand in the current channel.

use std::collections::BTreeSet;

use segment_core::peer::events::{PeerEvent, Serving, Stage};
use segment_net::Peer;
use segment_proto::MessageKey;

use super::output::Out;
use super::talk::{Own, Talk};
use super::{Chat, Target};
use crate::render::{LinkState, PromptState};

impl Chat {
    pub(super) async fn refresh_prompt(&self) {
        refresh(self.peer(), &self.out, &self.talk).await;
    }
}

pub(super) const fn changes_prompt(event: &PeerEvent) -> bool {
    matches!(
        event,
        PeerEvent::ServedFrom { .. }
            | PeerEvent::MessageStage { stage: Stage::Committed, .. }
            | PeerEvent::MessageRefused { .. }
            | PeerEvent::Removed { .. }
            | PeerEvent::MessageStage { stage: Stage::Queued, .. }
            | PeerEvent::ChannelChanged(_)
            | PeerEvent::UserCame(_)
    )
}

/// Shows in the prompt, and to Tab, how things stand.
pub(super) async fn refresh(peer: &Peer, out: &Out, talk: &Talk) {
    let Some(screen) = out.as_screen() else { return };
    let current = talk.current();
    let id = current.as_ref().map(|target| target.id);
    let look = move |machine: &mut segment_core::peer::Peer, _| {
        let views: Vec<_> = machine.channels().collect();
        let way = id.and_then(|id| machine.outgoing(id).ok()).map(|items| items.map(|item| item.key).collect());
        let on_their_way: BTreeSet<MessageKey> = way.unwrap_or_default();
        let view = id.and_then(|id| machine.channel(id));
        let (serving, newest) = (view.as_ref().map(|view| view.serving), view.map_or(0, |view| view.head.pos));
        (serving, newest, views, on_their_way)
    };
    let Ok((serving, newest, views, on_their_way)) = peer.call(look).await else { return };
    let mut known = talk.known();
    known.note_channels(&views, peer.device());
    let waits = |(key, own): &(&MessageKey, &Own)| own.told && on_their_way.contains(key);
    let waiting = known.own.iter().filter(waits).count();
    let link = match serving {
        Some(Serving::Nowhere) => LinkState::Down,
        _ => LinkState::Up,
    };
    known.newest = newest;
    screen.set_known(known.for_tab());
    let unread = known.unread_elsewhere();
    drop(known);
    screen.set_prompt(PromptState { channel: current.map(|Target { name, .. }| name), link, waiting, unread });
}
