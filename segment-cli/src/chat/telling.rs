//! Words for what happens by itself.

use std::fmt::Display;
use std::time::{SystemTime, UNIX_EPOCH};

use segment_core::peer::events::Serving;
use segment_proto::Reason;

use super::Target;
use super::talk::Known;
use crate::errors::Problem;

/// The time, for lines that carry it.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What to do about a message of this user that was not accepted.
pub(super) fn not_sent(problem: Problem, target: &Target, known: &Known) -> Problem {
    let is = |reason: Reason| problem.reason == reason.as_str();
    let channel = &target.name;
    let text = if is(Reason::MayNotSend) && known.removed.contains(&target.id) {
        format!("Not sent: {}", removed_from(channel))
    } else if is(Reason::MayNotSend) {
        let me = known.me.as_ref().map_or_else(|| "you".to_owned(), ToString::to_string);
        format!("Not sent: in #{channel} you may read, not send. Its owner can run: /allow @{me} --to #{channel}")
    } else if is(Reason::VisitorsMayOnlyRead) {
        format!("Not sent: in #{channel} visitors may only read. /register NAME to write.")
    } else {
        return problem;
    };
    problem.saying(text)
}

/// What somebody reads who may not read.
pub(super) fn removed_from(channel: &impl Display) -> String {
    format!("you may not read #{channel} any more; when its owner lets you in again, /join #{channel} comes back")
}

/// From where a channel is served now; no host is named where this device is it.
pub(super) fn served_from(channel: &str, host: Option<&str>, serving: Serving) -> String {
    match (serving, host) {
        (Serving::Here, _) | (Serving::Host(_), None) => format!("#{channel} is hosted by you"),
        (Serving::Host(_), Some(host)) => format!("#{channel}: its host {host} is there"),
        (Serving::Copy, None) => {
            format!("#{channel}: reading and writing go to the tracker's copy until you host it again")
        }
        (Serving::Copy, Some(host)) => {
            format!("#{channel}: host {host} is not answering; reading and writing go to the tracker's copy")
        }
        (Serving::Nowhere, None) => {
            format!("#{channel}: the tracker cannot be reached; what you write waits here until you host it again")
        }
        (Serving::Nowhere, Some(_)) => {
            format!("#{channel}: neither host nor tracker can be reached; what you write waits here")
        }
    }
}
