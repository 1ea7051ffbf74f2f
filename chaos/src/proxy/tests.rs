#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(20);
const A_WHILE: Duration = Duration::from_millis(100);

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// A proxy, and the two ends of a connection through it.
async fn connected() -> (Proxy, TcpStream, TcpStream, TcpListener) {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let proxy = Proxy::start(loopback(), listener.local_addr().unwrap()).await.unwrap();
    let client = TcpStream::connect(proxy.address).await.unwrap();
    let (server, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
    (proxy, client, server, listener)
}

async fn says(from: &mut TcpStream, to: &mut TcpStream, text: &str) {
    from.write_all(text.as_bytes()).await.unwrap();
    let mut heard = vec![0; text.len()];
    timeout(SOON, to.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard, text.as_bytes());
}

async fn is_closed(end: &mut TcpStream) -> bool {
    matches!(timeout(SOON, end.read(&mut [0])).await.unwrap(), Ok(0) | Err(_))
}

#[tokio::test]
async fn bytes_go_both_ways_in_any_weather_but_a_stall() {
    let (proxy, mut client, mut server, _listener) = connected().await;
    for flow in [Flow::Clear, Flow::Slow { millis: 20 }, Flow::Trickle { bytes: 1 }] {
        proxy.set(Weather { there: flow, back: flow, open: true });
        says(&mut client, &mut server, "hello").await;
        says(&mut server, &mut client, "hello, too").await;
    }
}

#[tokio::test]
async fn a_stall_loses_nothing_and_can_be_one_way() {
    let (proxy, mut client, mut server, _listener) = connected().await;
    proxy.set(Weather { there: Flow::Stalled, ..Weather::FAIR });
    client.write_all(b"later").await.unwrap();
    let mut heard = [0; 5];
    assert!(timeout(A_WHILE, server.read(&mut heard)).await.is_err());
    says(&mut server, &mut client, "now").await;
    proxy.set(Weather::FAIR);
    timeout(SOON, server.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(&heard, b"later");
}

#[tokio::test]
async fn a_cut_closes_both_ends_and_new_connections_are_taken() {
    let (proxy, mut client, mut server, listener) = connected().await;
    proxy.cut();
    assert!(is_closed(&mut client).await);
    assert!(is_closed(&mut server).await);
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    let (mut server, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
    says(&mut client, &mut server, "again").await;
}

#[tokio::test]
async fn a_half_closed_connection_goes_on_one_way() {
    let (proxy, mut client, mut server, _listener) = connected().await;
    proxy.half_close(Way::There);
    assert!(is_closed(&mut server).await);
    says(&mut server, &mut client, "still here").await;
}

#[tokio::test]
async fn a_closed_road_takes_nobody_and_leaves_who_is_there() {
    let (proxy, mut client, mut server, _listener) = connected().await;
    proxy.set(Weather::CLOSED);
    let mut other = TcpStream::connect(proxy.address).await.unwrap();
    assert!(is_closed(&mut other).await);
    says(&mut client, &mut server, "hello").await;
}
