//! What is said to each server, byte for byte: few words, whose lengths are known, so that a client can read in batches.

/// One server's language.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Said by a member, and what ends the answer.
    pub subscribe: Vec<u8>,
    pub subscribed: Vec<u8>,
    /// Said by an author, and what ends the answer.
    pub author: Vec<u8>,
    pub welcomed: Vec<u8>,
    /// One message as it is published, and bytes of it as it is delivered.
    pub publication: Vec<u8>,
    pub delivery_bytes: usize,
    /// One request, and bytes of its answer; nothing where the server itself answers nothing.
    pub request: Option<(Vec<u8>, usize)>,
}

fn text(bytes: usize) -> Vec<u8> {
    vec![b'x'; bytes]
}

/// Our own servers over TCP and TLS.
pub fn raw(bytes: usize) -> Wire {
    Wire {
        subscribe: b"S".to_vec(),
        subscribed: b"ok".to_vec(),
        author: b"P".to_vec(),
        welcomed: b"ok".to_vec(),
        publication: text(bytes),
        delivery_bytes: bytes,
        request: Some((text(bytes), bytes)),
    }
}

/// NATS core.
pub fn nats(bytes: usize) -> Wire {
    const CONNECT: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
    let publication = [format!("PUB c {bytes}\r\n").as_bytes(), &text(bytes), b"\r\n"].concat();
    Wire {
        subscribe: [CONNECT, b"SUB c 1\r\nPING\r\n"].concat(),
        subscribed: b"PONG\r\n".to_vec(),
        author: [CONNECT, b"PING\r\n"].concat(),
        welcomed: b"PONG\r\n".to_vec(),
        publication,
        delivery_bytes: format!("MSG c 1 {bytes}\r\n").len() + bytes + 2,
        request: None,
    }
}

/// NATS core where one client asks and another answers: what the second hears and says.
pub fn nats_answers(bytes: usize) -> (Wire, Vec<u8>, usize) {
    const ANSWERER: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB q 1\r\nPING\r\n";
    let message = |head: String| [head.as_bytes(), &text(bytes), b"\r\n"].concat();
    let asker = [&ANSWERER[..ANSWERER.len() - 15], b"SUB r 1\r\nPING\r\n"].concat();
    let heard = message(format!("MSG r 1 {bytes}\r\n")).len();
    let request = Some((message(format!("PUB q r {bytes}\r\n")), heard));
    let wire = Wire { subscribe: ANSWERER.to_vec(), author: asker, request, ..nats(bytes) };
    (wire, message(format!("PUB r {bytes}\r\n")), message(format!("MSG q 1 r {bytes}\r\n")).len())
}

/// Redis.
pub fn redis(bytes: usize) -> Wire {
    let bulk = [format!("${bytes}\r\n").as_bytes(), &text(bytes), b"\r\n"].concat();
    Wire {
        subscribe: b"SUBSCRIBE c\r\n".to_vec(),
        subscribed: b":1\r\n".to_vec(),
        author: b"PING\r\n".to_vec(),
        welcomed: b"+PONG\r\n".to_vec(),
        publication: [b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n".as_slice(), &bulk].concat(),
        delivery_bytes: b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n".len() + bulk.len(),
        request: Some(([b"*2\r\n$4\r\nECHO\r\n".as_slice(), &bulk].concat(), bulk.len())),
    }
}

/// MQTT 3.1.1 without acknowledgements.
pub fn mqtt(bytes: usize) -> Wire {
    const CONNECT: &[u8] = &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 0];
    const SUBSCRIBE: &[u8] = &[0x82, 6, 0, 1, 0, 1, b'c', 0];
    let mut publication = vec![0x30];
    let mut length = bytes + 3;
    while length >= 128 {
        publication.push(u8::try_from(length % 128).unwrap_or_default() | 128);
        length /= 128;
    }
    publication.push(u8::try_from(length).unwrap_or_default());
    publication.extend_from_slice(&[0, 1, b'c']);
    publication.extend_from_slice(&text(bytes));
    Wire {
        subscribe: [CONNECT, SUBSCRIBE].concat(),
        subscribed: vec![0x90, 3, 0, 1, 0],
        author: CONNECT.to_vec(),
        welcomed: vec![0x20, 2, 0, 0],
        delivery_bytes: publication.len(),
        publication,
        request: None,
    }
}
