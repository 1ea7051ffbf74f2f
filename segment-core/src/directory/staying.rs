//! Staying, being reached, and leaving.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use segment_proto::messages::{Announce, Announced, CertificateRenewed, Done, Revoked};
use segment_proto::{ChannelId, LinkId, Reason, SessionId};

use core::net::SocketAddr;

use super::links::Stage;
use super::login::certify;
use super::refusal::Refusal;
use super::sessions::Session;
use super::{Directory, DirectoryNotice, DirectoryTask, records};
use crate::outbox::Asker;
use crate::rules::Rule;
use crate::store::{Table, Write};
use crate::tracker::Backups;
use crate::tracker::context::{Caller, Context};
use crate::tracker::events::{SessionEnd, TrackerEvent};

impl Directory {
    pub(super) fn on_announce(
        &mut self,
        from: Asker,
        caller: &Caller,
        m: &Announce,
        backups: &Backups,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        if m.advertise.is_some_and(|ip| ip.is_unspecified() || ip.is_multicast()) {
            return Err(Refusal::new(Reason::Malformed, "nobody can dial this address"));
        }
        let Some(session) = self.sessions.get_mut(caller.session) else { return Ok(()) };
        let address = SocketAddr::new(m.advertise.unwrap_or(session.ip), m.port);
        let before = core::mem::replace(&mut session.address, (m.port != 0).then_some(address));
        let has_moved = before != session.address;
        cx.out.answer(from, &Announced { address });
        if has_moved {
            self.announce_moved_hosts(from.link, caller, backups, cx);
        }
        Ok(())
    }

    fn announce_moved_hosts(&mut self, link: LinkId, caller: &Caller, backups: &Backups, cx: &mut Context<'_>) {
        let hosted: Vec<ChannelId> = self.channels.hosted_by(&caller.device).collect();
        for channel in hosted {
            if backups.host_of(channel) == Some(link) {
                self.push_changed(channel, backups, cx);
            }
        }
    }

    pub(super) fn on_renew(&mut self, from: Asker, caller: &Caller, cx: &mut Context<'_>) {
        let certificate = certify(&caller.who, caller.device, caller.session, cx);
        cx.out.answer(from, &CertificateRenewed { certificate });
    }

    /// Ends the session at once; the answer waits until its token is forgotten on disk.
    pub(super) fn on_logout(&mut self, from: Asker, caller: &Caller, backups: &Backups, cx: &mut Context<'_>) {
        self.links.set_stage(from.link, Stage::Greeted);
        let ended = self.end_session(caller.session, SessionEnd::LoggedOut, cx);
        if caller.who.is_visitor() {
            return cx.out.answer(from, &Done {});
        }
        // To hosts an invisible session has left long ago: hearing of it now would give it away.
        if ended.is_some_and(|session| session.is_visible(cx.rules)) {
            self.push_revoked(from.link, caller, backups, cx);
        }
        // A login under way on this device has put its own token in the place of this one.
        if self.sessions.opening_on(&caller.device).is_some() {
            return cx.out.answer(from, &Done {});
        }
        self.devices.set_session(&caller.device, None);
        let delete = Write::Delete { table: Table::Session, key: records::device_key(&caller.device) };
        self.write(from, DirectoryTask::LoggedOut(from), alloc::vec![delete], cx);
    }

    pub(super) fn on_logged_out(&mut self, from: Asker, cx: &mut Context<'_>) {
        if self.finish(from) {
            cx.out.answer(from, &Done {});
        }
    }

    fn push_revoked(&self, own: LinkId, caller: &Caller, backups: &Backups, cx: &mut Context<'_>) {
        let joined = self.members.of_account(caller.who.account);
        let hosts = joined.filter_map(|channel| backups.get(channel)?.host());
        let hosts: BTreeSet<LinkId> = hosts.filter(|host| *host != own && self.links.is_writable(*host)).collect();
        let revoked = Revoked { session: caller.session, device: caller.device };
        hosts.into_iter().for_each(|host| cx.out.push(host, &revoked));
    }

    /// A link is gone: its session ends at once, its token stays good.
    pub fn on_link_down(&mut self, link: LinkId, cx: &mut Context<'_>) {
        let Some(gone) = self.links.close(link) else { return };
        if let Stage::LoggedIn(session) = gone.stage {
            self.end_session(session, SessionEnd::LinkLost, cx);
        }
        cx.out.event(TrackerEvent::LinkLost { link, peer: gone.device });
    }

    /// Nothing was heard for a whole lease, or nobody has logged in.
    pub(super) fn on_overdue(&mut self, link: LinkId, cx: &mut Context<'_>) {
        if !cx.rules.has(Rule::LeaseExpires) {
            return self.links.look_again(link, cx.now.mono + cx.limits.lease);
        }
        self.hang_up(link, SessionEnd::LeaseExpired, Reason::SessionExpired, cx);
    }

    /// Closes a link from this side; a session on it ends now, and not with the link.
    pub(super) fn hang_up(&mut self, link: LinkId, end: SessionEnd, reason: Reason, cx: &mut Context<'_>) {
        if let Some(Stage::LoggedIn(session)) = self.links.get(link).map(|link| link.stage) {
            self.end_session(session, end, cx);
        }
        self.links.retire(link);
        cx.out.hangup(link, reason);
    }

    fn end_session(&mut self, id: SessionId, end: SessionEnd, cx: &mut Context<'_>) -> Option<Session> {
        let session = self.sessions.remove(id)?;
        self.audience.remove(session.link);
        session.visiting.iter().for_each(|channel| self.members.end_visit(*channel, id));
        self.notices.push(DirectoryNotice::SessionEnded { link: session.link });
        cx.out.event(TrackerEvent::SessionEnded { who: session.who.clone(), session: id, end });
        if session.is_visible(cx.rules) {
            self.announce_gone(&session, cx);
        }
        Some(session)
    }
}
