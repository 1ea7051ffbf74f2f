//! How many connections one address may hold.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::transport::{LoopbackRule, TransportLimits};

/// Counts the connections of each address.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    max: usize,
    loopback: LoopbackRule,
}

impl Admission {
    pub(super) fn new(limits: &TransportLimits) -> Self {
        Self { counts: Arc::default(), max: limits.connections_per_address_max, loopback: limits.loopback }
    }

    /// A place for one more connection of this address, unless it holds its share already.
    pub(super) fn admit(&self, ip: IpAddr) -> Option<Place> {
        let ip = network_of(ip);
        if ip.is_loopback() && self.loopback == LoopbackRule::Exempt {
            return Some(Place::Free);
        }
        let mut counts = lock(&self.counts);
        let count = counts.entry(ip).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        let counts = Arc::clone(&self.counts);
        Some(Place::Counted { ip, counts })
    }
}

/// One address for everything a single customer can reach us from.
fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        ip => ip,
    }
}

fn lock(counts: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection's share of its address; given back when dropped.
#[derive(Debug)]
pub(super) enum Place {
    /// Not counted.
    Free,
    /// Counted for `ip`.
    Counted { ip: IpAddr, counts: Arc<Mutex<HashMap<IpAddr, usize>>> },
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Counted { ip, counts } = self else {
            return;
        };
        let mut counts = lock(counts);
        if let Some(count) = counts.get_mut(ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(ip);
            }
        }
    }
}

/// A socket that keeps its place as long as it is open.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) stream: TcpStream,
    pub(super) _place: Place,
}

impl AsyncRead for Admitted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Admitted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
