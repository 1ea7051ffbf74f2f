//! NATS core: publish and subscribe; of requests, one client asks and another answers.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Cover, Deliveries, Halves, Program, Request, Wire, connect, greet, text};

pub const CONNECT: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
const BUFFER: usize = 256 * 1024;

pub fn program(port: u16) -> Program {
    Program::new("nats-server", ["-a", "127.0.0.1", "-p", &port.to_string()])
}

/// With what it has to be greeted before it answers a ping.
pub fn hello(words: &str) -> Vec<u8> {
    [CONNECT, words.as_bytes(), b"PING\r\n"].concat()
}

fn message(head: &str, bytes: usize) -> Vec<u8> {
    [format!("{head} {bytes}\r\n").as_bytes(), &text(bytes), b"\r\n"].concat()
}

pub fn wire(bytes: usize) -> Wire {
    Wire {
        cover: Cover::Bare,
        subscribe: hello("SUB c 1\r\n"),
        subscribed: b"PONG\r\n".to_vec(),
        author: hello(""),
        asker: hello("SUB r 1\r\n"),
        guest: hello(""),
        welcomed: b"PONG\r\n".to_vec(),
        publication: message("PUB c", bytes),
        deliveries: Deliveries::Bytes(message("MSG c 1", bytes).len()),
        request: Some(Request { words: message("PUB q r", bytes), answer_bytes: message("MSG r 1", bytes).len() }),
    }
}

/// The client who answers: to every whole request that it hears.
pub struct Answerer {
    halves: Halves,
    heard_bytes: usize,
    answer: Vec<u8>,
}

impl Answerer {
    pub async fn start(address: SocketAddr, bytes: usize) -> Result<Self> {
        let mut halves = connect(Cover::Bare, address).await?;
        greet(&mut halves, &hello("SUB q 1\r\n"), b"PONG\r\n").await?;
        Ok(Self { halves, heard_bytes: message("MSG q 1 r", bytes).len(), answer: message("PUB r", bytes) })
    }

    pub async fn run(self) -> Result<()> {
        let ((mut reader, mut writer), mut buffer, mut heard) = (self.halves, vec![0; BUFFER], 0);
        loop {
            let size = reader.read(&mut buffer).await?;
            ensure!(size > 0, "the server hung up");
            heard += size;
            let whole = heard / self.heard_bytes;
            heard %= self.heard_bytes;
            writer.write_all(&self.answer.repeat(whole)).await?;
            writer.flush().await?;
        }
    }
}
