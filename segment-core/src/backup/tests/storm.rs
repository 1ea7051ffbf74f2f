//! Whatever comes in whatever order, and wherever the tracker crashes: what it has told stays true of its disk.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Failure, FateCode, Replicate};
use segment_proto::{
    EpochOwner, EpochRecord, Fence, LinkId, Message, MessageKey, Position, Reason, Receipt, Signed, SignedEnvelope,
};

use super::rig::BackupRig;
use crate::random::Random;
use crate::rules::{Rule, Rules};
use crate::store::{LogId, LogRole, StoredEntry, Table};
use crate::sync::persist::decode;
use crate::sync::tests::kit::{Author, HOST, channel, device, entries};

const STEPS: u64 = 250;
/// The authors' devices; the first is the owner's.
const AUTHORS: [u8; 3] = [1, 2, 3];

/// The tracker's copy, a host that may be anywhere behind it, and what both were told.
struct Storm {
    rig: BackupRig,
    random: Random,
    /// What each author has written, in order; the last may be in no log yet.
    written: BTreeMap<u8, (Author, Vec<SignedEnvelope>)>,
    fence: Fence,
    /// In which epoch the host sequences.
    granted: Option<Fence>,
    committed: BTreeMap<u64, MessageKey>,
    at: Position,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let written = AUTHORS.map(|n| (n, (Author::new(n), Vec::new()))).into();
        let random = Random::new(*blake3::hash(&seed.to_le_bytes()).as_bytes());
        let (granted, committed) = (None, BTreeMap::new());
        let (fence, at) = (Fence::default(), Position::START);
        Self { rig: BackupRig::new(), random, written, fence, granted, committed, at }
    }

    fn disk(&self) -> Vec<StoredEntry> {
        let log = LogId { channel: channel(), role: LogRole::Backup };
        self.rig.tape.store.logs.get(&log).map(|log| log.values().cloned().collect()).unwrap_or_default()
    }

    fn records(&self) -> impl Iterator<Item = Signed<EpochRecord>> {
        let tables = self.rig.tape.store.tables.iter().filter(|((table, _), _)| *table == Table::Epoch);
        tables.filter_map(|(_, value)| decode(value))
    }

    fn step(&mut self) {
        match self.random.below(16) {
            0..=4 => self.submit(),
            5..=8 => self.disk_works(),
            9 => self.hello(),
            10 => self.adopted(),
            11..=12 => self.replicate(),
            13 => self.misfortune(),
            14 if !self.rig.tape.requests.is_empty() => drop(self.rig.host_answers(Failure::new(Reason::NotNow, ""))),
            _ => drop(self.rig.wait(Duration::from_millis(300))),
        }
        self.listen();
    }

    fn disk_works(&mut self) {
        if !self.rig.tape.is_idle() {
            self.rig.done();
        }
    }

    /// Somebody submits their newest messages, or carries another's; some in an epoch that is over.
    fn submit(&mut self) {
        let (by, of) = (self.anybody(), self.anybody());
        let fresh = self.random.below(2) == 0 && self.is_in_the_log(of);
        let (author, written) = self.written.get_mut(&of).unwrap();
        if fresh {
            written.push(author.text("?"));
        }
        let from = written.len().saturating_sub(3);
        let envelopes = written[from..].to_vec();
        let epoch = self.fence.epoch.saturating_sub(u32::from(self.random.below(8) == 0));
        self.rig.submit(by, epoch, &envelopes);
    }

    fn anybody(&mut self) -> u8 {
        AUTHORS[usize::try_from(self.random.below(3)).unwrap()]
    }

    /// Whether the author's last message is in the tracker's log: then another may be written.
    fn is_in_the_log(&self, n: u8) -> bool {
        let written = &self.written[&n].1;
        written.last().is_none_or(|last| self.disk().iter().any(|stored| stored.hash == last.hash()))
    }

    fn hello(&mut self) {
        self.rig.nonce.0[0] = self.rig.nonce.0[0].wrapping_add(1);
        self.granted = None;
        self.rig.hello();
    }

    /// The host has taken over what is on the tracker's disk.
    fn adopted(&mut self) {
        self.at = self.disk().last().map_or(Position::START, StoredEntry::position);
        self.rig.adopted_at(self.at);
    }

    /// The host sequences what an author has brought to it, which may be in its log already.
    fn replicate(&mut self) {
        let (Some(fence), of) = (self.granted, self.anybody()) else { return };
        let Some(envelope) = self.written[&of].1.last().cloned() else { return };
        let stored = entries(self.at, fence.epoch, &[envelope]);
        let message = Replicate {
            channel: channel(),
            fence,
            before: self.at.chain,
            entries: alloc::vec![stored[0].entry.clone()],
        };
        let refused = self.rig.host(message).iter().any(|line| line.contains("refused") || line.contains("fenced"));
        if !refused {
            self.at = stored[0].position();
        }
    }

    fn misfortune(&mut self) {
        match self.random.below(4) {
            0 => drop(self.rig.link_down(1)),
            1 => drop(self.rig.wait(Duration::from_secs(2))),
            crash => {
                // Some crashes fall between a write and its completion.
                if crash == 2 {
                    self.rig.tape.perform();
                }
                self.rig.restart();
                self.rig.tape.requests.clear();
                self.granted = None;
            }
        }
    }

    /// Everything that was said since the last look is on disk, and stays there.
    fn listen(&mut self) {
        for (to, message) in core::mem::take(&mut self.rig.tape.messages) {
            match message {
                Message::Submitted(said) => {
                    let stands = |code| matches!(code, FateCode::Stored | FateCode::Committed);
                    let stored = said.fates.iter().filter(|fate| stands(fate.code));
                    stored.for_each(|fate| self.assert_stored(fate.pos, fate.key));
                }
                Message::Committed(said) => self.assert_receipt(&said.receipt),
                Message::Watermarks(said) => said.receipt.iter().for_each(|receipt| self.assert_receipt(receipt)),
                Message::Fenced(said) => self.learn(&said.record),
                Message::Adopt(said) => said.epochs.iter().for_each(|record| self.learn(record)),
                Message::Grant(said) if to == LinkId(1) => {
                    self.learn(&said.record);
                    assert_eq!((said.record.owner, said.record.base), (EpochOwner::Host(device(HOST)), self.at));
                    self.granted = Some(said.record.fence);
                }
                _ => {}
            }
        }
    }

    fn assert_stored(&mut self, pos: u64, key: MessageKey) {
        let on_disk = self.disk().iter().find(|stored| stored.entry.pos == pos).map(|stored| stored.entry.envelope.key);
        assert_eq!(on_disk, Some(key), "told to be stored at {pos}");
        self.committed.insert(pos, key);
    }

    fn assert_receipt(&self, receipt: &Signed<Receipt>) {
        let at = receipt.at.pos.checked_sub(1).and_then(|index| self.disk().get(usize::try_from(index).ok()?).cloned());
        assert_eq!(at.map_or(Position::START, |stored| stored.position()), receipt.at);
    }

    fn learn(&mut self, record: &Signed<EpochRecord>) {
        assert!(self.records().any(|on_disk| on_disk == *record), "{:?} is shown before it is on disk", record.fence);
        assert!(self.disk().len() as u64 >= record.base.pos, "based on what is not on disk");
        self.fence = self.fence.max(record.fence);
    }

    /// The log is dense and chained, each author's messages are in it once and in order, and what was told is there.
    fn assert_sound(&self) {
        let (disk, mut before) = (self.disk(), Position::START);
        for stored in &disk {
            let follows = StoredEntry::new(stored.entry.clone(), &before.chain);
            assert_eq!((stored.entry.pos, stored), (before.pos + 1, &follows));
            before = stored.position();
        }
        for record in self.records() {
            let is_older = |stored: &StoredEntry| stored.entry.epoch < record.fence.epoch;
            let below = disk.iter().filter(|stored| is_older(stored)).count() as u64;
            assert_eq!(below, record.base.pos, "entries below the base of {:?}", record.fence);
        }
        for (n, (_, written)) in &self.written {
            let stands = disk.iter().filter(|stored| stored.entry.envelope.key.device == device(*n));
            let stands: Vec<_> = stands.map(|stored| stored.hash).collect();
            let written: Vec<_> = written.iter().map(Signed::hash).take(stands.len()).collect();
            assert_eq!(stands, written, "author {n}");
        }
        for (pos, key) in &self.committed {
            let stored = &disk[usize::try_from(pos - 1).unwrap()];
            assert_eq!(stored.entry.envelope.key, *key);
        }
    }
}

