//! What the people at the two peers do.

use segment_core::Endpoint;
use segment_core::peer::Unsent;
use segment_proto::messages::{ChannelFilter, Presence, Secret};
use segment_proto::{AccessChange, AccountId, ChannelId, Rights, View, Visitors};

use super::{NAMES, TRACKER, Town, address, device};

impl Town {
    pub(super) fn command(&mut self, node: usize, code: u8) {
        let now = self.now;
        let key = Some(device(TRACKER));
        let Some(peer) = self.nodes[node].process.peer_mut() else { return };
        let channel = peer.channels().next().map_or(ChannelId::from_random([0; 16]), |view| view.record.channel);
        let secret = || Secret("a long password".into());
        let name = NAMES[node];
        // Refused or not: the machine goes on.
        let _ = match code % 20 {
            0 => peer.connect(Endpoint { address: address(TRACKER), key }, now).map(drop),
            1 => {
                peer.listen(address(node).port(), None, now);
                peer.register(name, secret(), Presence::Online, now).map(drop)
            }
            2 => peer.login(name, secret(), Presence::Online, now).map(drop),
            3 if node == 1 => peer.create_channel("general", View::Public, Visitors::Read, now).map(drop),
            3 | 4 => peer.join("general", now).map(drop),
            5..=8 => peer.send(channel, "hello", now).map(drop),
            9 => peer.history(channel, None, 20, now).map(drop),
            10 => peer.retry(channel, now),
            11 => peer.drop_outgoing(channel, None, now).map(drop),
            12 => peer.leave(channel, Unsent::Drop, now).map(drop),
            13 => {
                let other = AccountId(2);
                let allow = AccessChange::allow(other, "ada".into(), Rights::READ);
                let changes = [AccessChange::deny(other, "ada".into()), AccessChange::kick(other, "ada".into()), allow];
                peer.change_access(channel, &changes[usize::from(code / 20) % 3], now).map(drop)
            }
            14 => peer.set_status(Presence::Invisible, now).map(drop),
            15 => peer.set_status(Presence::Online, now).map(drop),
            16 => peer.list_channels(ChannelFilter::All, "", now).map(drop),
            17 => peer.list_members(channel, AccountId::NOBODY, now).map(drop),
            18 => {
                peer.disconnect(now);
                Ok(())
            }
            _ => peer.logout(now).map(drop),
        };
        self.drain(node);
    }
}
