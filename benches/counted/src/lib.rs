//! Segment's inner loops with fixed inputs: no clock, no randomness, no disk.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use segment_core::sync::accept::{Verdict, accept};
use segment_core::sync::subscribers::{Subscriber, Subscribers};
use segment_core::sync::{ChannelLog, Fold, fanout};
use segment_core::{LogId, LogRole, Outbox, Output, Recipients, Rules};
use segment_proto::messages::{Entries, Submit};
use segment_proto::{
    Access, AccountId, ChannelId, DeviceId, Entry, Envelope, EnvelopeKind, Fence, Frame, Hash, Identity, Limits,
    LinkId, Message, MessageKey, SignedEnvelope, UnixMillis, UserName, Verifier, View, Visitors, Who,
};

/// Authors of the log, and members of the channel.
const PEOPLE: u16 = 100;
/// Messages in the log.
const MESSAGES: u16 = 1_000;
const FENCE: Fence = Fence { generation: 0, epoch: 1 };

/// What is counted, by name.
pub const NAMES: [&str; 5] = ["encode", "decode", "accept", "sequence", "fan-out"];

/// What is measured by the clock only, because the instructions are those of the processor at hand: the check of a
/// submit with so many messages of one author.
pub const CLOCKED: [(&str, u16); 4] = [("check 1", 1), ("check 8", 8), ("check 64", 64), ("check 256", 256)];

/// The fan-out with a fault, which has to be found: every message is encoded twice.
pub const PLANTED: &str = "fan-out, planted";

/// One repetition of some work.
pub type Work = Box<dyn FnMut() -> Result<()>>;

/// Makes ready for one of them.
///
/// # Errors
/// There is none of that name.
pub fn prepare(name: &str) -> Result<Work> {
    if let Some((_, count)) = CLOCKED.iter().find(|(clocked, _)| *clocked == name) {
        return Ok(check(*count));
    }
    let town = Town::new()?;
    Ok(match name {
        "encode" => Box::new(move || town.encode().map(drop)),
        "decode" => {
            let frame = town.encode()?;
            Box::new(move || decode(&frame))
        }
        "accept" => Box::new(move || town.accept()),
        "sequence" => {
            let (mut log, next) = (town.log.clone(), town.next.clone());
            Box::new(move || {
                black_box(log.sequence(next.clone(), FENCE.epoch, UnixMillis(1), Rules::all()));
                Ok(())
            })
        }
        "fan-out" => {
            let mut members = members()?;
            Box::new(move || town.fan_out(&mut members))
        }
        PLANTED => {
            let mut members = members()?;
            Box::new(move || town.encode().and_then(|_| town.fan_out(&mut members)))
        }
        other => bail!("{other} is none of {NAMES:?}"),
    })
}

/// A channel with some history, and a message that follows it.
struct Town {
    log: ChannelLog,
    next: SignedEnvelope,
}

impl Town {
    fn new() -> Result<Self> {
        let id = LogId { channel: channel(), role: LogRole::Host };
        let access = Access::new(AccountId(1), View::Public, Visitors::Nothing);
        let mut log = ChannelLog::new(id, Fold::new(access));
        for message in 0..MESSAGES {
            let envelope = envelope(&log, message);
            log.sequence(envelope, FENCE.epoch, UnixMillis(message.into()), Rules::all());
        }
        let next = envelope(&log, MESSAGES);
        Ok(Self { log, next })
    }

    /// The last message as it is pushed to members.
    fn encode(&self) -> Result<Frame> {
        let (before, stored) = self.log.slice(MESSAGES.into(), MESSAGES.into()).context("it is in memory")?;
        let entries: Vec<Entry> = stored.iter().map(|stored| stored.entry.clone()).collect();
        let frame = Frame::push(&Entries { channel: channel(), fence: FENCE, before, entries });
        Ok(black_box(frame))
    }

    fn accept(&self) -> Result<()> {
        let hash = self.next.hash();
        match black_box(accept(&self.log, &self.next, &hash, &None, Rules::all())) {
            Verdict::Accept => Ok(()),
            other => bail!("judged {other:?}"),
        }
    }

    /// From the log to a frame for each member, as a driver queues it.
    fn fan_out(&self, members: &mut Subscribers) -> Result<()> {
        let limits = Limits::default();
        let mut out: Outbox<(), ()> = Outbox::default();
        for frame in fanout::frames(&self.log, MESSAGES.into(), MESSAGES.into(), FENCE, &limits) {
            out.transmit_many(members.keeping(), frame);
        }
        let Some(Output::Transmit { to: Recipients::Many(links), frame }) = out.pop() else { bail!("nothing goes") };
        let links: Arc<[LinkId]> = links;
        let queued: Vec<(LinkId, Frame)> = links.iter().map(|link| (*link, frame.clone())).collect();
        if queued.len() != usize::from(PEOPLE) {
            bail!("{} frames go", queued.len());
        }
        black_box(queued);
        Ok(())
    }
}

fn decode(frame: &Frame) -> Result<()> {
    let header = frame.header().context("a header")?;
    black_box(Message::decode(&header, &frame.payload())?);
    Ok(())
}

fn check(count: u16) -> Work {
    let author = Identity::from_secret(&[8; 32]);
    let signed = |message: u16| {
        let key = MessageKey { channel: channel(), device: author.device(), incarnation: 1, seq: message.into() };
        let (account, sent, kind) = (AccountId(1), UnixMillis(message.into()), EnvelopeKind::Text);
        let body = Bytes::from(format!("{message:<128}"));
        SignedEnvelope::new(Envelope { key, account, prev: Hash::ZERO, sent, kind, body }, &author)
    };
    let submit = Message::from(Submit::new(channel(), FENCE, (1..=count).map(signed).collect()));
    Box::new(move || {
        black_box(Verifier::ed25519().check(submit.clone())?);
        Ok(())
    })
}

fn channel() -> ChannelId {
    ChannelId::from_random([9; 16])
}

fn device(number: u16) -> DeviceId {
    let mut bytes = [3; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    DeviceId(bytes)
}

/// A text of 128 bytes by one author after the other.
fn envelope(log: &ChannelLog, message: u16) -> SignedEnvelope {
    let author = message % PEOPLE;
    let (device, account) = (device(author), AccountId(u64::from(author) + 1));
    let row = log.fold().row(device, account);
    let key = MessageKey { channel: channel(), device, incarnation: 1, seq: row.seq + 1 };
    let prev = if row.seq == 0 { Hash::ZERO } else { row.hash };
    let body = Bytes::from(format!("{message:<128}"));
    let sent = UnixMillis(message.into());
    let envelope = Envelope { key, account, prev, sent, kind: EnvelopeKind::Text, body };
    SignedEnvelope::new(envelope, &Identity::simulated(device))
}

fn members() -> Result<Subscribers> {
    let mut members = Subscribers::default();
    for number in 0..PEOPLE {
        let name = UserName::new(&format!("member{number}"))?;
        let who = Who { account: AccountId(u64::from(number) + 1), name };
        members.insert(LinkId(number.into()), Subscriber::new(who, device(number), None));
    }
    Ok(members)
}
