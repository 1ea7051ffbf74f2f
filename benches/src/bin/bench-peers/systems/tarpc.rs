//! tarpc over TCP: an echo in bincode.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use futures_util::StreamExt;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context, serde_transport};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use crate::outcome::Outcome;
use crate::rows::requests::callers;
use crate::rows::{CHAT_BYTES, Task};

/// More than are ever under way, or callers would wait for each other.
const UNDER_WAY_MAX: usize = 2_048;

#[tarpc::service]
trait Echo {
    async fn say(text: String) -> String;
}

#[derive(Clone)]
struct Echoing;

impl Echo for Echoing {
    async fn say(self, _: context::Context, text: String) -> String {
        text
    }
}

fn framed(stream: TcpStream) -> Result<Framed<TcpStream, LengthDelimitedCodec>> {
    stream.set_nodelay(true)?;
    Ok(Framed::new(stream, LengthDelimitedCodec::new()))
}

pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let channel = BaseChannel::with_defaults(serde_transport::new(framed(stream)?, Bincode::default()));
        let answering = channel.execute(Echoing.serve());
        tokio::spawn(answering.for_each(|answer| async {
            tokio::spawn(answer);
        }));
    }
}

pub async fn requests(task: &Task, outstanding: usize) -> Result<Outcome> {
    let stream = TcpStream::connect(task.place.parse::<SocketAddr>()?).await?;
    let transport = serde_transport::new(framed(stream)?, Bincode::default());
    let mut config = client::Config::default();
    (config.max_in_flight_requests, config.pending_request_buffer) = (UNDER_WAY_MAX, UNDER_WAY_MAX);
    let client = EchoClient::new(config, transport).spawn();
    let text = "x".repeat(CHAT_BYTES);
    let call = move || {
        let (client, text) = (client.clone(), text.clone());
        async move {
            client.say(context::current(), text).await?;
            Ok(())
        }
    };
    callers(task, outstanding, call).await
}
