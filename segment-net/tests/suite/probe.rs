//! A machine that says what it sees, a store that does as it is told, and a client made of bytes.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use segment_core::contract::DialFailure;
use segment_core::store::{Fatal, StoreOperation, StoreOutcome, Table, Write};
use segment_core::{Deadline, Direction, Haste, Input, Machine, OpId, Operation, Outcome, Output, Recipients, Store};
use segment_net::codec::FrameCodec;
use segment_net::transport::{
    Connection, Expected, MemoryNetwork, MemoryTransport, TlsIdentity, TlsTransport, Transport, TransportLimits,
};
use segment_net::{Driver, DriverError, DriverLimits, Events, Handle, Happening, Setup};
use segment_proto::frame::{Header, Role};
use segment_proto::messages::{Done, Ping, Pong, Subscribed};
use segment_proto::{
    ChannelId, DeviceId, Frame, Instant, LinkId, Message, Now, Payload, Position, Reason, RequestId, Rights, UnixMillis,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::codec::Decoder;

pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a [`Probe`] saw, which is also what it tells.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Seen {
    Up(LinkId, Direction, DeviceId),
    Got(LinkId, &'static str),
    Room(LinkId, usize),
    Down(LinkId),
    DialFailed(LinkId, DialFailure),
    Performed(OpId, Outcome),
    Due,
}

/// Answers `Ping` once a write is durable and `ListChannels` never; `Logout` ends the link.
#[derive(Default)]
pub struct Probe {
    outputs: VecDeque<Output<Seen>>,
    asked: HashMap<OpId, (LinkId, RequestId)>,
    ops: u64,
    pub deadline: Option<Instant>,
    pub links: Vec<LinkId>,
}

impl Probe {
    pub fn perform(&mut self, operation: Operation) -> OpId {
        self.start(operation, Haste::AtOnce)
    }

    pub fn start(&mut self, operation: Operation, haste: Haste) -> OpId {
        self.ops += 1;
        self.outputs.push_back(Output::Perform { op: OpId(self.ops), operation, haste });
        OpId(self.ops)
    }

    pub fn push(&mut self, output: Output<Seen>) {
        self.outputs.push_back(output);
    }

    pub fn transmit(&mut self, link: LinkId, frame: Frame) {
        self.push(Output::Transmit { to: Recipients::One(link), frame });
    }

    fn see(&mut self, seen: Seen) {
        self.push(Output::Event(seen));
    }

    fn on_received(&mut self, link: LinkId, header: Header, message: &Message) {
        self.see(Seen::Got(link, message.name()));
        let id = header.correlation;
        match message {
            Message::Ping(_) => {
                let key = Bytes::from(self.ops.to_string());
                let write = Write::Put { table: Table::Setting, key, value: Bytes::new() };
                let op = self.perform(Operation::Store(StoreOperation::Write(vec![write])));
                self.asked.insert(op, (link, id));
            }
            Message::Unsubscribe(asked) => self.transmit(link, Frame::response(id, &subscribed(asked.channel))),
            Message::Logout(_) => {
                self.transmit(link, Frame::response(id, &Done {}));
                self.push(Output::Hangup { link, reason: Reason::NotNow });
            }
            _ => {}
        }
    }

    fn on_performed(&mut self, op: OpId, outcome: Outcome) {
        if let Some((link, id)) = self.asked.remove(&op) {
            self.transmit(link, Frame::response(id, &Pong { wall: UnixMillis(7) }));
        }
        self.see(Seen::Performed(op, outcome));
    }
}

fn subscribed(channel: ChannelId) -> Subscribed {
    let (head, rights) = (Position::START, Rights::default());
    Subscribed { channel, epoch: None, head, receipt: None, rights, row: None }
}

impl Machine for Probe {
    type Event = Seen;

    fn handle_input(&mut self, input: Input, _now: Now) {
        match input {
            Input::LinkUp { link, direction, peer, .. } => {
                self.links.push(link);
                self.see(Seen::Up(link, direction, peer));
            }
            Input::Received { link, header, message } => self.on_received(link, header, message.get()),
            Input::Writable { link, room } => self.see(Seen::Room(link, room)),
            Input::LinkDown { link } => {
                self.links.retain(|open| *open != link);
                self.see(Seen::Down(link));
            }
            Input::DialFailed { link, reason } => self.see(Seen::DialFailed(link, reason)),
            Input::Performed { op, outcome } => self.on_performed(op, outcome),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        if self.deadline.take_if(|at| *at <= now.mono).is_some() {
            self.see(Seen::Due);
        }
    }

    fn poll_output(&mut self) -> Option<Output<Seen>> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.deadline.map(|at| Deadline::new(at, "test"))
    }
}

/// A store that can be held up and broken from outside, and counts its batches.
#[derive(Clone, Default)]
pub struct Gate {
    shared: Arc<(Mutex<GateState>, Condvar)>,
}

#[derive(Default)]
struct GateState {
    held: bool,
    broken: bool,
    batches: Vec<usize>,
}

impl Gate {
    pub fn hold(&self) {
        self.shared.0.lock().unwrap().held = true;
    }

    pub fn open(&self) {
        self.shared.0.lock().unwrap().held = false;
        self.shared.1.notify_all();
    }

    pub fn break_down(&self) {
        self.shared.0.lock().unwrap().broken = true;
    }

    pub fn batches(&self) -> Vec<usize> {
        self.shared.0.lock().unwrap().batches.clone()
    }
}

impl Store for Gate {
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal> {
        let (state, changed) = &*self.shared;
        let mut state = changed.wait_while(state.lock().unwrap(), |state| state.held).unwrap();
        if state.broken {
            return Err(Fatal("no space left on device".to_owned()));
        }
        state.batches.push(batch.len());
        Ok(batch.iter().map(|_| StoreOutcome::Written).collect())
    }
}

/// A driver with a probe, running.
pub struct World {
    pub network: MemoryNetwork,
    pub address: SocketAddr,
    pub handle: Handle<Probe>,
    pub events: Events<Seen>,
    pub gate: Gate,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), DriverError>>,
}

pub fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub fn tls_device(number: u8) -> Arc<dyn Transport> {
    let identity = TlsIdentity::from_secret(&[number; 32]).unwrap();
    Arc::new(TlsTransport::new(identity, TransportLimits::default()).unwrap())
}

pub fn memory_device(network: &MemoryNetwork, number: u8) -> Arc<dyn Transport> {
    let limits = TransportLimits { memory_pipe_bytes: 4_096, ..TransportLimits::default() };
    Arc::new(MemoryTransport::new(network, [number; 32], loopback().ip(), limits))
}

impl World {
    pub fn new() -> Self {
        Self::with(DriverLimits::default())
    }

    pub fn with(limits: DriverLimits) -> Self {
        let network = MemoryNetwork::new();
        let device = memory_device(&network, 1);
        Self::on(device, network, limits)
    }

    pub fn over_tls(limits: DriverLimits) -> Self {
        Self::on(tls_device(1), MemoryNetwork::new(), limits)
    }

    pub fn on(transport: Arc<dyn Transport>, network: MemoryNetwork, limits: DriverLimits) -> Self {
        let listener = transport.bind(loopback()).unwrap();
        let (address, gate) = (listener.address(), Gate::default());
        let setup = Setup { transport, listener: Some(listener), store: Box::new(gate.clone()), limits };
        let (driver, handle) = Driver::new(Probe::default(), setup).unwrap();
        let (stop, stopped) = oneshot::channel();
        let events = handle.events();
        let running = tokio::spawn(driver.run(async move {
            let _ = stopped.await;
        }));
        Self { network, address, handle, events, gate, stop, running }
    }

    pub async fn client(&self, number: u8) -> Client {
        let device = memory_device(&self.network, number);
        Client::new(device.dial(self.address, Expected::Anyone).await.unwrap())
    }

    /// The next thing that the machine saw.
    pub async fn saw(&mut self) -> Seen {
        match timeout(PATIENCE, self.events.next()).await.expect("nothing happened") {
            Some(Happening::Event(seen)) => seen,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the machine sees something that `wanted` likes; what that makes of it.
    pub async fn saw_that<T>(&mut self, wanted: impl Fn(&Seen) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(&self.saw().await) {
                return found;
            }
        }
    }

    pub async fn saw_link_up(&mut self) -> LinkId {
        self.saw_that(|seen| if let Seen::Up(link, ..) = seen { Some(*link) } else { None }).await
    }

    pub async fn saw_link_down(&mut self) -> LinkId {
        self.saw_that(|seen| if let Seen::Down(link) = seen { Some(*link) } else { None }).await
    }

    pub fn stop(self) -> JoinHandle<Result<(), DriverError>> {
        let _ = self.stop.send(());
        self.running
    }

    pub async fn result(self) -> Result<(), DriverError> {
        timeout(PATIENCE, self.running).await.unwrap().unwrap()
    }
}

/// The other end of a link, made by hand.
pub struct Client {
    pub connection: Connection,
    codec: FrameCodec,
    buffer: BytesMut,
    asked: u8,
}

impl Client {
    pub fn new(connection: Connection) -> Self {
        Self { connection, codec: FrameCodec::new(1 << 20), buffer: BytesMut::new(), asked: 0 }
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.connection.writer.write_all(bytes).await?;
        self.connection.writer.flush().await
    }

    pub async fn ask<P: Payload>(&mut self, request: &P) -> RequestId {
        self.asked += 1;
        let id = RequestId::from_random([self.asked; 16]);
        self.send_bytes(&Frame::request(id, request).bytes()).await.unwrap();
        id
    }

    /// The next message; `None` at the end of the stream.
    pub async fn hear(&mut self) -> Option<(Header, Message)> {
        timeout(PATIENCE, self.hear_patiently()).await.expect("nothing was said")
    }

    async fn hear_patiently(&mut self) -> Option<(Header, Message)> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.buffer).unwrap() {
                return Some((frame.header, Message::decode(&frame.header, &frame.payload).unwrap()));
            }
            // A broken stream is over as well.
            if self.connection.reader.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Asks and waits for the answer to it.
    pub async fn request<P: Payload>(&mut self, request: &P) -> Message {
        let id = self.ask(request).await;
        let (header, message) = self.hear().await.expect("the link was closed");
        assert_eq!((header.correlation, header.role), (id, Role::Response));
        message
    }

    pub async fn ping(&mut self) {
        let answer = self.request(&Ping {}).await;
        assert!(matches!(answer, Message::Pong(_)), "{answer:?}");
    }
}
