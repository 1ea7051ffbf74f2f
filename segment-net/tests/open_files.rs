//! Running out of open files, in a process of its own: the limit is the process's.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use segment_net::raise_open_files;
use segment_net::transport::{Expected, TlsIdentity, TlsTransport, Transport, TransportLimits};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const FEW: u64 = 48;

fn set_soft_limit(files: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(files), maximum };
    setrlimit(Resource::Nofile, limit).unwrap();
}

fn device(number: u8) -> TlsTransport {
    let identity = TlsIdentity::from_secret(&[number; 32]).unwrap();
    TlsTransport::new(identity, TransportLimits::default()).unwrap()
}

#[tokio::test]
async fn the_listener_outlives_the_lack_of_files() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut listener = device(1).bind(address).unwrap();
    set_soft_limit(FEW);
    let mut open = Vec::new();
    while let Ok(stream) = TcpStream::connect(listener.address()).await {
        open.push(stream);
        assert!(open.len() < 100, "the limit was not reached");
    }
    // One end of each connection is ours: the accept loop has met EMFILE by now.
    sleep(Duration::from_millis(300)).await;
    drop(open);

    let raised = raise_open_files();
    assert_eq!(raised.before, Some(FEW));
    assert_eq!(raised.now, getrlimit(Resource::Nofile).maximum);
    assert_eq!(getrlimit(Resource::Nofile).current, raised.now);

    let client = device(2);
    let dialling = client.dial(listener.address(), Expected::Anyone);
    let meeting = async { tokio::join!(dialling, listener.accept()) };
    let (near, far) = timeout(Duration::from_secs(10), meeting).await.unwrap();
    assert!(near.is_ok() && far.is_some());
}
