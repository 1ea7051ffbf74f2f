//! Who may know who is here.

use segment_proto::messages::{Done, Presence, SetStatus, UserCame, UserGone};
use segment_proto::{Frame, Reason};

use super::refusal::Refusal;
use super::sessions::Session;
use super::{Directory, DirectoryNotice};
use crate::outbox::Asker;
use crate::tracker::context::{Caller, Context};

/// What may be wished for: offline is what one is, not what one asks for.
pub(super) fn check_wish(presence: Presence) -> Result<(), Refusal> {
    match presence {
        Presence::Online | Presence::Invisible => Ok(()),
        _ => Err(Refusal::new(Reason::Malformed, "online or invisible")),
    }
}

impl Directory {
    pub(super) fn on_set_status(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: &SetStatus,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        check_wish(m.presence)?;
        let Some(session) = self.sessions.get_mut(caller.session) else { return Ok(()) };
        let was_visible = session.is_visible(cx.rules);
        session.presence = m.presence;
        let (session, is_visible) = (session.clone(), session.is_visible(cx.rules));
        cx.out.answer(from, &Done {});
        match (was_visible, is_visible) {
            (false, true) => self.announce_came(&session, cx),
            (true, false) => {
                self.announce_gone(&session, cx);
                self.notices.push(DirectoryNotice::Hidden { link: session.link });
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn announce_came(&mut self, session: &Session, cx: &mut Context<'_>) {
        let others = self.audience.but(session.link);
        cx.out.transmit_many(&others, Frame::push(&UserCame { row: session.row() }));
    }

    pub(super) fn announce_gone(&mut self, session: &Session, cx: &mut Context<'_>) {
        let others = self.audience.but(session.link);
        cx.out.transmit_many(&others, Frame::push(&UserGone { session: session.id, who: session.who.clone() }));
    }
}
