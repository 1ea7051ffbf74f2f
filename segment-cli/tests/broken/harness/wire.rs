//! A client made by hand, which says what no honest one says.

use std::collections::HashMap;
use std::net::SocketAddr;

use bytes::Bytes;
use segment_net::transport::{Connection, Expected, TlsIdentity, TlsTransport, Transport, TransportLimits};
use segment_proto::frame::{Parser, Role};
use segment_proto::messages::{
    AuthMethod, ChannelRow, Fate, FindChannel, Greeter, Guest, Hello, JoinChannel, LoggedIn, Login, Payload, Ping,
    Presence, Register, Request, Secret, Submit, Subscribe, Subscribed,
};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Envelope, EnvelopeKind, Fence, Frame, Hash, Header, Identity, Message, MessageKey,
    ProtocolVersion, Reason, RequestId, Signed, SignedEnvelope, UnixMillis,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{PASSWORD, patience, secret, soon};

/// Longer than anything that is ever sent.
const FRAME_MAX: usize = 1 << 20;

pub fn hello(greeter: Greeter) -> Hello {
    Hello { protocol: ProtocolVersion::CURRENT, greeter, software: "by hand".to_owned() }
}

/// Why a request failed.
pub fn failed(answer: &Message) -> Reason {
    match answer {
        Message::Failure(failure) => failure.reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// The other end of a link.
pub struct Wire {
    connection: Connection,
    parser: Parser,
    asked: u128,
    answers: HashMap<RequestId, Message>,
    /// What was heard while waiting for answers.
    pub pushes: Vec<Message>,
}

impl Wire {
    /// A TLS link on which nothing was said yet.
    pub async fn dial(device: &str, address: SocketAddr) -> Self {
        let identity = TlsIdentity::from_secret(&secret(device)).unwrap();
        let limits = TransportLimits { handshake: patience(), connect: patience(), ..TransportLimits::default() };
        let transport = TlsTransport::new(identity, limits).unwrap();
        let connection = transport.dial(address, Expected::Anyone).await.unwrap();
        Self { connection, parser: Parser::default(), asked: 0, answers: HashMap::new(), pushes: Vec::new() }
    }

    /// A link to a tracker that knows the protocol.
    pub async fn greeted(device: &str, address: SocketAddr) -> Self {
        let mut wire = Self::dial(device, address).await;
        let welcome = wire.request(&hello(Greeter::Client)).await;
        assert!(matches!(welcome, Message::Welcome(_)), "{welcome:?}");
        wire
    }

    /// A new account on a device of the same name.
    pub async fn registered(name: &str, address: SocketAddr) -> (Self, LoggedIn) {
        let mut wire = Self::greeted(name, address).await;
        let logged_in = wire.register(name).await;
        (wire, logged_in)
    }

    pub async fn register(&mut self, name: &str) -> LoggedIn {
        match self.request(&register(name)).await {
            Message::LoggedIn(logged_in) => logged_in,
            other => panic!("{other:?}"),
        }
    }

    pub async fn login(&mut self, name: &str, password: &str) -> Message {
        let (name, secret) = (name.to_owned(), Secret(password.to_owned()));
        let auth_method = AuthMethod::Password;
        self.request(&Login { name, auth_method, secret, presence: Presence::Online }).await
    }

    pub async fn guest(&mut self, name: &str) -> LoggedIn {
        match self.request(&Guest { name: name.to_owned() }).await {
            Message::LoggedIn(logged_in) => logged_in,
            other => panic!("{other:?}"),
        }
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.connection.writer.write_all(bytes).await?;
        self.connection.writer.flush().await
    }

    pub fn next_id(&mut self) -> RequestId {
        self.asked += 1;
        RequestId::from_random(self.asked.to_be_bytes())
    }

    pub async fn ask<P: Payload>(&mut self, request: &P) -> RequestId {
        let id = self.next_id();
        self.send_bytes(&Frame::request(id, request).bytes()).await.unwrap();
        id
    }

    /// The next message; `None` at the end of the stream.
    pub async fn hear(&mut self) -> Option<(Header, Message)> {
        timeout(patience(), self.hear_patiently()).await.expect("nothing was said")
    }

    async fn hear_patiently(&mut self) -> Option<(Header, Message)> {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            if let Some(frame) = self.parser.next_frame(FRAME_MAX).unwrap() {
                let header = frame.header().unwrap();
                return Some((header, Message::decode(&header, &frame.payload()).unwrap()));
            }
            // A broken stream is over as well.
            match self.connection.reader.read(&mut bytes).await {
                Ok(count @ 1..) => self.parser.extend(&bytes[..count]),
                _ => return None,
            }
        }
    }

    /// Asks and waits for the answer.
    pub async fn request<R: Request>(&mut self, request: &R) -> Message {
        let id = self.ask(request).await;
        self.answer(id).await
    }

    /// The answer to a request; what else is heard meanwhile is kept.
    pub async fn answer(&mut self, id: RequestId) -> Message {
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return answer;
            }
            let (header, message) = self.hear().await.expect("the link was closed");
            match header.role {
                Role::Response => drop(self.answers.insert(header.correlation, message)),
                _ => self.pushes.push(message),
            }
        }
    }

    /// Asks for what must be refused.
    pub async fn refused<R: Request>(&mut self, request: &R) -> Reason {
        failed(&self.request(request).await)
    }

    /// The next push of which `wanted` makes something.
    pub async fn push<T>(&mut self, wanted: impl Fn(&Message) -> Option<T>) -> T {
        loop {
            let found = self.pushes.iter().find_map(&wanted);
            if let Some(found) = found {
                return found;
            }
            let (header, message) = self.hear().await.expect("the link was closed");
            match header.role {
                Role::Response => drop(self.answers.insert(header.correlation, message)),
                _ => self.pushes.push(message),
            }
        }
    }

    /// That the link lives, and all that was said before is answered.
    pub async fn ping(&mut self) {
        let answer = self.request(&Ping {}).await;
        assert!(matches!(answer, Message::Pong(_)), "{answer:?}");
    }

    /// That the other side closes the link; its last words.
    pub async fn until_closed(&mut self) -> Vec<Message> {
        let mut said = Vec::new();
        while let Some((_, message)) = self.hear().await {
            said.push(message);
        }
        said
    }

    /// A channel whose host is there.
    pub async fn find(&mut self, name: &str) -> ChannelRow {
        soon(async {
            loop {
                match self.request(&FindChannel { name: name.to_owned() }).await {
                    Message::ChannelFound(found) if found.row.host.is_some() => return found.row,
                    Message::ChannelFound(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                    other => panic!("{other:?}"),
                }
            }
        })
        .await
    }
}

