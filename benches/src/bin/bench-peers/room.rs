//! One author and many members, all in one process that reads in batches; the same for every system.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use segment_net::transport::Writer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::rows::Task;
use crate::system::System;
use crate::systems::{self, Deliveries, Halves, SILENCE, Wire, connect, greet, jetstream, segment};

const BUFFER: usize = 256 * 1024;

/// What the members have got.
#[derive(Default)]
pub struct Audience {
    /// Messages that each has got.
    got: RefCell<Vec<usize>>,
    /// So many are waited for, and so many members still lack some of them.
    wanted: Cell<usize>,
    short: Cell<usize>,
    moved: Notify,
    /// When each message was sent, if that is of interest, and how long it took to each member.
    sent: RefCell<Vec<Instant>>,
    times: RefCell<Vec<Duration>>,
}

impl Audience {
    pub fn new(members: usize) -> Rc<Self> {
        Rc::new(Self { got: RefCell::new(vec![0; members]), ..Self::default() })
    }

    /// A member has got some more.
    pub fn hear(&self, member: usize, messages: usize) {
        let (before, after) = {
            let mut got = self.got.borrow_mut();
            let before = got[member];
            got[member] += messages;
            (before, got[member])
        };
        let sent = self.sent.borrow();
        if let Some(sent) = sent.get(before..after.min(sent.len())) {
            self.times.borrow_mut().extend(sent.iter().map(Instant::elapsed));
        }
        if (before..after).contains(&self.wanted.get().wrapping_sub(1)) {
            self.short.set(self.short.get() - 1);
            if self.short.get() == 0 {
                self.moved.notify_one();
            }
        }
    }

    /// Waits until every member has got so many.
    pub async fn all_have(&self, messages: usize) -> Result<()> {
        let short = self.got.borrow().iter().filter(|got| **got < messages).count();
        self.short.set(short);
        self.wanted.set(messages);
        while self.short.get() > 0 {
            let before = self.all();
            let moved = timeout(SILENCE, self.moved.notified()).await;
            ensure!(moved.is_ok() || self.all() > before, "messages were lost: {}", self.describe(messages));
        }
        Ok(())
    }

    fn all(&self) -> usize {
        self.got.borrow().iter().sum()
    }

    fn describe(&self, wanted: usize) -> String {
        let got = self.got.borrow();
        let least = got.iter().min().copied().unwrap_or_default();
        format!("{wanted} should be there, {} members of {} lack some, one has {least}", self.short.get(), got.len())
    }

    /// Nobody has got more than was sent.
    pub fn has_exactly(&self, messages: usize) -> Result<()> {
        let got = self.got.borrow();
        ensure!(got.iter().all(|got| *got == messages), "{messages} were sent, a member got {:?}", got.iter().max());
        Ok(())
    }

    /// The next message is sent in this moment; the times of those without such a moment before it are not taken.
    pub fn mark(&self, number: usize) {
        let mut sent = self.sent.borrow_mut();
        let now = Instant::now();
        sent.resize(number, now);
        sent.push(now);
    }

    /// How long all of them took.
    pub fn times(&self) -> Vec<Duration> {
        self.times.take()
    }
}

/// Who writes.
pub enum Author {
    Wire { writer: Writer, publication: Vec<u8> },
    Segment(segment::Author),
}

impl Author {
    /// Writes so many messages at once.
    pub async fn publish(&mut self, count: usize) -> Result<()> {
        match self {
            Self::Wire { writer, publication } => {
                writer.write_all(&publication.repeat(count)).await?;
                Ok(writer.flush().await?)
            }
            Self::Segment(author) => author.publish(count).await,
        }
    }
}

/// Both.
pub struct Room {
    pub audience: Rc<Audience>,
    pub author: Author,
}

impl Room {
    /// Everybody comes in.
    pub async fn open(task: &Task, members: usize, bytes: usize) -> Result<Self> {
        let audience = Audience::new(members);
        if task.system.is_segment() {
            let author = segment::open(task, &audience, members, bytes).await?;
            return Ok(Self { audience, author: Author::Segment(author) });
        }
        let (address, wire) = (task.place.parse()?, systems::wire(task.system, bytes)?);
        for member in 0..members {
            let mut halves = connect(wire.cover, address).await?;
            greet(&mut halves, &wire.subscription(member), &wire.subscribed).await?;
            spawn_local(listen(halves, wire.deliveries, member, Rc::clone(&audience)));
        }
        if task.system == System::Jetstream {
            jetstream::prepare(address, members).await?;
        }
        Ok(Self { audience, author: author(&wire, address).await? })
    }
}

async fn author(wire: &Wire, address: SocketAddr) -> Result<Author> {
    let mut halves = connect(wire.cover, address).await?;
    greet(&mut halves, &wire.author, &wire.welcomed).await?;
    let (mut answers, writer) = halves;
    // What a server answers its author is read and dropped.
    spawn_local(async move { while answers.read(&mut [0; 4096]).await.is_ok_and(|size| size > 0) {} });
    Ok(Author::Wire { writer, publication: wire.publication.clone() })
}

async fn listen(halves: Halves, deliveries: Deliveries, member: usize, audience: Rc<Audience>) -> Result<()> {
    // The other half hangs up when it is dropped.
    let (mut reader, _writer) = halves;
    let mut read = Vec::with_capacity(BUFFER);
    loop {
        if reader.read_buf(&mut read).await? == 0 {
            bail!("a member was hung up on");
        }
        audience.hear(member, deliveries.count(&mut read));
    }
}
