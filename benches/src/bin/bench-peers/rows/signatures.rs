//! Messages of one author whose signatures are checked: each by itself, and as a sequencer is given them.

use std::hint::black_box;

use anyhow::{Result, bail, ensure};
use segment_proto::messages::Submit;
use segment_proto::{Evidence, Identity, Message, SignedEnvelope, Verifier};

use super::Task;
use super::codec::{FENCE, Town};
use crate::outcome::{Outcome, Watch};
use crate::system::System;

pub fn run(task: &Task, at_once: usize) -> Result<Outcome> {
    let (mut town, verifier) = (Town::new(Identity::from_secret(&[3; 32])), Verifier::ed25519());
    let envelopes: Vec<SignedEnvelope> = (0..at_once).map(|_| town.write().entry.envelope).collect();
    let submit = Submit {
        channel: town.log.id.channel,
        fence: FENCE,
        envelopes,
        authors: Vec::new(),
        evidence: Evidence::default(),
    };
    let (watch, mut count) = (Watch::start(None)?, 0);
    while watch.elapsed() < task.time() / 2 {
        match task.system {
            System::Singly => {
                let is_signed = |envelope: &SignedEnvelope| envelope.is_signed_by(&envelope.key.device, &verifier);
                ensure!(black_box(&submit).envelopes.iter().all(is_signed), "a signature does not verify");
            }
            System::Segment => drop(verifier.check(Message::Submit(black_box(&submit).clone()))?),
            other => bail!("{other} checks nothing"),
        }
        count += at_once;
    }
    watch.stop(count)
}
