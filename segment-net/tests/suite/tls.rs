//! What TCP and TLS have to withstand beyond the conformance suite.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use segment_net::transport::{
    DialError, Expected, Listener, LoopbackRule, TlsIdentity, TlsTransport, Transport, TransportLimits,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::conformance::PATIENCE;

/// The fatal TLS alert `protocol_version`.
const PROTOCOL_VERSION_ALERT: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 70];

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn device(number: u8, limits: TransportLimits) -> TlsTransport {
    TlsTransport::new(TlsIdentity::from_secret(&[number; 32]).unwrap(), limits).unwrap()
}

fn hasty() -> TransportLimits {
    TransportLimits { handshake: Duration::from_millis(300), ..TransportLimits::default() }
}

/// Reads until the other end closes; what it said before.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    // A reset closes as well as an end does.
    let reading = timeout(PATIENCE, stream.read_to_end(&mut said)).await;
    let _ = reading.expect("the connection stayed open");
    said
}

async fn nobody_comes(listener: &mut Listener) {
    let waiting = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(waiting.is_err(), "a connection was handed out");
}

#[tokio::test]
async fn a_silent_connection_is_dropped_at_the_handshake_timeout() {
    let mut listener = device(1, hasty()).bind(loopback()).unwrap();
    let started = Instant::now();
    let mut silent = TcpStream::connect(listener.address()).await.unwrap();
    assert_eq!(until_closed(&mut silent).await, b"");
    assert!(started.elapsed() >= hasty().handshake);
    nobody_comes(&mut listener).await;
}

#[tokio::test]
async fn a_handshake_that_stops_half_way_is_dropped_too() {
    let mut listener = device(1, hasty()).bind(loopback()).unwrap();
    let mut half = TcpStream::connect(listener.address()).await.unwrap();
    half.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await.unwrap();
    assert_eq!(until_closed(&mut half).await, b"");
    nobody_comes(&mut listener).await;
}

#[tokio::test]
async fn a_silent_server_is_given_up_at_the_handshake_timeout() {
    let server = TcpListener::bind(loopback()).await.unwrap();
    let address = server.local_addr().unwrap();
    let failed = device(2, hasty()).dial(address, Expected::Anyone).await;
    assert!(matches!(failed, Err(DialError::TimedOut { .. })));
}

#[tokio::test]
async fn plaintext_garbage_is_refused_and_harms_nobody() {
    let mut listener = device(1, TransportLimits::default()).bind(loopback()).unwrap();
    let address = listener.address();
    let garbage: [&[u8]; 4] =
        [b"GET / HTTP/1.1\r\nHost: segment\r\n\r\n", &[0; 4096], &[0xff; 70_000], b"\x16\x03\x01\xff\xff"];
    for bytes in garbage {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The other end may have closed before it was all said.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let said = until_closed(&mut stream).await;
        assert!(said.is_empty() || said[0] == 0x15, "answered garbage with {said:?}");
    }
    nobody_comes(&mut listener).await;
    let honest = device(2, TransportLimits::default());
    let (dialled, accepted) = tokio::join!(honest.dial(address, Expected::Anyone), listener.accept());
    assert!(dialled.is_ok() && accepted.is_some());
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let mut listener = device(1, TransportLimits::default()).bind(loopback()).unwrap();
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    stream.write_all(&tls12_client_hello()).await.unwrap();
    let said = until_closed(&mut stream).await;
    assert_eq!(said, PROTOCOL_VERSION_ALERT);
    nobody_comes(&mut listener).await;
}

