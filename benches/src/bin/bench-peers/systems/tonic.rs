//! tonic over TCP: an echo, and a stream of frames. What protoc would write stands here by hand.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::Ipv4Addr;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use tokio::net::TcpListener;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{Body, BoxFuture, Service, http, tokio_stream};
use tonic::server::{NamedService, ServerStreamingService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, body, client, server};
use tonic_prost::ProstCodec;

use crate::outcome::{Outcome, Watch};
use crate::rows::bulk::FRAME_BYTES;
use crate::rows::requests::callers;
use crate::rows::{CHAT_BYTES, Task};

const SAY: &str = "/bench.Echo/Say";
const POUR: &str = "/bench.Echo/Pour";
/// What may be under way: for frames more than HTTP/2 begins with.
const WINDOW_BYTES: u32 = 4 * 1024 * 1024;

#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(bytes = "bytes", tag = "1")]
    body: Bytes,
}

fn text(bytes: usize) -> Text {
    Text { body: vec![b'x'; bytes].into() }
}

fn codec() -> ProstCodec<Text, Text> {
    ProstCodec::default()
}

#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "bench.Echo";
}

struct Say;

impl UnaryService<Text> for Say {
    type Response = Text;
    type Future = Ready<Result<Response<Text>, Status>>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

struct Pour;

impl ServerStreamingService<Text> for Pour {
    type Response = Text;
    type ResponseStream = tokio_stream::Iter<std::iter::RepeatN<Result<Text, Status>>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<Text>) -> Self::Future {
        let frames = std::iter::repeat_n(Ok(text(FRAME_BYTES)), usize::MAX);
        ready(Ok(Response::new(tokio_stream::iter(frames))))
    }
}

impl<B> Service<http::Request<B>> for Echo
where
    B: Body + Send + 'static,
    B::Error: Into<tonic::codegen::StdError> + Send + 'static,
{
    type Response = http::Response<body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = server::Grpc::new(codec());
            Ok(match request.uri().path() {
                SAY => grpc.unary(Say, request).await,
                _ => grpc.server_streaming(Pour, request).await,
            })
        })
    }
}

pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(Server::builder().add_service(Echo).serve_with_incoming(incoming).await?)
}

async fn connect(task: &Task) -> Result<client::Grpc<Channel>> {
    let endpoint = Endpoint::from_shared(format!("http://{}", task.place))?.tcp_nodelay(true);
    let endpoint = endpoint.initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
    Ok(client::Grpc::new(endpoint.connect().await?))
}

pub async fn requests(task: &Task, outstanding: usize) -> Result<Outcome> {
    let (client, text) = (connect(task).await?, text(CHAT_BYTES));
    let call = move || {
        let (mut client, text) = (client.clone(), text.clone());
        async move {
            client.ready().await?;
            client.unary(Request::new(text), PathAndQuery::from_static(SAY), codec()).await?;
            Ok(())
        }
    };
    callers(task, outstanding, call).await
}

pub async fn bulk(task: &Task) -> Result<Outcome> {
    let mut client = connect(task).await?;
    client.ready().await?;
    let pouring = client.server_streaming(Request::new(text(0)), PathAndQuery::from_static(POUR), codec());
    let mut frames = pouring.await?.into_inner();
    frames.message().await?.context("no frame")?;
    let (watch, mut count) = (Watch::start(task.server)?, 0);
    while watch.elapsed() < task.time() {
        let frame = frames.message().await?.context("the stream has ended")?;
        count += usize::from(frame.body.len() == FRAME_BYTES);
    }
    watch.stop(count)
}
