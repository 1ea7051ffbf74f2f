//! Redis: publish and subscribe, and an echo.

use std::path::Path;

use super::{Cover, Deliveries, Program, Request, Wire, text};

pub fn program(port: u16, dir: &Path) -> Program {
    let dir = dir.display().to_string();
    let words =
        ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--maxclients", "12000", "--dir", &dir];
    Program::new("redis-server", words)
}

pub fn wire(bytes: usize) -> Wire {
    let bulk = [format!("${bytes}\r\n").as_bytes(), &text(bytes), b"\r\n"].concat();
    let echo = [b"*2\r\n$4\r\nECHO\r\n".as_slice(), &bulk].concat();
    Wire {
        cover: Cover::Bare,
        subscribe: b"SUBSCRIBE c\r\n".to_vec(),
        subscribed: b":1\r\n".to_vec(),
        author: b"PING\r\n".to_vec(),
        asker: b"PING\r\n".to_vec(),
        guest: b"PING\r\n".to_vec(),
        welcomed: b"+PONG\r\n".to_vec(),
        publication: [b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n".as_slice(), &bulk].concat(),
        deliveries: Deliveries::Bytes(b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n".len() + bulk.len()),
        request: Some(Request { words: echo, answer_bytes: bulk.len() }),
    }
}
