//! The prompt, and what Tab knows: how things stand in the current channel.

use std::collections::BTreeSet;

use segment_core::peer::events::{PeerEvent, Serving, Stage};
use segment_core::peer::{ChannelView, Peer as Machine};
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

/// How things stand at one moment.
struct Look {
    /// Which of all looks it is.
    number: u64,
    current: Option<Target>,
    view: Option<ChannelView>,
    views: Vec<ChannelView>,
    on_their_way: BTreeSet<MessageKey>,
}

impl Look {
    fn take(machine: &Machine, talk: &Talk) -> Self {
        let (number, current) = {
            let mut known = talk.known();
            known.looks += 1;
            (known.looks, known.current.clone())
        };
        let id = current.as_ref().map(|target| target.id);
        let way = id.and_then(|id| machine.outgoing(id).ok()).map(|items| items.map(|item| item.key).collect());
        let (view, views) = (id.and_then(|id| machine.channel(id)), machine.channels().collect());
        Self { number, current, view, views, on_their_way: way.unwrap_or_default() }
    }

    fn link(&self) -> LinkState {
        match &self.view {
            Some(view) if !view.member => LinkState::Out,
            Some(view) if view.serving == Serving::Nowhere => LinkState::Down,
            _ => LinkState::Up,
        }
    }
}

/// Shows in the prompt, and to Tab, how things stand.
pub(super) async fn refresh(peer: &Peer, out: &Out, talk: &Talk) {
    let Some(screen) = out.as_screen() else { return };
    let looking = talk.clone();
    let Ok(look) = peer.call(move |machine, _| Look::take(machine, &looking)).await else { return };
    let mut known = talk.known();
    if known.shown_look > look.number {
        // Somebody has looked later, and was sooner back.
        return;
    }
    known.shown_look = look.number;
    known.note_channels(&look.views, peer.device());
    let waits = |(key, own): &(&MessageKey, &Own)| own.told && look.on_their_way.contains(key);
    let (waiting, link) = (known.own.iter().filter(waits).count(), look.link());
    known.newest = look.view.map_or(0, |view| view.head.pos);
    screen.set_known(known.for_tab());
    let (channel, unread) = (look.current.map(|Target { name, .. }| name), known.unread_elsewhere());
    screen.set_prompt(PromptState { channel, link, waiting, unread });
}
