//! One direction of one connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Closing, Flow, Way, Weather, told};

/// Most bytes of one read.
const BUFFER: usize = 16 * 1024;
/// Behind each piece of a trickle.
const PAUSE: Duration = Duration::from_millis(2);

pub struct Ends {
    pub from: OwnedReadHalf,
    pub to: OwnedWriteHalf,
}

/// Carries bytes until either end closes, or this direction is closed; then closes it.
pub async fn pump(
    Ends { mut from, mut to }: Ends,
    way: Way,
    weather: watch::Receiver<Weather>,
    mut closing: watch::Receiver<Closing>,
) {
    tokio::select! {
        () = told(&mut closing, Closing::Half(way)) => {}
        _ = carry(&mut from, &mut to, way, weather) => {}
    }
    // The other end may be gone already.
    let _ = to.shutdown().await;
    // Dropping this half too early would reset the connection while the other direction still carries.
    let mut rest = [0; 1024];
    while matches!(from.read(&mut rest).await, Ok(1..)) {}
}

async fn carry(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    way: Way,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        let moving = weather.wait_for(|weather| weather.flow(way) != Flow::Stalled).await;
        let flow = moving.map_or(Flow::Clear, |weather| weather.flow(way));
        match flow {
            Flow::Slow { millis } => {
                sleep(Duration::from_millis(millis)).await;
                to.write_all(bytes).await?;
            }
            Flow::Trickle { bytes: size } => in_pieces(to, bytes, size).await?,
            Flow::Clear | Flow::Stalled => to.write_all(bytes).await?,
        }
    }
}

async fn in_pieces(to: &mut OwnedWriteHalf, bytes: &[u8], size: usize) -> io::Result<()> {
    for piece in bytes.chunks(size.max(1)) {
        to.write_all(piece).await?;
        sleep(PAUSE).await;
    }
    Ok(())
}
