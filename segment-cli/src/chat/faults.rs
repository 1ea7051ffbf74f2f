//! Finding out what is wrong, and the program itself.

use segment_core::contract::Direction;
use segment_core::peer::TrackerState;
use segment_core::peer::events::Reply;
use segment_net::RequestError;
use serde::Serialize;

use super::answers::{Facts, LinkListed, Said, UserListed, source_name};
use super::{Chat, Done, unheard};
use crate::connection_log::last_records;
use crate::errors::{LocalReason, Problem};
use crate::help;

/// Records that `/log` shows where nothing else is said.
const RECORDS: u32 = 20;

#[derive(Serialize)]
struct Pending {
    requests: usize,
    operations: usize,
    stray_answers: u64,
}

#[derive(Serialize)]
struct RoundTrip {
    micros: u64,
}

impl Chat {
    /// `/peers`
    pub(super) async fn peers(&self) -> Done {
        let look = |machine: &mut segment_core::peer::Peer, _| {
            let links: Vec<_> = machine.links().collect();
            let pending = Pending {
                requests: machine.pending(),
                operations: machine.operations(),
                stray_answers: machine.stray_answers(),
            };
            (links, pending, machine.tracker_state())
        };
        let (links, pending, state) = self.peer().call(look).await?;
        let links: Vec<_> = links
            .into_iter()
            .map(|link| LinkListed {
                link: link.link.0,
                to: source_name(&link.source),
                device: link.peer,
                address: link.address,
                direction: if link.direction == Direction::Inbound { "in" } else { "out" },
            })
            .collect();
        self.out.remark(&format!("connections: {}", links.len())).await.map_err(unheard)?;
        self.out.answers(&links).await.map_err(unheard)?;
        let text = format!(
            "pending: {} requests, {} operations, {} answers that nobody waited for",
            pending.requests, pending.operations, pending.stray_answers
        );
        self.out.answer(&Facts { facts: pending, text }).await.map_err(unheard)?;
        match state {
            TrackerState::LoggedIn => self.users().await,
            _ => Ok(()),
        }
    }

    async fn users(&self) -> Done {
        let mut after = None;
        self.out.remark("online:").await.map_err(unheard)?;
        loop {
            let reply = self.peer().request(move |machine, now| machine.list_users(after, now)).await?;
            let Reply::Users(page) = reply else { return Err(RequestError::OtherAnswer.into()) };
            let rows: Vec<_> = page.rows.iter().map(UserListed::from).collect();
            self.out.answers(&rows).await.map_err(unheard)?;
            match page.rows.last() {
                Some(last) if page.more => after = Some(last.session),
                _ => return Ok(()),
            }
        }
    }

    /// `/ping`
    pub(super) async fn ping(&self) -> Done {
        let Reply::Pong(took) = self.peer().request(segment_core::peer::Peer::ping).await? else {
            return Err(RequestError::OtherAnswer.into());
        };
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let text = format!("The tracker answers in {}.{:01} ms.", micros / 1_000, micros % 1_000 / 100);
        self.out.answer(&Facts { facts: RoundTrip { micros }, text }).await.map_err(unheard)
    }

    /// `/log`
    pub(super) async fn show_log(&self, last: Option<u32>) -> Done {
        let (log, dir) = (self.log.clone(), self.profile.dir().to_owned());
        let count = last.unwrap_or(RECORDS) as usize;
        let read = tokio::task::spawn_blocking(move || {
            log.flush();
            last_records(&dir, count)
        });
        let failed = |error: &dyn std::fmt::Display| Problem::local(LocalReason::Profile).saying(error);
        let records = read.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let records: Vec<_> = records.into_iter().map(|text| Said { text }).collect();
        self.out.answers(&records).await.map_err(unheard)
    }

    /// `/clear`
    pub(super) async fn clear(&self) -> Done {
        match self.out.as_screen() {
            Some(screen) if screen.style().columns.is_some() => screen.answer("\x1b[2J\x1b[H").await.map_err(unheard),
            _ => Ok(()),
        }
    }

    /// `/help`
    pub(super) async fn help(&self, topic: Option<String>) -> Done {
        let columns = help::columns_of(self.out.style().columns);
        let text = match topic {
            Some(name) => help::topic(&name, columns)?,
            None => help::overview(columns),
        };
        self.out.answer(&Said { text }).await.map_err(unheard)
    }

    /// `/version`
    pub(super) async fn version(&self) -> Done {
        let text = format!("segment {}", env!("CARGO_PKG_VERSION"));
        self.out.answer(&Said { text }).await.map_err(unheard)
    }
}
