//! The trace of a run: a hash of every input and output. Same seed, same trace.

use core::fmt::{self, Write};

use segment_proto::Instant;

use crate::network::NodeId;

/// What has happened so far, as a hash; printed too, where somebody wants to read it.
#[derive(Clone, Debug)]
pub struct Trace {
    digest: Digest,
    steps: u64,
    printing: Printing,
}

/// Whether a run is shown as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Printing {
    /// Only hashed.
    #[default]
    Silent,
    /// A line for each input and output.
    Lines,
}

impl Trace {
    /// An empty trace.
    #[must_use]
    pub fn new(printing: Printing) -> Self {
        Self { digest: Digest::default(), steps: 0, printing }
    }

    /// The hash of everything noted.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.digest.0
    }

    /// Inputs and outputs noted.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Notes bytes; `line` is what a reader sees.
    pub fn note_bytes(&mut self, at: Instant, node: NodeId, bytes: &[u8], line: impl FnOnce() -> String) {
        self.begin(at, node);
        self.digest.bytes(bytes);
        if self.printing == Printing::Lines {
            print(at, node, &line());
        }
    }

    /// Notes something that can be formatted.
    pub fn note(&mut self, at: Instant, node: NodeId, what: fmt::Arguments<'_>) {
        self.begin(at, node);
        // A digest takes every string.
        let _ = self.digest.write_fmt(what);
        if self.printing == Printing::Lines {
            print(at, node, &what.to_string());
        }
    }

    fn begin(&mut self, at: Instant, node: NodeId) {
        self.steps += 1;
        self.digest.word(at.0);
        self.digest.word(u64::from(node.0));
    }
}

fn print(at: Instant, node: NodeId, line: &str) {
    println!("{:>4}.{:06} n{} {line}", at.0 / 1_000_000, at.0 % 1_000_000, node.0);
}

/// A fast hash; nobody attacks a trace.
#[derive(Clone, Debug)]
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.word(u64::from(*byte)));
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
