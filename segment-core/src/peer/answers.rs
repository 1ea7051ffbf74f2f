//! How the peer's own requests end.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use segment_proto::messages::{
    Announce, ChannelFilter, ChannelFound, ChannelPage, ChannelRow, Failure, FindDevices, JoinChannel, ListChannels,
    LoggedIn, Presence, RenewCertificate,
};
use segment_proto::pending::NoAnswer;
use segment_proto::{ChannelId, DeviceId, LinkId, Message, Now, Reason, RequestId, Status, StreamId, Who};

use crate::contract::Output;
use crate::peer::Peer;
use crate::peer::channels::TooMany;
use crate::peer::context::{Answer, PeerTask, Unanswered};
use crate::peer::events::{PeerEvent, Reply};
use crate::peer::naming::Sources;
use crate::peer::requests::{LoginBy, PeerRequest};
use crate::store::Write;

type Answered = Result<Message, Unanswered>;

impl Peer {
    pub(super) fn on_answer(&mut self, id: RequestId, request: PeerRequest, answer: Answer, now: Now) {
        let answered = answer.into_result();
        match request {
            PeerRequest::Announce | PeerRequest::KeepAlive | PeerRequest::Unsubscribe => {}
            PeerRequest::StreamAgain(stream) => self.on_told_again(stream, &answered, now),
            PeerRequest::Hello(link) => {
                let welcome = pick(answered, |m| if let Message::Welcome(m) = m { Some(m) } else { None });
                self.on_greeted(link, welcome, now);
            }
            PeerRequest::Login { by, presence } => self.on_login(id, by, presence, answered, now),
            PeerRequest::Renew => self.on_renewed(answered, now),
            PeerRequest::Refresh => self.on_refreshed(answered, now),
            PeerRequest::FindMissing(channel) => self.on_missing_found(channel, answered, now),
            PeerRequest::Rejoin(channel) => self.on_rejoined(channel, answered, now),
            PeerRequest::Devices(devices) => self.on_devices(&devices, answered, now),
            PeerRequest::Ping(sent) => self.core.reply(id, answered.map(|_| Reply::Pong(now.mono.since(sent)))),
            PeerRequest::Logout => self.on_logout(id, answered, now),
            PeerRequest::SetStatus(presence) => self.on_status_set(id, presence, answered),
            PeerRequest::Look => self.core.reply(id, look(answered)),
            PeerRequest::StartStream(stream) => self.on_stream_answered(id, stream, answered, now),
            PeerRequest::Watch(stream) => self.on_stream_answered(id, stream, answered, now),
            PeerRequest::Join => self.on_joined(id, answered, now),
            PeerRequest::Leave(channel) => self.on_left(id, channel, answered, now),
        }
    }

    fn on_login(&mut self, id: RequestId, by: LoginBy, presence: Presence, answered: Answered, now: Now) {
        let logged_in = pick(answered, |m| if let Message::LoggedIn(m) = m { Some(m) } else { None });
        match logged_in.and_then(|logged_in| self.check_login(logged_in)) {
            Ok(logged_in) => {
                let reply =
                    Reply::LoggedIn { who: logged_in.who.clone(), session: logged_in.session, token: logged_in.token };
                self.on_logged_in(logged_in, presence, now);
                if by == LoginBy::Embedder {
                    self.core.reply(id, Ok(reply));
                }
            }
            Err(error) if by == LoginBy::Embedder => {
                let is_unknown = error == Unanswered::NoAnswer(NoAnswer::TimedOut);
                self.core.reply(id, Err(error));
                if is_unknown {
                    self.leave_link_in_doubt(now);
                }
            }
            Err(error) => self.on_resume_failed(error, now),
        }
    }

    fn check_login(&mut self, logged_in: LoggedIn) -> Result<LoggedIn, Unanswered> {
        let certificate = &logged_in.certificate;
        let identity = &self.core.identity;
        let signed =
            self.core.session.tracker_key.is_some_and(|key| certificate.is_signed_by(&key, &identity.verifier()));
        if signed && certificate.device == identity.device() && certificate.who == logged_in.who {
            return Ok(logged_in);
        }
        self.core.suspicious("a certificate that is not for this device, or not signed by the tracker");
        Err(Unanswered::Refused(Failure::new(Reason::BadCertificate, "the tracker's certificate is not valid")))
    }

    /// What passes is tried again with a fresh link; what does not needs a person.
    fn on_resume_failed(&mut self, error: Unanswered, now: Now) {
        match error {
            Unanswered::Refused(failure) if failure.status != Status::ServerError => {
                self.core.session.comeback = None;
                self.core.out.event(PeerEvent::LoginNeeded(failure));
            }
            _ => self.leave_link_in_doubt(now),
        }
    }

