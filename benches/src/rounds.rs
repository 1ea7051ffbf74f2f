//! The rounds that are measured, the same for Segment and for what it is compared with.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::time::{Instant as Moment, sleep_until, timeout};

use crate::figures::{Latencies, per_second};

/// Bytes of a message's text.
pub const TEXT_BYTES: usize = 128;

/// Messages that are sent before anything is measured.
const WARM_UP: usize = 20;

/// A round that takes longer has failed.
const ROUND_MAX: Duration = Duration::from_secs(120);

/// Who writes. Messages are numbered, from 0.
pub trait Author {
    /// Writes one message, and waits as long as a careful author would.
    fn send(&mut self, index: usize) -> impl Future<Output = Result<()>>;

    /// Writes many as fast as it can.
    fn send_all(&mut self, indices: std::ops::Range<usize>) -> impl Future<Output = Result<()>>;
}

/// One member has shown one message.
pub type Shown = (usize, Instant);

/// All who read; each tells of each message once.
pub struct Audience {
    /// How many.
    pub members: usize,
    /// What they tell.
    pub shown: mpsc::UnboundedReceiver<Shown>,
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Messages of the round with one at a time.
    pub single: usize,
    /// Messages a second of the round with a fixed rate.
    pub rate: usize,
    /// Seconds of it.
    pub seconds: usize,
    /// Messages of the round in which they are sent as fast as possible.
    pub burst: usize,
}

/// The rounds.
pub struct Rounds<A> {
    /// Of what: begins each line.
    pub name: String,
    /// Who writes.
    pub author: A,
    /// Who read.
    pub audience: Audience,
    sent: Vec<Instant>,
}

impl<A: Author> Rounds<A> {
    /// Nothing sent yet.
    pub fn new(name: String, author: A, audience: Audience) -> Self {
        Self { name, author, audience, sent: Vec::new() }
    }

    /// All of them, each with a line of output.
    ///
    /// # Errors
    /// Something did not arrive.
    pub async fn run(&mut self, plan: Plan) -> Result<()> {
        timeout(ROUND_MAX, self.one_at_a_time(WARM_UP)).await.context("warming up took too long")??;
        let latencies = timeout(ROUND_MAX, self.one_at_a_time(plan.single)).await.context("it took too long")??;
        println!("{}: one at a time ({} messages): shown {latencies}", self.name, plan.single);
        let latencies = timeout(ROUND_MAX, self.at_a_rate(plan)).await.context("it took too long")??;
        println!("{}: at {} messages/s for {} s: shown {latencies}", self.name, plan.rate, plan.seconds);
        let took = timeout(ROUND_MAX, self.burst(plan.burst)).await.context("it took too long")??;
        let messages = per_second(plan.burst, took);
        let deliveries = per_second(plan.burst * self.audience.members, took);
        println!("{}: a burst of {}: {messages} messages/s, {deliveries} deliveries/s", self.name, plan.burst);
        Ok(())
    }

    /// The next is sent when everybody has shown the last.
    async fn one_at_a_time(&mut self, count: usize) -> Result<Latencies> {
        let mut latencies = Latencies::default();
        for _ in 0..count {
            self.send().await?;
            self.hear(1, &mut latencies).await?;
        }
        Ok(latencies)
    }

    /// Whether or not the last was shown.
    async fn at_a_rate(&mut self, plan: Plan) -> Result<Latencies> {
        let (count, mut latencies) = (plan.rate * plan.seconds, Latencies::default());
        let (start, step) = (Moment::now(), Duration::from_secs(1) / u32::try_from(plan.rate)?);
        for n in 0..count {
            sleep_until(start + step * u32::try_from(n)?).await;
            self.send().await?;
        }
        self.hear(count, &mut latencies).await?;
        Ok(latencies)
    }

    async fn burst(&mut self, count: usize) -> Result<Duration> {
        let (start, first) = (Instant::now(), self.sent.len());
        self.sent.resize(first + count, start);
        self.author.send_all(first..first + count).await?;
        self.hear(count, &mut Latencies::default()).await?;
        Ok(start.elapsed())
    }

    async fn send(&mut self) -> Result<()> {
        self.sent.push(Instant::now());
        self.author.send(self.sent.len() - 1).await
    }

    /// Waits until everybody has shown so many messages.
    async fn hear(&mut self, messages: usize, latencies: &mut Latencies) -> Result<()> {
        for _ in 0..messages * self.audience.members {
            let (index, at) = self.audience.shown.recv().await.context("a member has gone")?;
            let sent = self.sent.get(index).context("a message that nobody has sent")?;
            latencies.add(at.duration_since(*sent));
        }
        Ok(())
    }
}
