//! The baseline: the same bytes fanned out over bare TCP, without names, order, keys or disks.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::rounds::{Audience, Author, Shown, TEXT_BYTES};

/// Most bytes read at once.
const BUFFER: usize = 64 * 1024;

/// Takes `members` readers and then one author, and passes on to all what the author sends, until it is gone.
///
/// # Errors
/// A connection broke.
pub async fn fan_out(listener: TcpListener, members: usize) -> Result<()> {
    let mut readers = Vec::new();
    for _ in 0..members {
        readers.push(accept(&listener).await?);
    }
    let mut author = accept(&listener).await?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let size = author.read(&mut buffer).await?;
        if size == 0 {
            return Ok(());
        }
        for reader in &mut readers {
            reader.write_all(&buffer[..size]).await?;
        }
    }
}

async fn accept(listener: &TcpListener) -> Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// An author at a [`fan_out`].
pub struct RawAuthor(TcpStream);

impl Author for RawAuthor {
    async fn send(&mut self, _index: usize) -> Result<()> {
        Ok(self.0.write_all(&[b'x'; TEXT_BYTES]).await?)
    }

    async fn send_all(&mut self, indices: Range<usize>) -> Result<()> {
        let batch = [b'x'; 64 * TEXT_BYTES];
        let mut left = indices.len();
        while left > 0 {
            let count = left.min(64);
            self.0.write_all(&batch[..count * TEXT_BYTES]).await?;
            left -= count;
        }
        Ok(())
    }
}

/// Connects everybody.
///
/// # Errors
/// Nobody is there.
pub async fn join(server: SocketAddr, members: usize) -> Result<(RawAuthor, Audience)> {
    let (sender, shown) = mpsc::unbounded_channel();
    for _ in 0..members {
        let stream = TcpStream::connect(server).await?;
        tokio::spawn(read(stream, sender.clone()));
    }
    let author = TcpStream::connect(server).await.context("no place for an author")?;
    author.set_nodelay(true)?;
    Ok((RawAuthor(author), Audience { members, shown }))
}

/// Every so many bytes are one message.
async fn read(mut stream: TcpStream, shown: UnboundedSender<Shown>) {
    let (mut buffer, mut bytes, mut index) = (vec![0; BUFFER], 0, 0);
    while let Ok(size @ 1..) = stream.read(&mut buffer).await {
        bytes += size;
        let at = Instant::now();
        while (index + 1) * TEXT_BYTES <= bytes {
            if shown.send((index, at)).is_err() {
                return;
            }
            index += 1;
        }
    }
}