    /// Whether the tracker takes this link for logged in is not known: if it does, it refuses every further login.
    pub(super) fn leave_link_in_doubt(&mut self, now: Now) {
        if let Some(link) = self.tracker.up() {
            self.hang_up(link, Reason::NotNow, now);
        }
    }

    fn on_logged_in(&mut self, logged_in: LoggedIn, presence: Presence, now: Now) {
        let Some(link) = self.tracker.up() else { return };
        let (who, session, token) = (logged_in.who.clone(), logged_in.session, logged_in.token);
        if self.core.session.who() != Some(&who) {
            let writes = self.channels.end_all();
            self.core.write(writes);
            self.end_streams(now);
        }
        let device = logged_in.device.clone();
        let writes = self.core.session.on_logged_in(link, logged_in, presence, now);
        self.core.write(writes);
        if let Some(device) = device {
            self.core.cx(now).learn_author(device);
        }
        self.core.out.event(PeerEvent::LoggedIn { who, session, token });
        self.announce(now);
        self.channels.start_refresh();
        self.refresh(String::new(), now);
        self.settle_hosting(now);
        let core = &mut self.core;
        self.channels.hosts().for_each(|host| host.on_tracker_up(link, &mut core.cx(now)));
        self.channels.forgive();
    }

    /// Tells the tracker where this peer listens.
    pub(super) fn announce(&mut self, now: Now) {
        let (Some(link), Some(listening)) = (self.core.session.link(), self.core.session.listening) else {
            return;
        };
        let announce = Announce { port: listening.port, advertise: listening.advertise };
        if self.core.request(link, &announce, PeerRequest::Announce, now).is_err() {
            self.core.suspicious("no room to announce where this peer listens");
        }
    }

    fn refresh(&mut self, after: String, now: Now) {
        let Some(link) = self.core.session.link() else { return };
        let list = ListChannels { filter: ChannelFilter::Joined, after };
        if self.core.request(link, &list, PeerRequest::Refresh, now).is_err() {
            self.channels.give_up_refresh();
            self.core.suspicious("no room to ask for the joined channels");
        }
    }

    fn on_refreshed(&mut self, answered: Answered, now: Now) {
        let page = pick(answered, |m| if let Message::ChannelPage(m) = m { Some(m) } else { None });
        let Ok(ChannelPage { rows, more }) = page else { return self.channels.give_up_refresh() };
        let mut last = None;
        for row in rows {
            last = Some(row.record.name.as_str().to_string());
            if !self.channels.on_refreshed(row.record.channel, self.core.limits.joined_channels_max) {
                self.channels.give_up_refresh();
                return self.core.suspicious("a list of joined channels without end");
            }
            if let Some(row) = self.channels.hold(row) {
                let writes = self.take_row(&row, now).unwrap_or_default();
                self.core.write(writes);
            }
        }
        match last {
            Some(after) if more => self.refresh(after, now),
            _ => self.on_refresh_done(now),
        }
    }

    /// What the tracker did not list was left elsewhere, or is lost; but a visitor begins anew with every session.
    fn on_refresh_done(&mut self, now: Now) {
        let missing = self.channels.finish_refresh();
        let visitor = self.core.session.who().is_some_and(Who::is_visitor);
        for (channel, name) in missing {
            if !visitor {
                self.miss(channel, now);
                continue;
            }
            let rejoin = self.core.session.link().and_then(|link| {
                let purpose = PeerRequest::Rejoin(channel);
                self.core.request(link, &JoinChannel { name: name.as_str().to_string() }, purpose, now).ok()
            });
            if rejoin.is_none() {
                self.end_membership(channel);
            }
        }
    }

    pub(super) fn end_membership(&mut self, channel: ChannelId) {
        let writes = self.channels.end(&channel);
        self.core.write(writes.into_iter().collect());
    }

    fn on_rejoined(&mut self, channel: ChannelId, answered: Answered, now: Now) {
        match pick(answered, |m| if let Message::ChannelFound(m) = m { Some(m) } else { None }) {
            Ok(ChannelFound { mut row, .. }) => {
                row.joined = true;
                let writes = self.take_row(&row, now).unwrap_or_default();
                self.core.write(writes);
            }
            Err(_) if self.channels.get(&channel).is_some_and(|channel| channel.missed_since().is_some()) => {
                self.miss_on(channel, now);
            }
            Err(_) => self.end_membership(channel),
        }
    }

    pub(super) fn on_channel_changed(&mut self, row: ChannelRow, now: Now) {
        let Some(row) = self.channels.hold(row) else { return };
        if !row.joined && self.channels.get(&row.record.channel).is_none() {
            return;
        }
        let writes = self.take_row(&row, now).unwrap_or_default();
        self.core.write(writes);
        self.core.out.event(PeerEvent::ChannelChanged(row));
    }

