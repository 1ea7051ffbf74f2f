//! Values for messages: fixed ones for the golden files, drawn ones for the properties.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;

use crate::messages::*;
use crate::*;

/// A source of values. A fixed one counts, fills every option and gives every list one item.
pub struct Draw {
    seed: Option<u64>,
    counter: u64,
    list_length: u64,
    text_length: Option<usize>,
    body_length: Option<usize>,
    identity: Identity,
}

impl Draw {
    pub fn fixed() -> Self {
        Self {
            seed: None,
            counter: 0,
            list_length: 1,
            text_length: None,
            body_length: None,
            identity: Identity::from_secret(&[7; 32]),
        }
    }

    pub fn seeded(seed: u64) -> Self {
        Self {
            seed: Some(seed),
            counter: 0,
            list_length: 1,
            text_length: None,
            body_length: None,
            identity: Identity::simulated(DeviceId([9; 32])),
        }
    }

    /// As [`Draw::fixed`], with this many items in every list.
    pub fn with_lists_of(list_length: usize) -> Self {
        Self { list_length: list_length as u64, ..Self::fixed() }
    }

    /// As [`Draw::fixed`], with this many bytes in every text.
    pub fn with_texts_of(text_length: usize) -> Self {
        Self { text_length: Some(text_length), ..Self::fixed() }
    }

    /// As [`Draw::fixed`], with this many bytes in every body.
    pub fn with_bodies_of(body_length: usize) -> Self {
        Self { body_length: Some(body_length), ..Self::fixed() }
    }

    /// One sample. A fixed draw counts from 1 in each, so that none depends on those before it.
    pub fn sample(&mut self, make: impl FnOnce(&mut Self) -> Message) -> Message {
        if self.seed.is_none() {
            self.counter = 0;
        }
        make(self)
    }

