//! What every transport has to do, asked of each of them in the same words.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use segment_net::transport::{
    BindError, Connection, DialError, Expected, Listener, MemoryNetwork, MemoryTransport, PeerKey, Role, TlsIdentity,
    TlsTransport, Transport, TransportLimits,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

pub const PATIENCE: Duration = Duration::from_secs(10);

/// Makes devices of one kind of transport; a device is named by a number.
trait Rig {
    fn device(&self, number: u8) -> Arc<dyn Transport>;
    fn key(&self, number: u8) -> PeerKey;
}

struct Memory(MemoryNetwork);

impl Memory {
    fn new() -> Self {
        Self(MemoryNetwork::new())
    }
}

impl Rig for Memory {
    fn device(&self, number: u8) -> Arc<dyn Transport> {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let limits = TransportLimits::default();
        Arc::new(MemoryTransport::new(&self.0, self.key(number), ip, limits))
    }

    fn key(&self, number: u8) -> PeerKey {
        [number; 32]
    }
}

struct Tls;

impl Tls {
    fn new() -> Self {
        Self
    }
}

impl Rig for Tls {
    fn device(&self, number: u8) -> Arc<dyn Transport> {
        let identity = TlsIdentity::from_secret(&[number; 32]).unwrap();
        Arc::new(TlsTransport::new(identity, TransportLimits::default()).unwrap())
    }

    fn key(&self, number: u8) -> PeerKey {
        TlsIdentity::from_secret(&[number; 32]).unwrap().key()
    }
}

macro_rules! conformance {
    ($kind:ty as $name:ident: $($case:ident)*) => {
        mod $name {
            use super::Rig as _;
            $(#[tokio::test]
            async fn $case() {
                let rig = <$kind>::new();
                let _ = rig.key(1);
                tokio::time::timeout(super::PATIENCE, super::$case(&rig)).await.unwrap();
            })*
        }
    };
}

macro_rules! every_transport {
    ($($case:ident)*) => {
        conformance!(super::Memory as memory: $($case)*);
        conformance!(super::Tls as tls: $($case)*);
    };
}

