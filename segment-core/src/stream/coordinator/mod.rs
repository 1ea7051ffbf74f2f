//! Who streams in a channel, who watches, and who gets a stream from whom. It runs beside whoever serves the channel:
//! its host, or the tracker while that is away. What it knows it is told again by streamers and viewers, so it keeps nothing.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use segment_proto::messages::{
    ListViewers, Node, ParentLost, ShutOut, StartStream, StopStream, StreamPage, StreamRow, StreamStarted,
    StreamStopped, Unwatched, ViewerPage, ViewerReport, Watch,
};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Frame, Identity, Limits, LinkId, Now, Page, Payload, Reason, Rights, StreamId, Who,
};

use crate::contract::{Deadline, earliest};
use crate::rules::{Rule, Rules};
use crate::stream::coordinator::broadcast::{Broadcast, Streamer, Watcher};

pub(crate) mod asked;
mod broadcast;
pub mod tree;

/// What a coordinator wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Queue a frame on a link.
    One(LinkId, Frame),
    /// Queue it for everybody who reads the channel.
    Readers(Frame),
}

/// What a coordinator is handed with each call.
pub struct CoordinatorContext<'a> {
    /// Where outputs go.
    pub out: &'a mut VecDeque<Told>,
    /// The limits.
    pub limits: &'a Limits,
    /// The rules.
    pub rules: Rules,
    /// Signs tickets.
    pub identity: &'a Identity,
    /// The time.
    pub now: Now,
}

impl CoordinatorContext<'_> {
    fn one<P: Payload>(&mut self, link: LinkId, payload: &P) {
        self.out.push_back(Told::One(link, Frame::push(payload)));
    }

    fn readers<P: Payload>(&mut self, payload: &P) {
        self.out.push_back(Told::Readers(Frame::push(payload)));
    }
}

/// Who asks, as whoever serves the channel has admitted them.
#[derive(Clone, Debug)]
pub struct Participant {
    /// On which link.
    pub link: LinkId,
    /// On which device.
    pub device: DeviceId,
    /// Who.
    pub who: Who,
    /// What they may do.
    pub rights: Rights,
    /// Where they come from; nothing inside one process.
    pub seen: Option<IpAddr>,
}

impl Participant {
    /// Why somebody without the right is refused.
    fn may_not_read(&self) -> Reason {
        if self.who.is_visitor() { Reason::NoVisitors } else { Reason::MembersOnly }
    }

    /// Where they can be dialled, as far as is known. A port of 0: nowhere.
    fn node(&self, port: u16, advertise: Option<IpAddr>) -> Node {
        let ip = advertise.or(self.seen);
        let address = SocketAddr::new(ip.unwrap_or(IpAddr::from([0; 4])), ip.map_or(0, |_| port));
        Node { device: self.device, address }
    }
}

/// The streams of one channel.
#[derive(Debug, Default)]
pub struct Coordinator {
    streams: BTreeMap<StreamId, Broadcast>,
}

impl Coordinator {
    /// Somebody streams, or is back.
    ///
    /// # Errors
    /// Why not.
    pub fn start(
        &mut self,
        from: &Participant,
        channel: ChannelId,
        start: StartStream,
        cx: &mut CoordinatorContext<'_>,
    ) -> Result<(), Reason> {
        let description = &start.description;
        let is_own = description.device == from.device
            && description.channel == channel
            && description.who.account == from.who.account
            && description.is_signed_by(&from.device, &cx.identity.verifier());
        if !is_own {
            return Err(Reason::BadSignature);
        }
        let may = from.rights.include(Rights::STREAM) && !from.who.is_visitor();
        if cx.rules.has(Rule::StreamRight) && !may {
            return Err(Reason::MayNotStream);
        }
        let (stream, node) = (description.stream, from.node(start.port, start.advertise));
        let is_full = self.streams.len() >= cx.limits.streams.per_channel_max;
        match self.streams.get_mut(&stream) {
            Some(known) if known.node.device != from.device => return Err(Reason::NotTheAuthor),
            Some(known) => {
                (known.streamer, known.node, known.description) = (Streamer::There(from.link), node, start.description);
                known.tell_shut_out(from.link, cx);
                known.tree.touch(&from.device);
                known.tree.forgive(&from.device);
                known.tree.fill();
            }
            None if is_full => return Err(Reason::LimitReached),
            None => drop(self.streams.insert(stream, Broadcast::new(from.link, start, node, cx))),
        }
        self.announce(&stream, cx);
        self.tell_plans(&stream, cx);
        Ok(())
    }

    fn announce(&self, stream: &StreamId, cx: &mut CoordinatorContext<'_>) {
        if let Some(broadcast) = self.streams.get(stream) {
            cx.readers(&StreamStarted { row: broadcast.row() });
        }
    }