/// A well-formed ClientHello that offers nothing later than TLS 1.2.
fn tls12_client_hello() -> Vec<u8> {
    let extensions: [&[u8]; 3] = [
        &[0x00, 0x0a, 0, 4, 0, 2, 0x00, 0x1d],
        &[0x00, 0x0b, 0, 2, 1, 0],
        &[0x00, 0x0d, 0, 6, 0, 4, 0x08, 0x07, 0x04, 0x03],
    ];
    let extensions = extensions.concat();
    let mut body = vec![0x03, 0x03];
    body.extend([9; 32]);
    body.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    body.extend([0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let length = u8::try_from(body.len()).unwrap();
    let mut hello = vec![0x16, 0x03, 0x01, 0, length + 4, 1, 0, 0, length];
    hello.extend(body);
    hello
}

/// Dials with a stock TLS client that knows neither our protocol's name nor raw keys.
async fn dial_as(alpn: &[&[u8]], address: SocketAddr) -> std::io::Result<Vec<u8>> {
    let provider = Arc::new(ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::IpAddress(address.ip().into());
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await?;
    Ok(said)
}

#[tokio::test]
async fn a_client_without_our_protocol_or_key_is_refused() {
    let mut listener = device(1, TransportLimits::default()).bind(loopback()).unwrap();
    let offers: [&[&[u8]]; 3] = [&[b"h2", b"http/1.1"], &[], &[b"segment/1"]];
    for alpn in offers {
        let result = timeout(PATIENCE, dial_as(alpn, listener.address())).await;
        assert!(result.unwrap().is_err(), "{alpn:?} was let in");
    }
    nobody_comes(&mut listener).await;
}

#[tokio::test]
async fn a_server_that_is_not_ours_is_told_apart() {
    let server = TcpListener::bind(loopback()).await.unwrap();
    let address = server.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        let _ = stream.write_all(b"220 mail ready\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let failed = device(2, TransportLimits::default()).dial(address, Expected::Anyone).await;
    assert!(matches!(failed, Err(DialError::NotSegment { .. })));
    serving.await.unwrap();
}

#[tokio::test]
async fn one_address_holds_its_share_and_gets_it_back() {
    let limits = TransportLimits {
        connections_per_address_max: 2,
        loopback: LoopbackRule::Counted,
        ..TransportLimits::default()
    };
    let mut listener = device(1, limits).bind(loopback()).unwrap();
    let address = listener.address();
    let client = device(2, limits);
    let mut held = Vec::new();
    for _ in 0..2 {
        let (near, far) = tokio::join!(client.dial(address, Expected::Anyone), listener.accept());
        held.push((near.unwrap(), far.unwrap()));
    }
    let third = client.dial(address, Expected::Anyone).await;
    assert!(matches!(third, Err(DialError::NotSegment { .. })));
    drop(held);
    let (again, _far) = tokio::join!(client.dial(address, Expected::Anyone), listener.accept());
    assert!(again.is_ok(), "the places were not given back");
}

#[tokio::test]
async fn loopback_is_exempt_from_the_share() {
    let limits = TransportLimits { connections_per_address_max: 0, ..TransportLimits::default() };
    let mut listener = device(1, limits).bind(loopback()).unwrap();
    let client = device(2, limits);
    let dialling = client.dial(listener.address(), Expected::Anyone);
    let (near, far) = tokio::join!(dialling, listener.accept());
    assert!(near.is_ok() && far.is_some());
}

#[tokio::test]
async fn too_many_handshakes_drop_the_oldest_not_the_newcomer() {
    let limits = TransportLimits { handshakes_max: 8, handshake: PATIENCE, ..TransportLimits::default() };
    let mut listener = device(1, limits).bind(loopback()).unwrap();
    let address = listener.address();
    let mut silent = Vec::new();
    for _ in 0..9 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(until_closed(&mut silent[0]).await, b"");
    let honest = device(2, limits);
    let (near, far) = tokio::join!(honest.dial(address, Expected::Anyone), listener.accept());
    assert!(near.is_ok() && far.is_some());
}

#[tokio::test]
async fn the_key_is_the_ed25519_key_of_the_secret() {
    // RFC 8032, 7.1, test 1.
    let secret = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(TlsIdentity::from_secret(&secret).unwrap().key(), public);
}

fn hex(text: &str) -> [u8; 32] {
    let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    std::array::from_fn(byte)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_connects_at_once_all_get_in() {
    const CONNECTS: usize = 500;
    let _ = segment_net::raise_open_files();
    // Both ends share these two cores, in a development build.
    let limits = TransportLimits { handshake: PATIENCE, connect: PATIENCE, ..TransportLimits::default() };
    let mut listener = device(1, limits).bind(loopback()).unwrap();
    let (client, address) = (device(2, limits), listener.address());
    let dials: Vec<_> = (0..CONNECTS).map(|_| tokio::spawn(client.dial(address, Expected::Anyone))).collect();
    let mut accepted = Vec::new();
    while accepted.len() < CONNECTS {
        accepted.push(timeout(PATIENCE, listener.accept()).await.unwrap().unwrap());
    }
    for dial in dials {
        dial.await.unwrap().unwrap();
    }
}
