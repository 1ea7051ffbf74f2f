//! A hash of 128 bits for worlds: what is kept of a world that was visited.
//!
//! Two worlds of 10^8 collide with a probability of about 10^-23, so a visited world is known by its hash alone.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

const KEYS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];

/// The hash of a value.
pub fn fingerprint(value: &impl Hash) -> [u64; 2] {
    let mut hasher = TwoLanes { lanes: KEYS };
    value.hash(&mut hasher);
    hasher.lanes.map(|lane| fold(lane, KEYS[0]))
}

/// Two lanes of folded multiplications.
struct TwoLanes {
    lanes: [u64; 2],
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

impl Hasher for TwoLanes {
    fn write_u64(&mut self, word: u64) {
        let [a, b] = self.lanes;
        self.lanes = [fold(a ^ word, KEYS[1]).wrapping_add(a), fold(b.rotate_left(23) ^ word, KEYS[0]) ^ b];
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte) | 0x100);
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word) | 0x1_0000_0000);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.lanes[0]
    }
}

/// Takes a fingerprint as it is.
#[derive(Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write_u64(&mut self, word: u64) {
        self.0 ^= word;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Worlds by fingerprint.
pub type Visited = HashMap<[u64; 2], u32, BuildHasherDefault<AsItIs>>;