    /// Its streamer ends it.
    ///
    /// # Errors
    /// There is none, or it is another's.
    pub fn stop(
        &mut self,
        from: &Participant,
        stop: &StopStream,
        cx: &mut CoordinatorContext<'_>,
    ) -> Result<(), Reason> {
        let broadcast = self.streams.get(&stop.stream).ok_or(Reason::NoSuchStream)?;
        if broadcast.node.device != from.device {
            return Err(Reason::NotTheAuthor);
        }
        self.end(stop.stream, Reason::ShuttingDown, cx);
        Ok(())
    }

    fn end(&mut self, stream: StreamId, reason: Reason, cx: &mut CoordinatorContext<'_>) {
        if let Some(broadcast) = self.streams.remove(&stream) {
            cx.readers(&StreamStopped { channel: broadcast.description.channel, stream, reason });
        }
    }

    /// All of them, those whose streamer may come back among them.
    #[must_use]
    pub fn list(&self, channel: ChannelId) -> StreamPage {
        StreamPage { channel, rows: self.rows() }
    }

    /// The same.
    #[must_use]
    pub fn rows(&self) -> Vec<StreamRow> {
        self.streams.values().map(Broadcast::row).collect()
    }

    /// Somebody watches.
    ///
    /// # Errors
    /// Why not.
    pub fn watch(&mut self, from: &Participant, watch: &Watch, cx: &mut CoordinatorContext<'_>) -> Result<(), Reason> {
        let broadcast = self.streams.get_mut(&watch.stream).ok_or(Reason::NoSuchStream)?;
        if cx.rules.has(Rule::WatchRight) && !from.rights.include(Rights::READ) {
            return Err(from.may_not_read());
        }
        if broadcast.node.device == from.device {
            return Err(Reason::NotNow);
        }
        if broadcast.viewers.len() >= cx.limits.streams.viewers_max && !broadcast.viewers.contains_key(&from.device) {
            return Err(Reason::LimitReached);
        }
        let node = from.node(watch.port, watch.advertise);
        // Whoever is not to be seen passes nothing on: those below would see them.
        let capacity = if watch.listed { broadcast.capacity(watch.relay_kbps, &node, cx) } else { 0 };
        let mut watcher = Watcher::new(from.link, from.who.clone(), node, watch.listed);
        (watcher.relays, watcher.parent) = (capacity > 0, watch.parent);
        broadcast.let_in(&from.device);
        if capacity > 0 {
            broadcast.tell_shut_out(from.link, cx);
        }
        broadcast.tree.leave(&from.device);
        broadcast.forget(&from.device);
        broadcast.viewers.insert(from.device, watcher);
        broadcast.tree.join(from.device, capacity, watch.parent);
        self.tell_plans(&watch.stream, cx);
        Ok(())
    }

    /// Somebody watches no longer.
    pub fn unwatch(&mut self, device: &DeviceId, stream: StreamId, cx: &mut CoordinatorContext<'_>) {
        let Some(broadcast) = self.streams.get_mut(&stream) else { return };
        if broadcast.forget(device) {
            broadcast.tree.leave(device);
            self.tell_plans(&stream, cx);
        }
    }

    fn tell_plans(&mut self, stream: &StreamId, cx: &mut CoordinatorContext<'_>) {
        let Some(broadcast) = self.streams.get_mut(stream) else { return };
        for device in broadcast.tree.take_changed() {
            if let Some((link, plan)) = broadcast.plan(&device, cx) {
                cx.one(link, &plan);
            }
        }
    }

    /// A viewer tells how it fares.
    pub fn on_report(&mut self, device: &DeviceId, report: &ViewerReport) {
        let broadcast = self.streams.get_mut(&report.stream);
        if let Some(viewer) = broadcast.and_then(|broadcast| broadcast.viewers.get_mut(device)) {
            (viewer.parent, viewer.figures) = (report.parent, report.figures);
        }
    }

    /// A viewer was left by its parent, or has left it.
    pub fn on_parent_lost(&mut self, device: &DeviceId, lost: &ParentLost, cx: &mut CoordinatorContext<'_>) {
        let Some(broadcast) = self.streams.get_mut(&lost.stream) else { return };
        // Everybody below a streamer that is gone waits for it where they are.
        if lost.parent == broadcast.node.device && matches!(broadcast.streamer, Streamer::Gone(_)) {
            return;
        }
        broadcast.tree.lose(device, lost.parent, lost.instead);
        self.tell_plans(&lost.stream, cx);
    }

