//! Damage that somebody's reading has found is gone after at once.

use std::time::{Duration, Instant};

use segment_core::peer::Verified;
use segment_core::peer::events::{Reply, Source};
use segment_core::sync::verify::BadPlace;
use segment_proto::ChannelId;

use super::answers::Notice;
use super::narrator::Narrator;
use super::telling::now_ms;

/// The same channel is not gone through again sooner.
const AGAIN: Duration = Duration::from_secs(60);

impl Narrator {
    /// As `/verify` does, and says what came of it.
    pub(super) fn heal(&mut self, channel: ChannelId) {
        let now = Instant::now();
        self.healings.retain(|_, last| now.duration_since(*last) < AGAIN);
        if self.healings.contains_key(&channel) {
            return;
        }
        self.healings.insert(channel, now);
        let (peer, out, name) = (self.peer.clone(), self.out.clone(), self.talk.known().name_of(&channel));
        tokio::spawn(async move {
            let verified = peer.request(move |machine, now| machine.verify(channel, now)).await;
            // Whoever has asked for it is told by its answer.
            let Ok(Reply::Verified(report)) = verified else { return };
            let found = found(&report);
            if !found.is_empty() {
                let text = format!("#{name} is damaged {}", found.join("; "));
                out.happened(&Notice {
                    event: "damage_found",
                    channel: Some(format!("#{name}")),
                    text,
                    at_ms: now_ms(),
                });
            }
        });
    }
}

/// `at the tracker at !12: healed`, for each copy where something is wrong.
fn found(report: &Verified) -> Vec<String> {
    let here = said("on this machine", &report.bad, report.healed, "no copy that can be reached has it");
    let others = report.copies.iter().filter_map(|copy| match copy.at {
        Source::Tracker => said("at the tracker", &copy.bad, copy.healed, "this machine does not have it"),
        _ => said("at its host", &copy.bad, copy.healed, "the host's own program does that"),
    });
    here.into_iter().chain(others).collect()
}

fn said(place: &str, bad: &[BadPlace], healed: u64, otherwise: &str) -> Option<String> {
    let first = bad.first()?.pos;
    let more = if bad.len() > 1 { format!(" and {} places more", bad.len() - 1) } else { String::new() };
    let outcome = match healed == bad.len() as u64 {
        true => "healed from another copy".to_owned(),
        false => format!("not healed from here, {otherwise}"),
    };
    Some(format!("{place} at !{first}{more}: {outcome}"))
}
