//! One of every message.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::draw::Draw;
use crate::frame::Role;
use crate::messages::*;
use crate::*;

/// Every message of the table, in its order.
pub fn every_message(draw: &mut Draw) -> Vec<Message> {
    let mut messages = session(draw);
    messages.extend(directory(draw));
    messages.extend(channel(draw));
    messages.extend(replication(draw));
    messages.extend(stream(draw));
    messages
}

fn session(d: &mut Draw) -> Vec<Message> {
    alloc::vec![
        d.sample(|d| Hello { protocol: d.protocol(), greeter: d.one_of(Greeter::ALL), software: d.text() }.into()),
        d.sample(
            |d| Welcome { protocol: d.protocol(), wall: d.time(), seen_at: d.address(), software: d.text() }.into()
        ),
        d.sample(|d| Register {
            name: d.text(),
            auth_method: AuthMethod::Password,
            secret: secret(d),
            presence: d.presence()
        }
        .into()),
        d.sample(|d| Login {
            name: d.text(),
            auth_method: AuthMethod::Unknown(9),
            secret: secret(d),
            presence: d.presence()
        }
        .into()),
        d.sample(|d| Guest { name: d.text() }.into()),
        d.sample(|d| ResumeSession { session: d.session(), token: d.token(), presence: d.presence() }.into()),
        d.sample(|d| LoggedIn {
            who: d.who(),
            session: d.session(),
            token: d.token(),
            certificate: d.signed_certificate(),
            device: d.option(Draw::signed_device),
        }
        .into()),
        d.sample(|_| Logout {}.into()),
        d.sample(|d| Announce { port: d.u16(), advertise: d.option(Draw::ip) }.into()),
        d.sample(|d| Announced { address: d.address() }.into()),
        d.sample(|d| SetStatus { presence: d.presence() }.into()),
        d.sample(|_| Ping {}.into()),
        d.sample(|d| Pong { wall: d.time() }.into()),
        d.sample(|d| Goodbye { reason: d.reason() }.into()),
        d.sample(|d| Failure {
            status: d.one_of(Status::ALL),
            reason: d.reason(),
            detail: d.text(),
            retry_after_ms: d.u32()
        }
        .into()),
        d.sample(|_| Done {}.into()),
        d.sample(|_| RenewCertificate {}.into()),
        d.sample(|d| CertificateRenewed { certificate: d.signed_certificate() }.into()),
        d.sample(|d| Revoked { session: d.session(), device: d.device() }.into()),
        d.sample(|d| RegisterAgain {
            device: d.signed_device(),
            auth_method: d.one_of(AuthMethod::ALL),
            secret: secret(d),
            presence: d.presence(),
        }
        .into()),
    ]
}

/// What no rendering may contain.
pub const PASSWORD: &str = "correct horse battery";

fn secret(_: &mut Draw) -> Secret {
    Secret(PASSWORD.to_string())
}

fn directory(d: &mut Draw) -> Vec<Message> {
    alloc::vec![
        d.sample(|d| ListUsers { after: d.option(Draw::session) }.into()),
        d.sample(|d| UserPage { rows: d.list(Draw::user_row), more: d.flag() }.into()),
        d.sample(|d| UserCame { row: d.user_row() }.into()),
        d.sample(|d| UserGone { session: d.session(), who: d.who() }.into()),
        d.sample(|d| CreateChannel { name: d.text(), view: d.view(), visitors: d.visitors() }.into()),
        d.sample(|d| ChannelFound { row: d.channel_row(), epoch: d.option(Draw::signed_epoch) }.into()),
        d.sample(|d| ListChannels { filter: d.one_of(ChannelFilter::ALL), after: d.text() }.into()),
        d.sample(|d| ChannelPage { rows: d.list(Draw::channel_row), more: d.flag() }.into()),
        d.sample(|d| FindChannel { name: d.text() }.into()),
        d.sample(|d| JoinChannel { name: d.text() }.into()),
        d.sample(|d| LeaveChannel { channel: d.channel() }.into()),
        d.sample(|d| ListMembers { channel: d.channel(), after: d.account() }.into()),
        d.sample(|d| MemberPage { rows: d.list(Draw::member_row), more: d.flag() }.into()),
        d.sample(|d| ChannelChanged { row: d.channel_row() }.into()),
        d.sample(|d| FindDevices { devices: d.list(Draw::device) }.into()),
        d.sample(|d| DevicePage { records: d.list(Draw::signed_device) }.into()),
        d.sample(|d| FindUser { name: d.text() }.into()),
        d.sample(|d| UserFound { account: d.account(), name: d.user_name() }.into()),
        d.sample(|d| RestoreChannel { record: d.channel_row().record }.into()),
    ]
}