    /// Takes what the tracker says of a channel; a channel that is new here and hosted here asks for its epoch.
    pub(super) fn take_row(&mut self, row: &ChannelRow, now: Now) -> Result<Vec<Write>, TooMany> {
        let identity = &self.core.identity;
        if !self.core.session.tracker_key.is_some_and(|key| row.record.is_signed_by(&key, &identity.verifier())) {
            self.core.suspicious("a channel's record that the tracker has not signed");
            return Ok(Vec::new());
        }
        let id = row.record.channel;
        let is_new = self.channels.get(&id).is_none();
        let was_missed = self.channels.get(&id).is_some_and(|channel| channel.missing.told);
        let (device, lost) = (identity.device(), self.lost_host(&row.record.host, now));
        let writes = self.channels.take_row(row, device, &self.core.limits, lost)?;
        if was_missed && row.joined {
            self.core.out.event(PeerEvent::MembershipRestored { channel: id });
        }
        let host = self.channels.get_mut(&id).and_then(|channel| channel.host.as_mut());
        if let (true, Some(host), Some(link)) = (is_new, host, self.core.session.link()) {
            host.on_tracker_up(link, &mut self.core.cx(now));
        }
        Ok(writes)
    }

    /// What is refused is not sent and not watched.
    fn on_stream_answered(&mut self, id: RequestId, stream: StreamId, answered: Answered, now: Now) {
        if matches!(&answered, Err(Unanswered::Refused(_))) {
            self.streams.drop_sending(stream, &self.core, now);
            self.streams.drop_watching(stream, &self.core, now);
        }
        self.core.reply(id, answered.map(|_| Reply::Done));
    }

    /// Whoever serves the channel now may not know a stream yet: its streamer has not told it.
    fn on_told_again(&mut self, stream: StreamId, answered: &Answered, now: Now) {
        match answered {
            Ok(_) => self.streams.on_known(stream),
            Err(Unanswered::Refused(failure)) if failure.reason == Reason::NoSuchStream => {
                self.streams.on_unknown(stream, now);
            }
            Err(_) => {}
        }
    }

    fn on_joined(&mut self, id: RequestId, answered: Answered, now: Now) {
        let found = pick(answered, |m| if let Message::ChannelFound(m) = m { Some(m) } else { None });
        let ChannelFound { mut row, .. } = match found {
            Ok(found) => found,
            Err(error) => return self.core.reply(id, Err(error)),
        };
        row.joined = true;
        match self.take_row(&row, now) {
            Ok(writes) => self.reply_once_written(id, Reply::Channel(row), writes),
            Err(TooMany) => {
                let failure = Failure::new(Reason::LimitReached, "this peer has joined as many channels as it may");
                self.core.reply(id, Err(Unanswered::Refused(failure)));
            }
        }
    }

    fn reply_once_written(&mut self, id: RequestId, reply: Reply, writes: Vec<Write>) {
        if writes.is_empty() {
            return self.core.reply(id, Ok(reply));
        }
        self.core.out.write(PeerTask::Reply(id, Box::new(reply)), writes);
    }

    /// A channel that the tracker does not know (any more) is left as well.
    fn on_left(&mut self, id: RequestId, channel: ChannelId, answered: Answered, now: Now) {
        let gone = |failure: &Failure| failure.reason == Reason::NoSuchChannel;
        match answered {
            Err(Unanswered::Refused(failure)) if gone(&failure) => {}
            Err(error) => {
                if let Some(channel) = self.channels.get_mut(&channel) {
                    channel.leaving = false;
                }
                return self.core.reply(id, Err(error));
            }
            Ok(_) => {}
        }
        self.unserve(&channel, now);
        self.naming.forget(&channel);
        let untold = self.channels.get(&channel).into_iter().flat_map(|channel| channel.replica.untold());
        self.ready.extend(untold.map(Output::Event));
        let writes = self.channels.remove(&channel);
        self.channels.unsettle();
        if writes.is_empty() {
            return self.core.reply(id, Ok(Reply::Done));
        }
        self.core.out.write(PeerTask::Left(id, channel), writes);
    }

    /// The channel is erased. Only then is it joined anew where another device of the account has done so meanwhile.
    pub(super) fn on_erased(&mut self, id: RequestId, channel: ChannelId, now: Now) {
        self.core.reply(id, Ok(Reply::Done));
        if let Some(row) = self.channels.erased(&channel) {
            self.on_channel_changed(row, now);
        }
    }

