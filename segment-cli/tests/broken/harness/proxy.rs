//! A proxy between a client and a server that changes the shape of what passes, not its bytes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::loopback;

/// A sender that says nothing for so long has said all that it wanted to say at once.
const QUIET: Duration = Duration::from_millis(40);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As it comes.
    Whole,
    /// In pieces of so many bytes.
    Pieces(usize),
    /// Whatever the sender says without waiting arrives in one write.
    Merged,
    /// What the server says is lost, what the client says arrives.
    Mute,
    /// Nothing moves, nothing is closed.
    Stalled,
}

pub struct Proxy {
    pub address: SocketAddr,
    shape: watch::Sender<Shape>,
    cuts: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    pub async fn start(server: SocketAddr, shape: Shape) -> Self {
        let listener = TcpListener::bind(loopback()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shape, shapes) = watch::channel(shape);
        let (cuts, cut) = watch::channel(0);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                join(client, server, &shapes, &cut);
            }
        });
        Self { address, shape, cuts, accepting }
    }

    /// From now on.
    pub fn set(&self, shape: Shape) {
        self.shape.send_replace(shape);
    }

    /// Closes what is open; new connections are welcome.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

fn join(client: TcpStream, server: TcpStream, shapes: &watch::Receiver<Shape>, cut: &watch::Receiver<u64>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = cut.clone();
    cut.mark_unchanged();
    let there = pump(from_client, to_server, shapes.clone(), Shape::Whole);
    let back = pump(from_server, to_client, shapes.clone(), Shape::Mute);
    tokio::spawn(async move {
        tokio::select! {
            _ = cut.changed() => {}
            _ = async { tokio::join!(there, back) } => {}
        }
    });
}

/// `loses` is the shape in which this direction loses everything.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut shapes: watch::Receiver<Shape>, loses: Shape) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let _ = shapes.wait_for(|shape| *shape != Shape::Stalled).await;
        let shape = *shapes.borrow();
        let result = match shape {
            Shape::Mute if loses == Shape::Mute => Ok(()),
            Shape::Pieces(size) => in_pieces(&mut to, &buffer[..count], size).await,
            Shape::Merged => {
                let mut all = buffer[..count].to_vec();
                while let Ok(Ok(more @ 1..)) = timeout(QUIET, from.read(&mut buffer)).await {
                    all.extend_from_slice(&buffer[..more]);
                }
                to.write_all(&all).await
            }
            _ => to.write_all(&buffer[..count]).await,
        };
        if result.is_err() {
            return;
        }
    }
}

async fn in_pieces(to: &mut OwnedWriteHalf, bytes: &[u8], size: usize) -> std::io::Result<()> {
    for piece in bytes.chunks(size) {
        to.write_all(piece).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