fn storm(seed: u64, rules: Rules) -> (usize, u32) {
    let mut storm = Storm::new(seed);
    storm.rig.rules = rules;
    for _ in 0..STEPS {
        storm.step();
    }
    storm.assert_sound();
    while !storm.rig.tape.is_idle() {
        storm.rig.done();
    }
    storm.listen();
    storm.rig.restart();
    storm.assert_sound();
    (storm.committed.len(), storm.fence.epoch)
}

#[test]
fn whatever_was_told_is_on_disk_and_stays_there() {
    let add = |sum: (usize, u32), more: (usize, u32)| (sum.0 + more.0, sum.1 + more.1);
    let seen = (0..200).map(|seed| storm(seed, Rules::all())).fold((0, 0), add);
    assert!(seen.0 > 1_000 && seen.1 > 1_000, "{seen:?}: hardly anything was committed, or hardly any epoch changed");
}

fn without(rule: Rule) {
    (0..200).for_each(|seed| assert_ne!(storm(seed, Rules::without(rule)).1, 0));
}

#[test]
#[should_panic(expected = "told to be stored")]
fn a_fate_that_runs_ahead_of_the_disk_is_found() {
    without(Rule::StoreBeforeFate);
}

#[test]
#[should_panic(expected = "is shown before it is on disk")]
fn an_epoch_that_is_shown_early_is_found() {
    without(Rule::EpochBeforeShown);
}

#[test]
#[should_panic(expected = "entries below the base")]
fn a_base_below_what_was_handed_to_the_store_is_found() {
    without(Rule::EpochBase);
}

#[test]
#[should_panic(expected = "entries below the base")]
fn a_stale_host_that_is_not_fenced_is_found() {
    without(Rule::Fencing);
}