    fn on_logout(&mut self, id: RequestId, answered: Answered, now: Now) {
        match answered {
            Ok(_) => self.end_session(id, now),
            Err(error) => self.core.reply(id, Err(error)),
        }
    }

    /// Nobody is logged in here any more.
    pub(super) fn end_session(&mut self, id: RequestId, now: Now) {
        let core = &mut self.core;
        self.channels.hosts().for_each(|host| host.on_tracker_down(&mut core.cx(now)));
        self.end_streams(now);
        let writes = self.core.session.forget();
        self.core.write(writes);
        self.core.out.event(PeerEvent::LoggedOut);
        for link in self.links.ids() {
            if self.tracker.link() != Some(link) {
                self.say_goodbye(link, now);
            }
        }
        self.channels.unsettle();
        self.core.reply(id, Ok(Reply::Done));
    }

    fn on_status_set(&mut self, id: RequestId, presence: Presence, answered: Answered) {
        if answered.is_ok() {
            let writes = self.core.session.set_presence(presence);
            self.core.write(writes);
            self.channels.unsettle();
        }
        self.core.reply(id, answered.map(|_| Reply::Done));
    }

    /// Asks for a fresh certificate when half of the old one's life is over.
    pub(super) fn keep_certificate(&mut self, now: Now) {
        let Some(link) = self.core.session.link() else { return };
        if self.core.session.take_renewal(now.mono)
            && self.core.request(link, &RenewCertificate {}, PeerRequest::Renew, now).is_err()
        {
            self.core.session.renew_later(now.mono + self.core.limits.reconnect_max);
        }
    }

    fn on_renewed(&mut self, answered: Answered, now: Now) {
        let renewed = pick(answered, |m| if let Message::CertificateRenewed(m) = m { Some(m) } else { None });
        let key = self.core.session.tracker_key;
        let verifier = self.core.identity.verifier();
        let good = renewed.ok().filter(|m| key.is_some_and(|key| m.certificate.is_signed_by(&key, &verifier)));
        match good {
            Some(renewed) => {
                let writes = self.core.session.on_renewed(renewed.certificate, now);
                self.core.write(writes);
            }
            None => self.core.session.renew_later(now.mono + self.core.limits.reconnect_max),
        }
    }

    pub(super) fn ask_devices(&mut self, link: LinkId, devices: Vec<DeviceId>, now: Now) {
        let find = FindDevices { devices: devices.clone() };
        if self.core.request(link, &find, PeerRequest::Devices(devices.clone()), now).is_err() {
            self.naming.on_answered(&devices);
            self.advance_names();
        }
    }

    fn on_devices(&mut self, devices: &[DeviceId], answered: Answered, now: Now) {
        let page = pick(answered, |m| if let Message::DevicePage(m) = m { Some(m) } else { None });
        let records = page.map(|page| page.records).unwrap_or_default();
        for record in records.into_iter().filter(|record| devices.contains(&record.device)) {
            self.core.cx(now).learn_author(record);
        }
        self.naming.on_answered(devices);
        self.advance_names();
    }

    /// Shows what waited for names that are there now, or never will be.
    pub(super) fn advance_names(&mut self) {
        for channel in self.naming.waiting() {
            let links = self.name_sources(&channel);
            self.naming.advance(channel, Sources { authors: &self.core.authors, links });
        }
        self.emit();
    }

    /// Who may know the authors of a channel: who serves it, and the tracker.
    pub(super) fn name_sources(&self, channel: &ChannelId) -> [Option<LinkId>; 2] {
        let serving = self.channels.get(channel).and_then(|channel| channel.replica.link());
        let tracker = self.core.session.link();
        [serving.filter(|link| *link != crate::peer::context::LOCAL), tracker]
    }
}

/// The answer as the one message that it has to be.
pub(super) fn pick<T>(answered: Answered, as_expected: impl FnOnce(Message) -> Option<T>) -> Result<T, Unanswered> {
    as_expected(answered?)
        .ok_or_else(|| Unanswered::Refused(Failure::new(Reason::Malformed, "the answer is another's")))
}

fn look(answered: Answered) -> Result<Reply, Unanswered> {
    pick(answered, |message| match message {
        Message::UserPage(page) => Some(Reply::Users(page)),
        Message::ChannelPage(page) => Some(Reply::Channels(page)),
        Message::MemberPage(page) => Some(Reply::Members(page)),
        Message::UserFound(found) => Some(Reply::User(found)),
        Message::ChannelFound(found) => Some(Reply::Channel(found.row)),
        Message::StreamPage(page) => Some(Reply::Streams(page)),
        Message::ViewerPage(page) => Some(Reply::Viewers(page)),
        Message::Done(_) => Some(Reply::Done),
        _ => None,
    })
}
