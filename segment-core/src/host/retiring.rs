//! The channel is hosted elsewhere, or its host is not to be seen: sequencing ends, reading goes on elsewhere,
//! and what was cut is brought to whoever sequences now.

use alloc::vec::Vec;

use segment_proto::{ChannelRecord, LinkId, Signed};

use crate::host::tenure::{Phase, Standing};
use crate::host::{Company, Host};
use crate::peer::context::Context;
use crate::peer::events::PeerEvent;
use crate::store::Write;

impl Host {
    /// Ends, and cuts what is not committed: the log is a reader's from here on. What is to be written for that,
    /// in one transaction with what says so.
    pub fn retire(&mut self, cx: &mut Context<'_>) -> Vec<Write> {
        if self.tenure.owned().is_some() {
            cx.out.event(PeerEvent::HostingStopped { channel: self.channel() });
        }
        let writes = self.cut_behind(self.committed_position(), cx);
        self.company = Company::Reader;
        self.tenure.phase = Phase::Idle;
        self.tenure.standing = Standing::Retired;
        (self.tenure.nonce, self.tenure.staging) = (None, None);
        self.tenure.stop_asking();
        for (_, member) in self.members.remove_if(|_| true) {
            let (channel, account) = (self.channel(), member.who.account);
            cx.out.event(PeerEvent::MemberLink { channel, account, who: member.who, came: false });
        }
        self.drain(cx);
        writes
    }

    /// The epoch is somebody else's for a while, which this host waits for: its log is a reader's until then. What is
    /// to be written for that.
    pub fn stand_aside(&mut self, cx: &mut Context<'_>) -> Vec<Write> {
        let writes = self.cut_behind(self.committed_position(), cx);
        self.company = Company::Reader;
        writes
    }

    /// Whether the tracker does not want to grant an epoch for a while.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.tenure.is_guest()
    }

    /// The last place that this host has taken over into a log that its reader writes to as well, in this generation.
    #[must_use]
    pub fn shared_head(&self, generation: u32) -> u64 {
        let shares = self.company == Company::Reader && self.log.fence().generation == generation;
        if shares { self.log.head().pos } else { 0 }
    }

    /// Hosts again: asks for what it has missed, and for an epoch.
    pub fn come_back(&mut self, tracker: Option<LinkId>, cx: &mut Context<'_>) {
        self.tenure.standing = Standing::Candidate;
        match tracker {
            Some(link) => self.on_tracker_up(link, cx),
            None => self.on_tracker_down(cx),
        }
    }

    /// The log is this host's alone again: what its reader has written behind the head goes.
    pub fn settle(&mut self) -> Option<Write> {
        let company = core::mem::replace(&mut self.company, Company::None);
        (company == Company::Reader).then_some(Write::Cut { log: self.log.id, from: self.log.head().pos + 1 })
    }

    /// A new record of the channel.
    pub fn set_record(&mut self, record: Signed<ChannelRecord>) {
        self.record = record;
    }

    /// As it was left, where this process has only just started.
    #[must_use]
    pub fn retired(mut self) -> Self {
        self.tenure.standing = Standing::Retired;
        self
    }

    /// Whether it sequences, and has everything up to here.
    #[must_use]
    pub fn is_ready(&self, committed: u64) -> bool {
        self.tenure.owned().is_some() && self.log.committed() >= committed
    }
}