fn channel(d: &mut Draw) -> Vec<Message> {
    alloc::vec![
        d.sample(|d| Subscribe {
            channel: d.channel(),
            certificate: d.option(Draw::signed_certificate),
            device: d.option(Draw::signed_device),
            evidence: d.evidence(),
        }
        .into()),
        d.sample(|d| Subscribed {
            channel: d.channel(),
            epoch: d.option(Draw::signed_epoch),
            head: d.position(),
            receipt: d.option(Draw::signed_receipt),
            rights: d.rights(),
            row: d.option(Draw::row),
        }
        .into()),
        d.sample(|d| Unsubscribe { channel: d.channel() }.into()),
        d.sample(|d| Submit {
            channel: d.channel(),
            fence: d.fence(),
            envelopes: d.list(Draw::signed_envelope),
            authors: d.list(Draw::signed_device),
            evidence: d.evidence(),
        }
        .into()),
        d.sample(|d| Submitted { channel: d.channel(), fence: d.fence(), fates: d.list(Draw::fate) }.into()),
        d.sample(|d| Entries {
            channel: d.channel(),
            fence: d.fence(),
            before: d.hash(),
            entries: d.list(Draw::entry)
        }
        .into()),
        d.sample(|d| Watermarks {
            channel: d.channel(),
            fence: d.fence(),
            stored: d.u64(),
            receipt: d.option(Draw::signed_receipt)
        }
        .into()),
        d.sample(|d| ReadTail { channel: d.channel(), count: d.u32() }.into()),
        d.sample(|d| ReadRange { channel: d.channel(), from: d.u64(), to: d.u64() }.into()),
        d.sample(|d| EntryPage {
            channel: d.channel(),
            fence: d.fence(),
            before: d.hash(),
            entries: d.list(Draw::entry),
            head: d.position(),
            receipt: d.option(Draw::signed_receipt),
        }
        .into()),
        d.sample(
            |d| Sync { channel: d.channel(), at: d.position(), generation: d.u32(), evidence: d.evidence() }.into()
        ),
        d.sample(|d| SyncPage {
            channel: d.channel(),
            fence: d.fence(),
            before: d.hash(),
            entries: d.list(Draw::entry),
            head: d.position(),
            receipt: d.option(Draw::signed_receipt),
            diverged: d.list(Draw::signed_epoch),
            first: d.u64(),
        }
        .into()),
        d.sample(|d| Diverged { channel: d.channel(), fence: d.fence(), at: d.position() }.into()),
        d.sample(|d| Removed { channel: d.channel(), account: d.account(), reason: d.reason() }.into()),
        d.sample(|d| Forward {
            channel: d.channel(),
            fence: d.fence(),
            account: d.account(),
            device: d.device(),
            envelopes: d.list(Draw::signed_envelope),
            authors: d.list(Draw::signed_device),
        }
        .into()),
        d.sample(|d| ReadOwn { channel: d.channel(), from: d.u64() }.into()),
        d.sample(|d| OwnEntries {
            channel: d.channel(),
            fence: d.fence(),
            entries: d.list(Draw::entry),
            searched: d.u64(),
            head: d.u64(),
        }
        .into()),
        d.sample(|d| Delivered { channel: d.channel(), pos: d.u64() }.into()),
        d.sample(|d| Deliveries {
            channel: d.channel(),
            of: d.u32(),
            steps: d.list(|d| DeliveryStep { pos: d.u64(), accounts: d.u32() }),
        }
        .into()),
    ]
}

fn replication(d: &mut Draw) -> Vec<Message> {
    alloc::vec![
        d.sample(|d| HostHello {
            channel: d.channel(),
            nonce: d.nonce(),
            max_fence: d.fence(),
            tip: d.position(),
            resubmit: d.u32(),
            evidence: d.evidence(),
            after: d.position(),
        }
        .into()),
        d.sample(|d| Adopt {
            channel: d.channel(),
            nonce: d.nonce(),
            epochs: d.list(Draw::signed_epoch),
            head: d.position(),
            common: d.position(),
            entries: d.list(Draw::entry),
            receipt: d.option(Draw::signed_receipt),
            snapshot: d.option(|d| {
                let snapshot = d.snapshot();
                d.signed(snapshot)
            }),
        }
        .into()),
        d.sample(|d| Adopted { channel: d.channel(), nonce: d.nonce(), generation: d.u32(), at: d.position() }.into()),
        d.sample(|d| Grant { nonce: d.nonce(), record: d.signed_epoch() }.into()),
        d.sample(|d| Replicate {
            channel: d.channel(),
            fence: d.fence(),
            before: d.hash(),
            entries: d.list(Draw::entry)
        }
        .into()),
        d.sample(|d| Committed { receipt: d.signed_receipt() }.into()),
        d.sample(|d| Fenced { record: d.signed_epoch() }.into()),
        d.sample(|d| ReplicateRefused { channel: d.channel(), fence: d.fence(), head: d.position() }.into()),
        d.sample(|d| Lost {
            channel: d.channel(),
            generation: d.u32(),
            epochs: d.list(Draw::signed_epoch),
            head: d.position(),
        }
        .into()),
        d.sample(|d| Reseed {
            channel: d.channel(),
            generation: d.u32(),
            after: d.position(),
            entries: d.list(Draw::entry),
            receipt: d.signed_receipt(),
        }
        .into()),
        d.sample(|d| Reseeded { channel: d.channel(), next: d.position() }.into()),
        d.sample(|d| ReadSnapshot { channel: d.channel(), pos: d.u64(), offset: d.u64() }.into()),
        d.sample(|d| SnapshotPart {
            channel: d.channel(),
            pos: d.u64(),
            offset: d.u64(),
            bytes: d.text().into_bytes().into(),
        }
        .into()),
    ]
}

