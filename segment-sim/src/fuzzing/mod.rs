//! Machines driven by a list of operations: a byte string says what happens next to a tracker and two peers.
//!
//! Nothing is fair here: frames are held back, repeated and altered, disks answer when they are told to, processes are
//! restarted, links break. Whatever happens, no machine panics, each keeps the contract of [`segment_core::Machine`],
//! and each request is answered once.

mod operation;
mod town;

use operation::Operation;
use town::Town;

/// Operations of one run; further bytes are not read.
pub const OPERATIONS_MAX: usize = 400;

/// Runs what `bytes` say: the first says how far everybody has come, then one operation after the other.
///
/// # Panics
/// A machine has broken its contract; the message says how.
pub fn machines(bytes: &[u8]) {
    let Some((start, rest)) = bytes.split_first() else {
        return;
    };
    let mut town = Town::new();
    town.begin(start % 3);
    let mut rest = rest;
    for _ in 0..OPERATIONS_MAX {
        let Some((operation, left)) = Operation::read(rest) else { break };
        rest = left;
        town.perform(operation);
    }
    town.rest();
    town.check_answers();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_town_begins_with_a_channel_that_both_have() {
        let mut town = Town::new();
        town.begin(2);
        assert_eq!(town.level_channels(), 2);
    }
}