pub fn register(name: &str) -> Register {
    let (auth_method, secret) = (AuthMethod::Password, Secret(PASSWORD.to_owned()));
    Register { name: name.to_owned(), auth_method, secret, presence: Presence::Online }
}

/// Writes envelopes as a device of an account would, or says that it does.
pub struct Author {
    pub identity: Identity,
    pub channel: ChannelId,
    pub device: DeviceId,
    pub account: AccountId,
    pub prev: Hash,
    pub seq: u64,
}

impl Author {
    pub fn new(device: &str, account: AccountId, channel: ChannelId) -> Self {
        let identity = Identity::from_secret(&secret(device));
        let device = identity.device();
        Self { identity, channel, device, account, prev: Hash::ZERO, seq: 0 }
    }

    pub fn write(&mut self, kind: EnvelopeKind, body: impl Into<Bytes>) -> SignedEnvelope {
        self.seq += 1;
        let key = MessageKey { channel: self.channel, device: self.device, incarnation: 1, seq: self.seq };
        let (account, prev, sent) = (self.account, self.prev, UnixMillis(1));
        let envelope = Envelope { key, account, prev, sent, kind, body: body.into() };
        let signed = Signed::new(envelope, &self.identity);
        self.prev = signed.hash();
        signed
    }

    pub fn text(&mut self, text: &str) -> SignedEnvelope {
        self.write(EnvelopeKind::Text, text.as_bytes().to_vec())
    }
}

/// A member made by hand: registered, joined, and subscribed at the host.
pub struct Member {
    pub tracker: Wire,
    pub host: Wire,
    pub logged_in: LoggedIn,
    pub row: ChannelRow,
    pub fence: Fence,
    pub author: Author,
}

impl Member {
    pub async fn join(name: &str, tracker: SocketAddr, channel: &str) -> Self {
        let (mut wire, logged_in) = Wire::registered(name, tracker).await;
        let joined = wire.request(&JoinChannel { name: channel.to_owned() }).await;
        assert!(matches!(joined, Message::ChannelFound(_)), "{joined:?}");
        let row = wire.find(channel).await;
        let author = Author::new(name, logged_in.who.account, row.record.channel);
        let (host, subscribed) = subscribe(name, &row, &logged_in).await;
        let fence = subscribed.epoch.as_ref().unwrap().fence;
        Self { tracker: wire, host, logged_in, row, fence, author }
    }

    /// Another link to the host.
    pub async fn come_again(&mut self, name: &str) {
        self.host = subscribe(name, &self.row, &self.logged_in).await.0;
    }

    pub fn submit(&self, envelopes: Vec<SignedEnvelope>) -> Submit {
        Submit::new(self.author.channel, self.fence, envelopes)
    }

    /// Brings envelopes to the host; what becomes of each.
    pub async fn bring(&mut self, envelopes: Vec<SignedEnvelope>) -> Vec<Fate> {
        let submit = self.submit(envelopes);
        match self.host.request(&submit).await {
            Message::Submitted(submitted) => submitted.fates,
            other => panic!("{other:?}"),
        }
    }
}

/// A link to a host that knows the protocol.
pub async fn greet_host(device: &str, row: &ChannelRow) -> Wire {
    let mut host = Wire::dial(device, row.host.unwrap()).await;
    let welcome = host.request(&hello(Greeter::Member)).await;
    assert!(matches!(welcome, Message::Welcome(_)), "{welcome:?}");
    host
}

/// What a member says to be let in.
pub fn subscription(row: &ChannelRow, logged_in: &LoggedIn) -> Subscribe {
    Subscribe {
        channel: row.record.channel,
        certificate: Some(logged_in.certificate.clone()),
        device: logged_in.device.clone(),
        evidence: segment_proto::Evidence::default(),
    }
}

async fn subscribe(device: &str, row: &ChannelRow, logged_in: &LoggedIn) -> (Wire, Subscribed) {
    let mut host = greet_host(device, row).await;
    match host.request(&subscription(row, logged_in)).await {
        Message::Subscribed(subscribed) => (host, subscribed),
        other => panic!("{other:?}"),
    }
}