fn stream(d: &mut Draw) -> Vec<Message> {
    alloc::vec![
        d.sample(|d| StartStream {
            description: d.signed_stream(),
            uplink_kbps: d.u32(),
            port: d.u16(),
            advertise: d.option(Draw::ip),
        }
        .into()),
        d.sample(|d| StopStream { channel: d.channel(), stream: d.stream() }.into()),
        d.sample(|d| ListStreams { channel: d.channel() }.into()),
        d.sample(|d| StreamPage { channel: d.channel(), rows: d.list(Draw::stream_row) }.into()),
        d.sample(|d| StreamStarted { row: d.stream_row() }.into()),
        d.sample(|d| StreamStopped { channel: d.channel(), stream: d.stream(), reason: d.reason() }.into()),
        d.sample(|d| Watch {
            channel: d.channel(),
            stream: d.stream(),
            relay_kbps: d.u32(),
            port: d.u16(),
            advertise: d.option(Draw::ip),
            listed: d.flag(),
            parent: d.option(Draw::device),
        }
        .into()),
        d.sample(|d| Unwatch { channel: d.channel(), stream: d.stream() }.into()),
        d.sample(|d| Unwatched { channel: d.channel(), stream: d.stream(), reason: d.reason() }.into()),
        d.sample(|d| Plan {
            channel: d.channel(),
            stream: d.stream(),
            version: d.u32(),
            parent: d.option(Draw::node),
            backups: d.list(Draw::node),
            ticket: d.signed_ticket(),
            report_ms: d.u32(),
        }
        .into()),
        d.sample(|d| Follow {
            ticket: d.signed_ticket(),
            after: d.list(|d| TrackPlace { track: d.u8(), place: d.frame_place() }),
        }
        .into()),
        d.sample(|d| Unfollow { stream: d.stream() }.into()),
        d.sample(|d| Unserved { stream: d.stream(), reason: d.reason() }.into()),
        d.sample(
            |d| GroupHeader { stream: d.stream(), track: d.u8(), group: d.u64(), path: d.list(Draw::device) }.into()
        ),
        d.sample(|d| Chunk {
            stream: d.stream(),
            track: d.u8(),
            place: d.frame_place(),
            index: d.u16(),
            header: d.option(Draw::signed_frame),
            payload: d.text().into_bytes().into(),
        }
        .into()),
        d.sample(|d| Taken { stream: d.stream(), bytes: d.u64(), held_us: d.u32() }.into()),
        d.sample(|d| ParentLost {
            channel: d.channel(),
            stream: d.stream(),
            parent: d.device(),
            instead: d.option(Draw::device)
        }
        .into()),
        d.sample(|d| ViewerReport {
            channel: d.channel(),
            stream: d.stream(),
            parent: d.option(Draw::device),
            figures: d.figures(),
        }
        .into()),
        d.sample(|d| ListViewers { channel: d.channel(), stream: d.stream(), after: d.option(Draw::device) }.into()),
        d.sample(|d| ViewerPage { rows: d.list(Draw::viewer_row), more: d.flag() }.into()),
        d.sample(|d| ShutOut { channel: d.channel(), stream: d.stream(), viewer: d.device() }.into()),
        d.sample(|d| ForwardStream {
            channel: d.channel(),
            session: d.u64(),
            who: d.who(),
            device: d.device(),
            seen: d.option(Draw::ip),
            frame: d.text().into_bytes().into(),
        }
        .into()),
        d.sample(
            |d| ReturnStream { channel: d.channel(), session: d.u64(), frame: d.text().into_bytes().into() }.into()
        ),
        d.sample(|d| ShowTicket { ticket: d.signed_ticket() }.into()),
    ]
}

/// The role in which a message is sent.
pub fn role(name: &str) -> Role {
    if Message::ANSWERS.iter().any(|(request, _)| *request == name) {
        return Role::Request;
    }
    let answers = Message::ANSWERS.iter().any(|(_, response)| *response == name);
    if answers || name == "Failure" { Role::Response } else { Role::Push }
}

struct As(Role, RequestId);

impl Encoder for As {
    fn encode<P: Payload>(self, payload: &P) -> Frame {
        match self.0 {
            Role::Push => Frame::push(payload),
            Role::Request => Frame::request(self.1, payload),
            Role::Response => Frame::response(self.1, payload),
        }
    }
}

/// A message in a frame of its role.
pub fn frame(message: &Message) -> Frame {
    message.encode(As(role(message.name()), RequestId::from_random([0xaa; 16])))
}
