//! What of a channel was shown here already.

use std::collections::BTreeMap;

use segment_core::peer::events::ChannelMessage;
use segment_proto::MessageKey;

/// Messages of one channel that are remembered. Policy: the oldest is forgotten, and shown again where its place
/// changes after all.
const REMEMBERED_MAX: usize = 1_024;

/// What of a channel was shown.
#[derive(Debug, Default)]
pub struct Shown {
    last: u64,
    /// Everything up to here was shown by an answer.
    answered: u64,
    /// The newest of them. A place is final within one generation only, so the committed ones are among them.
    newest: BTreeMap<u64, MessageKey>,
    /// Those that were cut, by the places that they had: they come again, and are no news then.
    cut: BTreeMap<MessageKey, u64>,
    /// Where the last of those that came again had stood.
    again: u64,
    order: Order,
}

/// Whether what was shown stands on the screen as it does in the channel. A line that was shown stays where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Same,
    /// It has come again behind something that was shown below it.
    Another,
    Told,
}

impl Shown {
    /// Whether a message has a place that was not shown yet; from now on it was.
    pub fn is_new_place(&mut self, message: &ChannelMessage) -> bool {
        if message.pos <= self.last {
            return false;
        }
        self.last = message.pos;
        self.newest.insert(message.pos, message.key);
        if self.newest.len() > REMEMBERED_MAX {
            self.newest.pop_first();
        }
        true
    }

    /// Whether a message was shown at a place that it has lost since; only once.
    pub fn comes_again(&mut self, message: &ChannelMessage) -> bool {
        let Some(stood) = self.cut.remove(&message.key) else { return false };
        if stood < self.again && self.order == Order::Same {
            self.order = Order::Another;
        }
        self.again = stood.max(self.again);
        true
    }

    /// What was cut has come again, wherever it stands.
    pub fn forget_cut(&mut self, key: &MessageKey) {
        self.cut.remove(key);
    }

    /// A message is shown below everything that was cut.
    pub fn comes_new(&mut self) {
        if !self.cut.is_empty() {
            self.again = u64::MAX;
        }
    }

    /// Whether what was shown stands in another order than in the channel; said once for each cut.
    pub fn take_another_order(&mut self) -> bool {
        let is_another = self.order == Order::Another;
        if is_another {
            self.order = Order::Told;
        }
        is_another
    }

    /// Whether a message has lost its place, and has not come again yet.
    pub fn was_cut(&self, key: &MessageKey) -> bool {
        self.cut.contains_key(key)
    }

    /// Everything up to a place was shown by an answer.
    pub fn up_to(&mut self, pos: u64) {
        self.last = self.last.max(pos);
        self.answered = self.answered.max(pos);
    }

    /// Whether an answer has shown a place, perhaps while it waited to be told.
    pub const fn was_answered(&self, pos: u64) -> bool {
        pos <= self.answered
    }

    /// The last place that was shown.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// What stands behind a place stands there no more.
    pub fn cut(&mut self, pos: u64) {
        self.last = self.last.min(pos);
        self.answered = self.answered.min(pos);
        (self.again, self.order) = (0, Order::Same);
        self.cut.extend(self.newest.split_off(&(pos + 1)).into_iter().map(|(stood, key)| (key, stood)));
        while self.cut.len() > REMEMBERED_MAX {
            self.cut.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segment_core::peer::events::{Content, Stage};
    use segment_proto::{AccountId, ChannelId, DeviceId, UnixMillis};
    use uuid::Uuid;

    use super::*;

    fn message(pos: u64, seq: u64) -> ChannelMessage {
        let channel = ChannelId(Uuid::nil());
        let key = MessageKey { channel, device: DeviceId([7; 32]), incarnation: 1, seq };
        ChannelMessage {
            pos,
            key,
            account: AccountId(1),
            author: None,
            sent: UnixMillis(0),
            epoch: 1,
            sequenced: UnixMillis(0),
            content: Content::Text("hello".into()),
            stage: Stage::Stored,
        }
    }

    #[test]
    fn a_place_is_new_once() {
        let mut shown = Shown::default();
        assert_eq!([1, 2, 2, 1].map(|pos| shown.is_new_place(&message(pos, pos))), [true, true, false, false]);
        shown.up_to(9);
        assert!(shown.was_answered(9) && !shown.was_answered(10));
        assert!(!shown.is_new_place(&message(9, 9)));
    }

    #[test]
    fn what_was_cut_comes_again_and_what_was_not_does_not() {
        let mut shown = Shown::default();
        (1..=3).for_each(|pos| assert!(shown.is_new_place(&message(pos, pos))));
        shown.cut(1);
        let again = message(2, 3);
        assert!(shown.is_new_place(&again) && shown.comes_again(&again) && !shown.comes_again(&again));
        assert!(!shown.comes_again(&message(3, 1)), "that one was never cut");
    }

    #[test]
    fn another_order_than_the_channels_is_noticed_once() {
        let orders = |come: &[u64]| {
            let mut shown = Shown::default();
            (1..=2).for_each(|pos| assert!(shown.is_new_place(&message(pos, pos))));
            shown.cut(0);
            let mut noticed = 0;
            for (seq, pos) in come.iter().zip(1..) {
                assert!(shown.is_new_place(&message(pos, *seq)));
                if !shown.comes_again(&message(pos, *seq)) {
                    shown.comes_new();
                }
                noticed += usize::from(shown.take_another_order());
            }
            noticed
        };
        assert_eq!(orders(&[1, 2, 3]), 0, "as they were shown");
        assert_eq!(orders(&[1, 3, 2]), 1, "3 was shown below 2");
        assert_eq!(orders(&[3, 1, 2]), 1);
        assert_eq!(orders(&[2, 1, 3]), 1);
    }
}