    /// Below `end`; a fixed draw counts from 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.counter += 1;
        let Some(seed) = self.seed else {
            return self.counter % end;
        };
        mix(seed.wrapping_add(self.counter.wrapping_mul(0x9e37_79b9_7f4a_7c15))) % end
    }

    /// Of any magnitude, small ones and the greatest among them: varints have a length for each.
    pub fn u64(&mut self) -> u64 {
        let bits = if self.seed.is_some() { self.below(65) } else { 64 };
        let number = self.below(u64::MAX);
        if bits == 0 { u64::MAX } else { number >> (64 - bits) }
    }

    pub fn u32(&mut self) -> u32 {
        u32::try_from(self.u64() & u64::from(u32::MAX)).unwrap()
    }

    pub fn u16(&mut self) -> u16 {
        u16::try_from(self.below(1 << 16)).unwrap()
    }

    pub fn flag(&mut self) -> bool {
        self.seed.is_none() || self.below(2) == 1
    }

    pub fn option<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| value(self))
    }

    pub fn list<T>(&mut self, value: impl Fn(&mut Self) -> T) -> Vec<T> {
        let length = if self.seed.is_some() { self.below(4) } else { self.list_length };
        (0..length).map(|_| value(self)).collect()
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let first = self.below(251);
        core::array::from_fn(|index| if self.seed.is_some() { self.below(256) } else { first + index as u64 } as u8)
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).unwrap()]
    }

    pub fn text(&mut self) -> String {
        const CHOICES: &[&str] = &["", "a", "Grüße, мир 👋", "\u{1b}[2J\r\n\0", "日本語", "x\u{202e}y", "{\"a\":1}"];
        if let Some(length) = self.text_length {
            return "t".repeat(length);
        }
        if self.seed.is_none() { "Grüße, мир".to_string() } else { self.one_of(CHOICES).to_string() }
    }

    pub fn user_name(&mut self) -> UserName {
        UserName::new(self.one_of(&["ana", "bob", "жанна", "दिव्या", "a.b_c-d", "x0123456789"])).unwrap()
    }

    pub fn channel_name(&mut self) -> ChannelName {
        ChannelName::new(self.one_of(&["general", "rust", "новости", "日本語", "a-1"])).unwrap()
    }

    pub fn device(&mut self) -> DeviceId {
        DeviceId(self.bytes())
    }

    pub fn hash(&mut self) -> Hash {
        Hash(self.bytes())
    }

    pub fn nonce(&mut self) -> Nonce {
        Nonce(self.bytes())
    }

    pub fn token(&mut self) -> Token {
        Token(self.bytes())
    }

    pub fn channel(&mut self) -> ChannelId {
        ChannelId::from_random(self.bytes())
    }

    pub fn session(&mut self) -> SessionId {
        SessionId::from_random(self.bytes())
    }

    pub fn account(&mut self) -> AccountId {
        AccountId(self.u64())
    }

    pub fn time(&mut self) -> UnixMillis {
        UnixMillis(1_790_000_000_000 + self.below(1 << 40))
    }

    pub fn address(&mut self) -> SocketAddr {
        SocketAddr::new(self.ip(), self.u16())
    }

    pub fn ip(&mut self) -> IpAddr {
        if self.below(2) == 0 {
            return IpAddr::V6(Ipv6Addr::from(self.bytes::<16>()));
        }
        IpAddr::V4(Ipv4Addr::from(self.bytes::<4>()))
    }

    pub fn protocol(&mut self) -> ProtocolVersion {
        ProtocolVersion { major: 1, minor: u16::try_from(self.below(300)).unwrap() }
    }

    pub fn reason(&mut self) -> Reason {
        if self.below(8) == 7 { Reason::Unknown(999) } else { self.one_of(Reason::ALL) }
    }

    pub fn view(&mut self) -> View {
        self.one_of(View::ALL)
    }

    pub fn visitors(&mut self) -> Visitors {
        self.one_of(Visitors::ALL)
    }

    pub fn presence(&mut self) -> Presence {
        self.one_of(Presence::ALL)
    }

    pub fn rights(&mut self) -> Rights {
        self.one_of(&[Rights::NONE, Rights::READ, Rights::SEND, Rights::ALL])
    }

    pub fn who(&mut self) -> Who {
        Who { account: self.account(), name: self.user_name() }
    }

    pub fn fence(&mut self) -> Fence {
        Fence { generation: self.u32(), epoch: self.u32() }
    }

    pub fn position(&mut self) -> Position {
        Position { pos: self.u64(), epoch: self.u32(), chain: self.hash() }
    }

    pub fn row(&mut self) -> Row {
        Row {
            device: self.device(),
            account: self.account(),
            incarnation: self.u32(),
            seq: self.u64(),
            hash: self.hash(),
        }
    }

    pub fn key(&mut self) -> MessageKey {
        MessageKey { channel: self.channel(), device: self.device(), incarnation: self.u32(), seq: self.u64() }
    }

    pub fn change(&mut self) -> AccessChange {
        AccessChange {
            op: self.one_of(access::AccessOp::ALL),
            account: self.account(),
            name: self.text(),
            rights: self.rights(),
            setting: self.u16(),
            amount: self.u64(),
            device: self.option(Self::device),
        }
    }

    pub fn access(&mut self) -> Access {
        let mut access = Access::new(self.account(), View::Public, Visitors::Read);
        access.apply(&AccessChange::allow(self.account(), String::new(), Rights::READ));
        access.apply(&AccessChange::designate(self.account(), String::new(), self.device()));
        access.apply(&AccessChange::retain(Measure::Count, self.u64()));
        access
    }

    pub fn envelope(&mut self) -> Envelope {
        let kind = self.one_of(&[EnvelopeKind::Text, EnvelopeKind::Access, EnvelopeKind::Unknown(77)]);
        self.envelope_of(kind)
    }

    pub fn envelope_of(&mut self, kind: EnvelopeKind) -> Envelope {
        let body = match kind {
            EnvelopeKind::Text => self.text().into_bytes(),
            EnvelopeKind::Access => postcard::to_allocvec(&self.change()).unwrap(),
            EnvelopeKind::Unknown(_) => self.bytes::<5>().to_vec(),
        };
        let body = self.body_length.map_or(body, |length| alloc::vec![b'b'; length]);
        Envelope {
            key: MessageKey { device: self.identity.device(), ..self.key() },
            account: self.account(),
            prev: self.hash(),
            sent: self.time(),
            kind,
            body: Bytes::from(body),
        }
    }

    pub fn signed<T: signed::Content>(&mut self, content: T) -> Signed<T> {
        Signed::new(content, &self.identity)
    }

    pub fn signed_envelope(&mut self) -> SignedEnvelope {
        let envelope = self.envelope();
        self.signed(envelope)
    }

    pub fn entry(&mut self) -> Entry {
        Entry { pos: self.u64(), epoch: self.u32(), sequenced: self.time(), envelope: self.signed_envelope() }
    }

    pub fn epoch_record(&mut self) -> EpochRecord {
        EpochRecord {
            channel: self.channel(),
            fence: self.fence(),
            owner: if self.flag() { EpochOwner::Host(self.device()) } else { EpochOwner::Tracker },
            base: self.position(),
        }
    }

    pub fn receipt(&mut self) -> Receipt {
        Receipt { channel: self.channel(), fence: self.fence(), at: self.position() }
    }

    pub fn certificate(&mut self) -> Certificate {
        Certificate {
            who: self.who(),
            device: self.device(),
            session: self.session(),
            issued: self.time(),
            expires: self.time(),
        }
    }

    pub fn device_record(&mut self) -> DeviceRecord {
        DeviceRecord { device: self.device(), who: self.who(), since: self.time(), revoked: self.option(Self::time) }
    }

    pub fn channel_record(&mut self) -> ChannelRecord {
        ChannelRecord {
            channel: self.channel(),
            name: self.channel_name(),
            owner: self.who(),
            host: self.device(),
            view: self.view(),
            visitors: self.visitors(),
            created: self.time(),
            revision: self.u32(),
        }
    }

    pub fn snapshot(&mut self) -> Snapshot {
        Snapshot {
            channel: self.channel(),
            at: self.position(),
            generation: self.u32(),
            size: self.u64(),
            digest: self.hash(),
        }
    }

    pub fn evidence(&mut self) -> Evidence {
        Evidence { receipt: self.option(Self::signed_receipt), epoch: self.option(Self::signed_epoch) }
    }

    pub fn signed_certificate(&mut self) -> Signed<Certificate> {
        let content = self.certificate();
        self.signed(content)
    }

    pub fn signed_device(&mut self) -> Signed<DeviceRecord> {
        let content = self.device_record();
        self.signed(content)
    }

    pub fn signed_receipt(&mut self) -> Signed<Receipt> {
        let content = self.receipt();
        self.signed(content)
    }

    pub fn signed_epoch(&mut self) -> Signed<EpochRecord> {
        let content = self.epoch_record();
        self.signed(content)
    }

    pub fn u8(&mut self) -> u8 {
        self.below(200) as u8
    }

    pub fn stream(&mut self) -> StreamId {
        StreamId::from_random(self.bytes())
    }

    pub fn frame_place(&mut self) -> FramePlace {
        FramePlace { group: self.u64(), frame: self.u32() }
    }

    pub fn track(&mut self) -> Track {
        Track {
            track: self.u8(),
            kind: self.one_of(TrackKind::ALL),
            codec: self.text(),
            format: self.text(),
            rate_bps: self.u32(),
            interval_us: self.u32(),
        }
    }

    pub fn stream_description(&mut self) -> StreamDescription {
        StreamDescription {
            channel: self.channel(),
            stream: self.stream(),
            device: self.device(),
            who: self.who(),
            title: self.text(),
            tracks: self.list(Self::track),
            started: self.time(),
        }
    }

    pub fn signed_stream(&mut self) -> Signed<StreamDescription> {
        let content = self.stream_description();
        self.signed(content)
    }

    pub fn frame_header(&mut self) -> FrameHeader {
        FrameHeader {
            stream: self.stream(),
            track: self.u8(),
            place: self.frame_place(),
            timestamp_us: self.u64(),
            flags: FrameFlags::KEY.with(FrameFlags::DISCARDABLE),
            size: self.u32(),
            hash: self.hash(),
            needs: self.u32(),
            count: self.u64(),
        }
    }

    pub fn signed_frame(&mut self) -> Signed<FrameHeader> {
        let content = self.frame_header();
        self.signed(content)
    }

    pub fn ticket(&mut self) -> Ticket {
        Ticket { channel: self.channel(), stream: self.stream(), viewer: self.device(), expires: self.time() }
    }

    pub fn signed_ticket(&mut self) -> Signed<Ticket> {
        let content = self.ticket();
        self.signed(content)
    }

    pub fn node(&mut self) -> Node {
        Node { device: self.device(), address: self.address() }
    }

    pub fn stream_row(&mut self) -> StreamRow {
        StreamRow { description: self.signed_stream(), viewers: self.u32(), present: self.flag() }
    }

    pub fn figures(&mut self) -> ViewerFigures {
        ViewerFigures {
            frames: self.u64(),
            dropped: self.u64(),
            bytes: self.u64(),
            delay_p50_us: self.u32(),
            delay_p95_us: self.u32(),
            hops: self.u8(),
            children: self.u32(),
        }
    }

    pub fn viewer_row(&mut self) -> ViewerRow {
        ViewerRow {
            who: self.who(),
            device: self.device(),
            parent: self.option(Self::device),
            relays: self.flag(),
            figures: self.figures(),
        }
    }

    pub fn user_row(&mut self) -> UserRow {
        UserRow { who: self.who(), session: self.session(), device: self.device(), address: self.option(Self::address) }
    }

    pub fn channel_row(&mut self) -> ChannelRow {
        let record = self.channel_record();
        ChannelRow {
            record: self.signed(record),
            view: self.view(),
            visitors: self.visitors(),
            host: self.option(Self::address),
            host_present: self.flag(),
            joined: self.flag(),
        }
    }

    pub fn member_row(&mut self) -> MemberRow {
        MemberRow { who: self.who(), presence: self.presence() }
    }

    pub fn fate(&mut self) -> Fate {
        Fate {
            key: self.key(),
            code: self.one_of(FateCode::ALL),
            pos: self.u64(),
            epoch: self.u32(),
            reason: self.option(Self::reason),
            row: self.option(Self::row),
            retry_after_ms: self.u32(),
        }
    }
}

/// The finaliser of `SplitMix64`.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
