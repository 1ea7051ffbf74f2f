//! JetStream: every message is on the disk before it is delivered.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::nats::{self, hello};
use super::{Cover, Deliveries, Halves, Program, SILENCE, Wire, connect, greet, text};

/// A newer server than Debian's, which knows no `sync_interval`; see `scripts/bench-peers`.
const PROGRAM: &str = "target/peers/bin/nats-server";
const STREAM: &str = r#"{"name":"S","subjects":["c"],"storage":"file"}"#;

pub fn program(port: u16, dir: &Path) -> Result<Program> {
    let (settings, store) = (dir.join("nats.conf"), dir.join("jetstream"));
    let store = store.display();
    let words =
        format!("host: 127.0.0.1\nport: {port}\njetstream {{ store_dir: \"{store}\", sync_interval: always }}\n");
    fs::write(&settings, words)?;
    Ok(Program::new(PROGRAM, ["-c", &settings.display().to_string()]))
}

/// Each member is delivered to on a subject of its own, and an author is told of each message that is stored.
pub fn wire(bytes: usize) -> Wire {
    Wire {
        subscribe: hello("SUB d.MEMBER 1\r\n"),
        author: hello("SUB stored 1\r\n"),
        publication: [format!("PUB c stored {bytes}\r\n").as_bytes(), &text(bytes), b"\r\n"].concat(),
        deliveries: Deliveries::Nats,
        request: None,
        ..nats::wire(bytes)
    }
}

/// A stream, and a consumer for each of the members, who listen already.
pub async fn prepare(address: SocketAddr, members: usize) -> Result<()> {
    let mut halves = connect(Cover::Bare, address).await?;
    greet(&mut halves, &hello("SUB told 1\r\n"), b"PONG\r\n").await?;
    ask(&mut halves, "STREAM.CREATE.S", STREAM).await?;
    for member in 0..members {
        // Where a consumer stands is kept in memory: it is the messages that are synced.
        let config = format!(
            r#"{{"deliver_subject":"d.{member}","ack_policy":"none","deliver_policy":"all","mem_storage":true,"inactive_threshold":60000000000}}"#
        );
        let consumer = format!(r#"{{"stream_name":"S","config":{config}}}"#);
        ask(&mut halves, "CONSUMER.CREATE.S", &consumer).await?;
    }
    Ok(())
}

async fn ask((reader, writer): &mut Halves, what: &str, words: &str) -> Result<()> {
    writer.write_all(format!("PUB $JS.API.{what} told {}\r\n{words}\r\n", words.len()).as_bytes()).await?;
    writer.flush().await?;
    let mut answer = Vec::new();
    // One line with its length, and one of JSON.
    while answer.iter().filter(|byte| **byte == b'\n').count() < 2 {
        let read = timeout(SILENCE, reader.read_buf(&mut answer)).await.context("JetStream does not answer")?;
        ensure!(read? > 0, "the server hung up");
    }
    let answer = String::from_utf8_lossy(&answer);
    ensure!(!answer.contains("\"error\""), "{answer}");
    Ok(())
}
