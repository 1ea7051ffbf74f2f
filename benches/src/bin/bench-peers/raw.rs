//! The limits: servers that do nothing but write what they read, over TCP and over TLS.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Result, bail};
use segment_net::transport::{
    Connection, Expected, Listener, Reader, TlsIdentity, TlsTransport, Transport, TransportLimits, Writer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Most bytes read at once.
const BUFFER: usize = 64 * 1024;

/// Whether bytes are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    Tcp,
    Tls,
}

enum Door {
    Tcp(TcpListener),
    Tls(Listener),
}

fn transport() -> Result<TlsTransport> {
    Ok(TlsTransport::new(TlsIdentity::from_secret(&[5; 32])?, TransportLimits::default())?)
}

/// Both halves of a connection.
pub type Halves = (Reader, Writer);

/// Connects.
pub async fn connect(cover: Cover, address: SocketAddr) -> Result<Halves> {
    match cover {
        Cover::Tcp => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (reader, writer) = stream.into_split();
            Ok((Box::new(reader), Box::new(writer)))
        }
        Cover::Tls => {
            let Connection { reader, writer, .. } = transport()?.dial(address, Expected::Anyone).await?;
            Ok((reader, writer))
        }
    }
}

impl Door {
    async fn accept(&mut self) -> Result<Halves> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let (reader, writer) = stream.into_split();
                Ok((Box::new(reader), Box::new(writer)))
            }
            Self::Tls(listener) => match listener.accept().await {
                Some(Connection { reader, writer, .. }) => Ok((reader, writer)),
                None => bail!("the listener has ended"),
            },
        }
    }
}

/// Serves members, who say `S`, authors, who say `P`, and those who want an echo, who say `E`. Says where.
pub async fn serve(cover: Cover) -> Result<()> {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut door = match cover {
        Cover::Tcp => Door::Tcp(TcpListener::bind(local).await?),
        Cover::Tls => Door::Tls(transport()?.bind(local)?),
    };
    let address = match &door {
        Door::Tcp(listener) => listener.local_addr()?,
        Door::Tls(listener) => listener.address(),
    };
    println!("{address}");
    let mut members: Vec<Writer> = Vec::new();
    loop {
        let (mut reader, mut writer) = door.accept().await?;
        let word = reader.read_u8().await?;
        writer.write_all(b"ok").await?;
        writer.flush().await?;
        match word {
            b'S' => members.push(writer),
            b'P' => fan_out(reader, &mut members).await?,
            _ => drop(tokio::spawn(echo(reader, writer))),
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