    /// Who watches a stream and may be seen.
    ///
    /// # Errors
    /// There is none.
    pub fn viewers(&self, list: &ListViewers, cx: &CoordinatorContext<'_>) -> Result<ViewerPage, Reason> {
        let broadcast = self.streams.get(&list.stream).ok_or(Reason::NoSuchStream)?;
        let Page { rows, more } = Page::fill(broadcast.rows(list.after, cx), cx.limits);
        Ok(ViewerPage { rows, more })
    }

    /// A link is gone: viewers on it watch no longer, streamers may come back.
    pub fn on_link_down(&mut self, link: LinkId, cx: &mut CoordinatorContext<'_>) {
        let streams: Vec<StreamId> = self.streams.keys().copied().collect();
        for stream in streams {
            self.lose_streamer(stream, link, cx);
            let Some(broadcast) = self.streams.get(&stream) else { continue };
            let gone = broadcast.viewers.iter().filter(|(_, viewer)| viewer.link == link).map(|(device, _)| *device);
            for device in gone.collect::<Vec<_>>() {
                self.unwatch(&device, stream, cx);
            }
        }
    }

    fn lose_streamer(&mut self, stream: StreamId, link: LinkId, cx: &mut CoordinatorContext<'_>) {
        let Some(broadcast) = self.streams.get_mut(&stream) else { return };
        if broadcast.streamer != Streamer::There(link) {
            return;
        }
        if !cx.rules.has(Rule::ReturnKeepsStream) {
            return self.end(stream, Reason::StreamerGone, cx);
        }
        broadcast.streamer = Streamer::Gone(cx.now.mono + cx.limits.streams.return_within);
        self.announce(&stream, cx);
    }

    /// Ends what is not allowed any more.
    pub fn enforce(&mut self, rights: impl Fn(AccountId) -> Rights, cx: &mut CoordinatorContext<'_>) {
        let streams: Vec<StreamId> = self.streams.keys().copied().collect();
        for stream in streams {
            let Some(broadcast) = self.streams.get(&stream) else { continue };
            if cx.rules.has(Rule::StreamRight) && !rights(broadcast.account()).include(Rights::STREAM) {
                self.end(stream, Reason::MayNotStream, cx);
                continue;
            }
            let may = |viewer: &Watcher| rights(viewer.who.account).include(Rights::READ);
            let gone = broadcast.viewers.iter().filter(|(_, viewer)| cx.rules.has(Rule::WatchRight) && !may(viewer));
            for device in gone.map(|(device, _)| *device).collect::<Vec<_>>() {
                self.shut_out(stream, device, cx);
            }
        }
    }

    fn shut_out(&mut self, stream: StreamId, viewer: DeviceId, cx: &mut CoordinatorContext<'_>) {
        let Some(broadcast) = self.streams.get_mut(&stream) else { return };
        broadcast.shut_out(viewer);
        let channel = broadcast.description.channel;
        // Its ticket is good for a while yet: nobody who passes the stream on is to take it.
        let links: Vec<LinkId> = broadcast.serving().collect();
        let own = broadcast.viewers.get(&viewer).map(|viewer| viewer.link);
        links.into_iter().for_each(|link| cx.one(link, &ShutOut { channel, stream, viewer }));
        if let Some(link) = own {
            cx.one(link, &Unwatched { channel, stream, reason: Reason::MembersOnly });
        }
        self.unwatch(&viewer, stream, cx);
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, cx: &mut CoordinatorContext<'_>) {
        let is_over =
            |broadcast: &Broadcast| matches!(broadcast.streamer, Streamer::Gone(until) if until <= cx.now.mono);
        let over = self.streams.iter().filter(|(_, broadcast)| is_over(broadcast)).map(|(stream, _)| *stream);
        for stream in over.collect::<Vec<_>>() {
            self.end(stream, Reason::StreamerGone, cx);
        }
        self.renew_tickets(cx);
    }

    fn renew_tickets(&mut self, cx: &mut CoordinatorContext<'_>) {
        for broadcast in self.streams.values_mut() {
            while let Some(device) = broadcast.take_due(cx.now.mono) {
                if let Some((link, plan)) = broadcast.plan(&device, cx) {
                    cx.one(link, &plan);
                }
            }
        }
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        earliest(self.streams.values().flat_map(|broadcast| {
            let gone = match broadcast.streamer {
                Streamer::There(_) => None,
                Streamer::Gone(until) => Some(Deadline::new(until, "a streamer that is gone")),
            };
            [gone, broadcast.renews_at().map(|at| Deadline::new(at, "a ticket that ends"))]
        }))
    }

    /// Whether nobody streams.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Everything ends here: somebody else coordinates.
    pub fn clear(&mut self) {
        self.streams.clear();
    }

    /// The tree of a stream, for people and tests.
    #[must_use]
    pub fn tree(&self, stream: &StreamId) -> Option<&tree::Tree> {
        self.streams.get(stream).map(|broadcast| &broadcast.tree)
    }
}
