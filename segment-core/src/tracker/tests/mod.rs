#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod entrance;
mod hiding;
mod hosting;
mod moving;
mod rights;
mod streaming;
mod writing;

use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::messages::*;
use segment_proto::{
    AccessChange, AccountId, ChannelId, Entry, Envelope, EnvelopeKind, Evidence, Fence, Hash, Identity, LinkId,
    Message, MessageKey, Nonce, Position, Signed,
};

use crate::tracker::bench::{Bench, Seen, User, find};

/// The host of a channel, as far as a tracker sees it.
struct TestHost {
    owner: User,
    channel: ChannelId,
    nonce: Nonce,
    fence: Fence,
    at: Position,
    prev: Hash,
}

impl TestHost {
    fn new(owner: &User, channel: ChannelId) -> Self {
        Self {
            owner: owner.clone(),
            channel,
            nonce: Nonce([1; 16]),
            fence: Fence::default(),
            at: Position::START,
            prev: Hash::ZERO,
        }
    }

    fn hello(&self) -> HostHello {
        HostHello {
            channel: self.channel,
            nonce: self.nonce,
            max_fence: self.fence,
            tip: self.at,
            resubmit: 0,
            evidence: Evidence::default(),
            after: self.at,
        }
    }

    /// Asks for an epoch and gets it. What follows from that.
    fn come(&mut self, bench: &mut Bench) -> Vec<Seen> {
        let Message::Adopt(adopt) = bench.answer(self.owner.link, self.hello()) else { panic!() };
        let generation = adopt.epochs.last().unwrap().fence.generation;
        let adopted = Adopted { channel: self.channel, nonce: self.nonce, generation, at: adopt.head };
        let seen = bench.ask(self.owner.link, adopted);
        let grant = seen.iter().find_map(|seen| match seen {
            Seen::Answer(_, Message::Grant(grant)) => Some(grant.record.fence),
            _ => None,
        });
        self.fence = grant.expect("granted");
        seen
    }

    /// Sequences a change of rights, and replicates it. What follows from that.
    fn change(&mut self, bench: &mut Bench, change: &AccessChange) -> Vec<Seen> {
        let replicate = self.replicate(bench, change);
        bench.push(self.owner.link, replicate)
    }

    fn replicate(&mut self, bench: &Bench, change: &AccessChange) -> Replicate {
        let seq = self.at.pos + 1;
        let key = MessageKey { channel: self.channel, device: self.owner.device, incarnation: 1, seq };
        let envelope = Envelope {
            key,
            account: self.owner.who.account,
            prev: self.prev,
            sent: bench.now.wall,
            kind: EnvelopeKind::Access,
            body: Bytes::from(postcard::to_allocvec(change).unwrap()),
        };
        let envelope = Signed::new(envelope, &Identity::simulated(self.owner.device));
        self.prev = envelope.hash();
        let entry = Entry { pos: seq, epoch: self.fence.epoch, sequenced: bench.now.wall, envelope };
        let before = self.at.chain;
        self.at = entry.position(&before);
        Replicate { channel: self.channel, fence: self.fence, before, entries: alloc::vec![entry] }
    }
}

fn hosted(bench: &mut Bench, owner: &User, message: CreateChannel) -> TestHost {
    let channel = bench.create_with(owner, message).record.channel;
    let mut host = TestHost::new(owner, channel);
    host.come(bench);
    host
}

fn row(bench: &mut Bench, user: &User, name: &str) -> ChannelRow {
    match bench.answer(user.link, find(name)) {
        Message::ChannelFound(found) => found.row,
        other => panic!("{other:?}"),
    }
}

/// Who was told that a channel has changed, and how it is.
fn changed(seen: &[Seen]) -> Option<(Vec<LinkId>, ChannelRow)> {
    let mut changes = seen.iter().filter_map(|seen| match seen {
        Seen::Push(to, Message::ChannelChanged(changed)) if changed.row.joined => {
            Some((to.clone(), changed.row.clone()))
        }
        _ => None,
    });
    let change = changes.next();
    assert!(changes.next().is_none(), "told once: {seen:?}");
    change.map(|(mut to, row)| {
        to.sort();
        (to, row)
    })
}

fn members(bench: &mut Bench, user: &User, channel: ChannelId) -> Vec<alloc::string::String> {
    match bench.answer(user.link, ListMembers { channel, after: AccountId::NOBODY }) {
        Message::MemberPage(page) => page.rows.iter().map(|row| row.who.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}
