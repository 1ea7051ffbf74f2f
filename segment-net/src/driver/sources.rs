//! Everything that can make a driver act.

use std::future::pending;

use segment_proto::{LinkId, Now};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::time::{Instant, sleep_until};

use super::dials::Dialled;
use super::storing::Done;
use crate::link::Notice;
use crate::transport::{Connection, Listener};

/// Most notices taken in one turn.
const NOTICES_PER_TURN: usize = 128;

/// Something an embedder wants done with the machine.
pub(super) type Call<M> = Box<dyn FnOnce(&mut M, Now) + Send>;

/// What happened.
pub(super) enum Happened<M> {
    Notices(Vec<(LinkId, Notice)>),
    Done(Done),
    Accepted(Connection),
    Dialled(Dialled),
    Called(Call<M>),
    Due,
}

/// Whether anything new is taken in, or only what is under way goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Intake {
    Open,
    Held,
}

/// Where happenings come from.
pub(super) struct Sources<M> {
    pub(super) listener: Option<Listener>,
    pub(super) notices: Receiver<(LinkId, Notice)>,
    pub(super) done: UnboundedReceiver<Done>,
    pub(super) dialled: Receiver<Dialled>,
    pub(super) calls: Receiver<Call<M>>,
}

impl<M> Sources<M> {
    /// The next happening. Nothing is lost where it is cancelled.
    pub(super) async fn next(&mut self, intake: Intake, due: Option<Instant>) -> Happened<M> {
        let open = intake == Intake::Open;
        let mut notices = Vec::new();
        tokio::select! {
            Some(done) = self.done.recv() => Happened::Done(done),
            1.. = self.notices.recv_many(&mut notices, NOTICES_PER_TURN), if open => Happened::Notices(notices),
            Some(call) = self.calls.recv(), if open => Happened::Called(call),
            Some(dialled) = self.dialled.recv() => Happened::Dialled(dialled),
            connection = accept(&mut self.listener), if open => Happened::Accepted(connection),
            () = sleep(due) => Happened::Due,
        }
    }
}

async fn accept(listener: &mut Option<Listener>) -> Connection {
    if let Some(open) = listener {
        if let Some(connection) = open.accept().await {
            return connection;
        }
        *listener = None;
    }
    pending().await
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}
