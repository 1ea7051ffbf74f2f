//! What a reader computes for each message: one core, no network, no disk.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use segment_benches::figures::per_second;
use segment_benches::machine::cpu_seconds;
use segment_proto::messages::SyncPage;
use segment_proto::{
    AccountId, ChannelId, Entry, Envelope, EnvelopeKind, Fence, Frame, Hash, Identity, Limits, Message, MessageKey,
    Position, RequestId, SignedEnvelope, UnixMillis, Verifier,
};

/// Who has written.
const AUTHORS: usize = 8;

/// Decodes pages and checks their chains, without and with the signatures.
pub fn measure(messages: usize) -> Result<()> {
    let frames = pages(messages);
    let bytes: usize = frames.iter().map(|frame| frame.payload().len()).sum();
    println!("{messages} messages in {} pages of together {} MiB, per second of processor:", frames.len(), bytes >> 20);
    let began = cpu_seconds()?;
    let decoded = decode(&frames)?;
    let parsed = cpu_seconds()?;
    chain(&decoded)?;
    let chained = cpu_seconds()?;
    let verifier = Verifier::ed25519();
    for page in decoded {
        black_box(verifier.check(Message::from(page)).context("a signature")?);
    }
    let checked = cpu_seconds()?;
    let rate = |seconds| per_second(messages, Duration::from_secs_f64(seconds));
    println!("  decoded: {} messages/s", rate(parsed - began));
    println!("  decoded and chain checked: {} messages/s", rate(chained - began));
    println!("  the signatures of {AUTHORS} authors alone: {} messages/s", rate(checked - chained));
    Ok(())
}

fn decode(frames: &[Frame]) -> Result<Vec<SyncPage>> {
    let page = |frame: &Frame| {
        let header = frame.header().context("a header")?;
        match Message::decode(&header, &frame.payload())? {
            Message::SyncPage(page) => Ok(page),
            _ => anyhow::bail!("another message"),
        }
    };
    frames.iter().map(page).collect()
}

fn chain(pages: &[SyncPage]) -> Result<()> {
    let mut tip = Position::START;
    for page in pages {
        ensure!(page.before == tip.chain, "the pages do not follow each other");
        for entry in &page.entries {
            ensure!(entry.pos == tip.pos + 1, "a hole");
            tip = entry.position(&tip.chain);
        }
        ensure!(page.head == tip, "the chain is another");
    }
    Ok(())
}

/// Messages of some authors in turn, in pages as a host makes them.
fn pages(messages: usize) -> Vec<Frame> {
    let limits = Limits::default();
    let authors: Vec<Identity> =
        (1..=AUTHORS).map(|n| Identity::from_secret(&[u8::try_from(n).unwrap_or(0); 32])).collect();
    let mut rows = vec![Hash::ZERO; AUTHORS];
    let (mut frames, mut page, mut bytes) = (Vec::new(), Vec::new(), 0);
    let (mut before, mut tip) = (Hash::ZERO, Position::START);
    for n in 0..messages {
        let who = n % AUTHORS;
        let envelope = envelope(&authors[who], n, rows[who]);
        rows[who] = envelope.hash();
        let entry = Entry { pos: tip.pos + 1, epoch: 1, sequenced: UnixMillis(n as u64), envelope };
        if page.len() >= limits.batch_entries_max || bytes + entry.wire_bytes() > limits.batch_bytes_max {
            frames.push(frame(before, std::mem::take(&mut page), tip));
            (before, bytes) = (tip.chain, 0);
        }
        bytes += entry.wire_bytes();
        tip = entry.position(&tip.chain);
        page.push(entry);
    }
    frames.push(frame(before, page, tip));
    frames
}

fn channel() -> ChannelId {
    ChannelId::from_random([9; 16])
}

fn envelope(author: &Identity, n: usize, prev: Hash) -> SignedEnvelope {
    let seq = (n / AUTHORS + 1) as u64;
    let key = MessageKey { channel: channel(), device: author.device(), incarnation: 1, seq };
    let body = Bytes::from(format!("message {n:<120}"));
    let account = AccountId((n % AUTHORS + 1) as u64);
    let envelope = Envelope { key, account, prev, sent: UnixMillis(n as u64), kind: EnvelopeKind::Text, body };
    SignedEnvelope::new(envelope, author)
}

fn frame(before: Hash, entries: Vec<Entry>, head: Position) -> Frame {
    let fence = Fence { generation: 0, epoch: 1 };
    let page =
        SyncPage { channel: channel(), fence, before, entries, head, receipt: None, diverged: Vec::new(), first: 1 };
    Frame::response(RequestId::from_random([1; 16]), &page)
}