every_transport! {
    both_ends_see_the_key_of_the_other
    trust_on_first_use_reports_the_key
    another_key_than_the_expected_is_refused
    bytes_arrive_whole_however_they_are_cut
    a_half_closed_connection_still_carries_answers
    a_dropped_connection_ends_the_other_end
    a_slow_reader_holds_the_writer_back
    dialling_nobody_fails_at_once
    an_address_in_use_is_refused
    a_closed_listener_frees_its_port_at_once
    many_devices_dial_at_once
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn pair(rig: &impl Rig) -> (Connection, Connection, Listener) {
    let mut listener = rig.device(1).bind(loopback()).unwrap();
    let address = listener.address();
    let (device, expected) = (rig.device(2), Expected::Key(rig.key(1)));
    let (dialled, accepted) = tokio::join!(device.dial(address, expected), listener.accept());
    (dialled.unwrap(), accepted.unwrap(), listener)
}

async fn both_ends_see_the_key_of_the_other(rig: &impl Rig) {
    let (dialled, accepted, listener) = pair(rig).await;
    assert_eq!((dialled.peer, dialled.role), (rig.key(1), Role::Dialled));
    assert_eq!((accepted.peer, accepted.role), (rig.key(2), Role::Accepted));
    assert_eq!(dialled.address, listener.address());
    assert!(accepted.address.ip().is_loopback());
}

async fn trust_on_first_use_reports_the_key(rig: &impl Rig) {
    let mut listener = rig.device(1).bind(loopback()).unwrap();
    let (device, address) = (rig.device(2), listener.address());
    let (dialled, _accepted) = tokio::join!(device.dial(address, Expected::Anyone), listener.accept());
    assert_eq!(dialled.unwrap().peer, rig.key(1));
}

async fn another_key_than_the_expected_is_refused(rig: &impl Rig) {
    let mut listener = rig.device(1).bind(loopback()).unwrap();
    let refused = rig.device(2).dial(listener.address(), Expected::Key(rig.key(3))).await.unwrap_err();
    let DialError::WrongKey { expected, seen, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!((expected, seen), (rig.key(3), rig.key(1)));
    let waiting = timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(waiting.is_err(), "the refused connection was handed out");
}

async fn bytes_arrive_whole_however_they_are_cut(rig: &impl Rig) {
    let (mut dialled, mut accepted, _listener) = pair(rig).await;
    let sent: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let expected = sent.clone();
    let writing = tokio::spawn(async move {
        let sizes = [1, 2, 3, 17, 16_384, 16_385, 1, 70_000];
        let mut rest = &sent[..];
        for size in sizes.into_iter().cycle() {
            let (piece, tail) = rest.split_at(size.min(rest.len()));
            dialled.writer.write_all(piece).await.unwrap();
            dialled.writer.flush().await.unwrap();
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        dialled.writer.shutdown().await.unwrap();
        dialled
    });
    let mut received = Vec::new();
    accepted.reader.read_to_end(&mut received).await.unwrap();
    assert!(received == expected);
    drop(writing.await.unwrap());
}

async fn a_half_closed_connection_still_carries_answers(rig: &impl Rig) {
    let (mut dialled, mut accepted, _listener) = pair(rig).await;
    dialled.writer.write_all(b"question").await.unwrap();
    dialled.writer.shutdown().await.unwrap();
    let mut heard = Vec::new();
    accepted.reader.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"question");
    accepted.writer.write_all(b"answer").await.unwrap();
    accepted.writer.shutdown().await.unwrap();
    let mut answer = Vec::new();
    dialled.reader.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"answer");
}

async fn a_dropped_connection_ends_the_other_end(rig: &impl Rig) {
    let (dialled, mut accepted, _listener) = pair(rig).await;
    drop(dialled);
    let mut buffer = [0; 16];
    // An end of stream and a broken one say the same: nothing more will come.
    let read = accepted.reader.read(&mut buffer).await.unwrap_or(0);
    assert_eq!(read, 0);
}

async fn a_slow_reader_holds_the_writer_back(rig: &impl Rig) {
    const MORE_THAN_ANY_KERNEL_BUFFERS: usize = 64 * 1024 * 1024;
    let (mut dialled, mut accepted, _listener) = pair(rig).await;
    let piece = vec![7; 64 * 1024];
    let mut written = 0;
    while written < MORE_THAN_ANY_KERNEL_BUFFERS {
        let stalled = Duration::from_millis(300);
        let Ok(result) = timeout(stalled, dialled.writer.write_all(&piece)).await else {
            break;
        };
        result.unwrap();
        written += piece.len();
    }
    assert!(written < MORE_THAN_ANY_KERNEL_BUFFERS, "no backpressure");
    // Once somebody reads, there is room again and the writer goes on.
    let mut buffer = vec![0; piece.len()];
    let reading = async {
        let mut read = 0;
        while read < written + piece.len() {
            read += accepted.reader.read(&mut buffer).await.unwrap();
        }
    };
    let writing = async {
        dialled.writer.write_all(&piece).await.unwrap();
        dialled.writer.flush().await.unwrap();
    };
    tokio::join!(reading, writing);
}

async fn dialling_nobody_fails_at_once(rig: &impl Rig) {
    let listener = rig.device(1).bind(loopback()).unwrap();
    let address = listener.address();
    listener.close().await;
    let refused = rig.device(2).dial(address, Expected::Anyone).await;
    assert!(matches!(refused, Err(DialError::Refused { address: a }) if a == address));
}

async fn an_address_in_use_is_refused(rig: &impl Rig) {
    let listener = rig.device(1).bind(loopback()).unwrap();
    let second = rig.device(2).bind(listener.address());
    assert!(matches!(second, Err(BindError::AddressInUse { address }) if address == listener.address()));
}

async fn a_closed_listener_frees_its_port_at_once(rig: &impl Rig) {
    let (dialled, accepted, listener) = pair(rig).await;
    let address = listener.address();
    listener.close().await;
    let mut again = rig.device(1).bind(address).unwrap();
    let device = rig.device(3);
    let (third, heard) = tokio::join!(device.dial(address, Expected::Anyone), again.accept());
    assert_eq!(third.unwrap().peer, rig.key(1));
    assert_eq!(heard.unwrap().peer, rig.key(3));
    // The connections made before live on.
    still_talks(dialled, accepted).await;
}

async fn still_talks(mut one: Connection, mut other: Connection) {
    one.writer.write_all(b"here").await.unwrap();
    one.writer.flush().await.unwrap();
    let mut heard = [0; 4];
    other.reader.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"here");
}

async fn many_devices_dial_at_once(rig: &impl Rig) {
    const DEVICES: u8 = 100;
    let mut listener = rig.device(1).bind(loopback()).unwrap();
    let address = listener.address();
    let expected = Expected::Key(rig.key(1));
    let dials: Vec<_> =
        (2..2 + DEVICES).map(|number| tokio::spawn(rig.device(number).dial(address, expected))).collect();
    let mut seen = Vec::new();
    for _ in 0..DEVICES {
        seen.push(listener.accept().await.unwrap().peer);
    }
    for dial in dials {
        dial.await.unwrap().unwrap();
    }
    seen.sort_unstable();
    let mut all: Vec<_> = (2..2 + DEVICES).map(|number| rig.key(number)).collect();
    all.sort_unstable();
    assert!(seen == all);
}
