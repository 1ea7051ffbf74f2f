//! What a user does because the scenario says so.

use segment_core::peer::{Peer, TrackerState, Unsent};
use segment_proto::messages::{ChannelFilter, Presence};
use segment_proto::{AccessChange, AccountId, ChannelId, Measure, Now, Rights};

use crate::dice::Dice;
use crate::scenario::Deed;
use crate::user::{Ask, Sent, Town, User, view, visitors};

/// The padding of a long text, in bytes.
const LONG: usize = 2_000;

impl User {
    /// They do something. Says what they have written.
    pub fn perform(&mut self, deed: Deed, dice: &mut Dice, peer: &mut Peer, town: &Town, now: Now) -> Option<Sent> {
        match deed {
            Deed::Write => return self.write(0, dice, peer, now),
            Deed::WriteLong => return self.write(LONG, dice, peer, now),
            _ if peer.tracker_state() != TrackerState::LoggedIn => {}
            Deed::LookBack => self.look_back(dice, peer, now),
            Deed::LookAround => self.look_around(dice, peer, now),
            Deed::Allow | Deed::Deny | Deed::Kick | Deed::Open | Deed::Retain => {
                self.change_access(deed, dice, peer, town, now)
            }
            Deed::Hide => self.set_status(Presence::Invisible, peer, now),
            Deed::Show => self.set_status(Presence::Online, peer, now),
            Deed::Leave => self.leave(dice, peer, now),
            Deed::Disconnect => peer.disconnect(now),
            Deed::Backup => {}
            Deed::Move => self.move_channel(dice, peer, town, now),
        }
        None
    }

    fn write(&mut self, padding: usize, dice: &mut Dice, peer: &mut Peer, now: Now) -> Option<Sent> {
        let channel = some_channel(dice, peer)?;
        let text = format!("u{} m{} {}", self.tag, self.number + 1, "x".repeat(padding));
        let key = peer.send(channel, &text, now).ok()?;
        Some(Sent { text, channel, number: self.count_one(), key })
    }

    fn look_back(&mut self, dice: &mut Dice, peer: &mut Peer, now: Now) {
        let Some(channel) = some_channel(dice, peer) else { return };
        let before = if dice.chance(500) { None } else { Some(dice.between(1, 60)) };
        let count = dice.index(40) + 1;
        let asked = peer.history(channel, before, count, now);
        self.remember(asked, Ask::Other);
    }

    fn look_around(&mut self, dice: &mut Dice, peer: &mut Peer, now: Now) {
        let asked = match dice.between(0, 2) {
            0 => peer.list_users(None, now),
            1 => peer.list_channels(ChannelFilter::All, "", now),
            _ => {
                let Some(channel) = some_channel(dice, peer) else { return };
                peer.list_members(channel, AccountId::NOBODY, now)
            }
        };
        self.remember(asked, Ask::Other);
    }

    fn change_access(&mut self, deed: Deed, dice: &mut Dice, peer: &mut Peer, town: &Town, now: Now) {
        let owned: Vec<ChannelId> =
            peer.channels().filter(|view| view.hosted).map(|view| view.record.channel).collect();
        let others: Vec<(String, AccountId)> =
            town.accounts.iter().filter(|(name, _)| **name != self.name).map(|(n, a)| (n.clone(), *a)).collect();
        let (Some(channel), Some((name, account))) = (dice.pick(&owned), dice.pick(&others).cloned()) else { return };
        let change = match deed {
            Deed::Deny => AccessChange::deny(account, name),
            Deed::Kick => AccessChange::kick(account, name),
            Deed::Retain if dice.chance(700) => AccessChange::retain(Measure::Count, dice.between(1, 40)),
            Deed::Retain => AccessChange::retain(Measure::Bytes, dice.between(1_000, 20_000)),
            Deed::Open if dice.chance(500) => AccessChange::set_view(view(dice)),
            Deed::Open => AccessChange::set_visitors(visitors(dice)),
            _ if dice.chance(800) => AccessChange::allow(account, name, Rights::ALL),
            _ => AccessChange::allow(account, name, Rights::READ),
        };
        // Not taken where the outbox is full: the owner tries something else later.
        let _ = peer.change_access(*channel, &change, now);
    }

    fn move_channel(&mut self, dice: &mut Dice, peer: &mut Peer, town: &Town, now: Now) {
        let Some(me) = peer.whoami().map(|me| me.who) else { return };
        let owned: Vec<ChannelId> = peer
            .channels()
            .filter(|view| view.record.owner.account == me.account)
            .map(|view| view.record.channel)
            .collect();
        let devices = town.devices.get(&self.name).map(Vec::as_slice).unwrap_or_default();
        if let (Some(channel), Some(device)) = (dice.pick(&owned), dice.pick(devices)) {
            // As with rights: refused where the outbox is full.
            let _ = peer.designate(*channel, &me, *device, now);
        }
    }

    fn leave(&mut self, dice: &mut Dice, peer: &mut Peer, now: Now) {
        let Some(channel) = some_channel(dice, peer) else { return };
        let asked = peer.leave(channel, Unsent::Keep, now);
        self.remember(asked, Ask::Leave(channel));
    }
}

fn some_channel(dice: &mut Dice, peer: &Peer) -> Option<ChannelId> {
    let joined: Vec<ChannelId> = peer.channels().filter(|view| view.member).map(|view| view.record.channel).collect();
    dice.pick(&joined).copied()
}
