//! How far each channel was read, and which mentions were heard.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use segment_proto::{AccountId, ChannelId, MessageKey};

use super::ProfileError;
use super::files::{read_small, write_atomically};

const FILE: &str = "marks";
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Mentions of a channel that are remembered. What is older than these was delivered for good.
const HEARD_MAX: usize = 32;

const IN: &str = "in";
const OUT: &str = "out";

/// How far each channel was read by each account of this profile.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// `None`: nothing is kept.
    path: Option<PathBuf>,
    marks: BTreeMap<(AccountId, ChannelId), Mark>,
    changed: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mark {
    read: u64,
    /// It may not be read any more: what is on the disk is not shown either.
    removed: bool,
    heard: VecDeque<String>,
}

impl Marks {
    /// What a profile's directory remembers. A line that cannot be understood remembers nothing.
    #[must_use]
    pub fn load(dir: &Path) -> Self {
        let path = dir.join(FILE);
        let bytes = read_small(&path, FILE_BYTES_MAX).ok().flatten().unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        Self { path: Some(path), marks: text.lines().filter_map(parse).collect(), changed: false }
    }

    /// How far a channel was read; `None` where it was never open.
    #[must_use]
    pub fn read(&self, account: AccountId, channel: ChannelId) -> Option<u64> {
        self.marks.get(&(account, channel)).map(|mark| mark.read)
    }

    /// A channel was read up to here.
    pub fn set_read(&mut self, account: AccountId, channel: ChannelId, pos: u64) {
        let mark = self.marks.entry((account, channel)).or_default();
        self.changed |= mark.read != pos || pos == 0;
        mark.read = pos;
    }

    /// The channels that may not be read any more, by what was heard last.
    #[must_use]
    pub fn removed(&self, account: AccountId) -> BTreeSet<ChannelId> {
        let of_account = self.marks.iter().filter(|((of, _), mark)| *of == account && mark.removed);
        of_account.map(|((_, channel), _)| *channel).collect()
    }

    /// A channel may not be read any more.
    pub fn remove(&mut self, account: AccountId, channel: ChannelId) {
        self.marks.entry((account, channel)).or_default().removed = true;
        self.changed = true;
    }

    /// A channel may be read again.
    pub fn admit(&mut self, account: AccountId, channel: ChannelId) {
        if let Some(mark) = self.marks.get_mut(&(account, channel)).filter(|mark| mark.removed) {
            mark.removed = false;
            self.changed = true;
        }
    }

    /// A mention is there. Says whether it was not there before, by whatever way it has come.
    pub fn hear(&mut self, account: AccountId, key: &MessageKey) -> bool {
        let heard = &mut self.marks.entry((account, key.channel)).or_default().heard;
        let name = format!("{}:{}:{}", key.device, key.incarnation, key.seq);
        if heard.contains(&name) {
            return false;
        }
        heard.push_back(name);
        heard.drain(..heard.len().saturating_sub(HEARD_MAX));
        self.changed = true;
        true
    }

    /// Forgets a channel that was left.
    pub fn forget(&mut self, account: AccountId, channel: ChannelId) {
        self.changed |= self.marks.remove(&(account, channel)).is_some();
    }

    /// Whether there is something to keep.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.changed && self.path.is_some()
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`ProfileError::Disk`]: what was remembered before still is.
    pub fn save(&mut self) -> Result<(), ProfileError> {
        self.changed = false;
        let Some(path) = &self.path else { return Ok(()) };
        let mut text = String::new();
        for ((account, channel), mark) in &self.marks {
            let heard: Vec<&str> = mark.heard.iter().map(String::as_str).collect();
            // A string takes memory as it needs it.
            let state = if mark.removed { OUT } else { IN };
            let _ = writeln!(text, "{} {} {} {state} {}", account.0, channel.0, mark.read, heard.join(" "));
        }
        write_atomically(path, text.as_bytes())
    }
}

fn parse(line: &str) -> Option<((AccountId, ChannelId), Mark)> {
    let mut words = line.split_whitespace();
    let account = AccountId(words.next()?.parse().ok()?);
    let channel = ChannelId(words.next()?.parse().ok()?);
    let read = words.next()?.parse().ok()?;
    let removed = words.next()? == OUT;
    let heard = words.take(HEARD_MAX).map(str::to_owned).collect();
    Some(((account, channel), Mark { read, removed, heard }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segment_proto::DeviceId;
    use uuid::Uuid;

    use super::*;

    const KEN: AccountId = AccountId(7);
    const GENERAL: ChannelId = ChannelId(Uuid::from_bytes([1; 16]));

    fn key(seq: u64) -> MessageKey {
        MessageKey { channel: GENERAL, device: DeviceId([9; 32]), incarnation: 1, seq }
    }

    #[test]
    fn what_was_read_and_heard_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let mut marks = Marks::load(dir.path());
        assert_eq!(marks.read(KEN, GENERAL), None);
        marks.set_read(KEN, GENERAL, 12);
        assert!(marks.hear(KEN, &key(1)) && !marks.hear(KEN, &key(1)));
        assert!(marks.is_changed());
        marks.save().unwrap();
        let mut marks = Marks::load(dir.path());
        assert!(!marks.is_changed());
        assert_eq!((marks.read(KEN, GENERAL), marks.read(AccountId(8), GENERAL)), (Some(12), None));
        assert!(!marks.hear(KEN, &key(1)) && marks.hear(KEN, &key(2)));
        marks.remove(KEN, GENERAL);
        marks.save().unwrap();
        let mut marks = Marks::load(dir.path());
        assert!(marks.removed(KEN).contains(&GENERAL) && marks.read(KEN, GENERAL) == Some(12));
        marks.admit(KEN, GENERAL);
        assert!(marks.is_changed() && !marks.removed(KEN).contains(&GENERAL));
        marks.forget(KEN, GENERAL);
        marks.save().unwrap();
        assert_eq!(Marks::load(dir.path()).read(KEN, GENERAL), None);
    }

    #[test]
    fn a_damaged_file_remembers_what_can_be_understood() {
        let dir = tempfile::tempdir().unwrap();
        let good = format!("7 {} 3 in \n", GENERAL.0);
        std::fs::write(dir.path().join(FILE), format!("x\n7 no 1\n{good}\n\u{0}")).unwrap();
        assert_eq!(Marks::load(dir.path()).read(KEN, GENERAL), Some(3));
        std::fs::write(dir.path().join(FILE), b"\xff\xfe").unwrap();
        assert_eq!(Marks::load(dir.path()).read(KEN, GENERAL), None);
    }

    #[test]
    fn only_the_newest_mentions_are_remembered() {
        let mut marks = Marks::default();
        assert!((0..100).all(|seq| marks.hear(KEN, &key(seq))));
        assert!(marks.hear(KEN, &key(0)) && !marks.hear(KEN, &key(99)));
    }
}
