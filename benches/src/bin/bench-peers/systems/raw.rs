//! The limits: servers that do nothing but write what they read, over TCP and over TLS.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use segment_net::transport::{Connection, Reader, Writer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Cover, Deliveries, Request, SECRET, Wire};
use crate::rows::bulk::FRAME_BYTES;

/// Most bytes read at once.
const BUFFER: usize = 64 * 1024;

/// What its clients say: one letter, by which it knows what they want.
pub fn wire(cover: Cover, bytes: usize) -> Wire {
    Wire {
        cover,
        subscribe: b"S".to_vec(),
        subscribed: b"ok".to_vec(),
        author: b"P".to_vec(),
        asker: b"E".to_vec(),
        guest: b"I".to_vec(),
        welcomed: b"ok".to_vec(),
        publication: vec![b'x'; bytes],
        deliveries: Deliveries::Bytes(bytes),
        request: Some(Request { words: vec![b'x'; bytes], answer_bytes: bytes }),
    }
}

/// Serves until it is ended.
pub async fn serve(cover: Cover) -> Result<()> {
    let transport = cover.transport(&SECRET)?;
    let mut door = transport.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    println!("{}", door.address());
    let mut members: Vec<Writer> = Vec::new();
    loop {
        let Connection { mut reader, mut writer, .. } = door.accept().await.context("the listener has ended")?;
        let word = reader.read_u8().await?;
        writer.write_all(b"ok").await?;
        writer.flush().await?;
        match word {
            b'S' => members.push(writer),
            b'P' => fan_out(reader, &mut members).await?,
            b'E' => drop(tokio::spawn(echo(reader, writer))),
            b'B' => drop(tokio::spawn(pour(writer))),
            _ => drop(tokio::spawn(async move { reader.read_u8().await.map(|_| writer) })),
        }
    }
}

async fn fan_out(mut reader: Reader, members: &mut Vec<Writer>) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let size = reader.read(&mut buffer).await?;
        if size == 0 {
            members.clear();
            return Ok(());
        }
        for member in members.iter_mut() {
            member.write_all(&buffer[..size]).await?;
            member.flush().await?;
        }
    }
}

async fn echo(mut reader: Reader, mut writer: Writer) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let size = reader.read(&mut buffer).await?;
        if size == 0 {
            return Ok(());
        }
        writer.write_all(&buffer[..size]).await?;
        writer.flush().await?;
    }
}

/// Frames without end.
async fn pour(mut writer: Writer) -> Result<()> {
    let frame = vec![b'x'; FRAME_BYTES];
    loop {
        writer.write_all(&frame).await?;
        writer.flush().await?;
    }
}
