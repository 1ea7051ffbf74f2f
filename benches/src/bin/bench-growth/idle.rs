//! Links on which nothing happens, beside one on which something does.

use std::time::Duration;

use anyhow::Result;
use segment_benches::driven::Work;
use segment_core::Direction;
use segment_proto::messages::{Greeter, Guest, Ping};
use segment_proto::{DeviceId, LinkId};
use segment_store::MemoryStore;

use crate::table::{Growth, Table};
use crate::town::{Town, address, hello};

/// Each figure is the mean of so many.
const TIMES: u64 = 200;

/// One table.
pub fn measure(sizes: &[u64]) -> Result<Table> {
    let mut table = Table::new("idle links at the tracker, and as many at the host");
    for size in sizes {
        table.at(*size);
        at(*size, &mut table)?;
    }
    Ok(table)
}

fn at(links: u64, table: &mut Table) -> Result<()> {
    let mut town = Town::new(Box::new(MemoryStore::default()), Box::new(MemoryStore::default()))?;
    town.create(0)?;
    let channel = town.a_channel()?;
    let mut author = town.member(1, channel)?;
    for number in 0..links {
        idle(number, &mut town)?;
    }
    let user = town.greeted(0)?;
    for _ in 0..TIMES {
        town.say(&mut author)?;
    }
    let before = town.spent();
    (0..TIMES).try_for_each(|_| town.say(&mut author))?;
    let said = town.spent();
    (0..TIMES).try_for_each(|_| town.host.ask(author.link, Ping {}).map(drop))?;
    (0..TIMES).try_for_each(|_| town.tracker.ask(user, Ping {}).map(drop))?;
    let pinged = town.spent();
    table.add("a message at the host, us", Growth::Constant, micros(&before.host, &said.host));
    table.add("a message at the tracker, us", Growth::Constant, micros(&before.tracker, &said.tracker));
    table.add("a ping at the host, us", Growth::Constant, micros(&said.host, &pinged.host));
    table.add("a ping at the tracker, us", Growth::Constant, micros(&said.tracker, &pinged.tracker));
    let before = town.tracker.work;
    town.tracker.pass(Duration::from_secs(2))?;
    let passed = (town.tracker.work.machine - before.machine).as_secs_f64() * 1e6;
    table.add("two seconds of nothing at the tracker, us", Growth::Constant, passed);
    Ok(())
}

/// A visitor at the tracker, and somebody at the host who has said hello.
fn idle(number: u64, town: &mut Town) -> Result<()> {
    let link = town.greeted(1_000_000 + number)?;
    town.tracker.ask(link, Guest { name: format!("guest{number}") })?;
    let link = LinkId(1 << 63 | (1 << 40) | number);
    let mut device = [8; 32];
    device[..8].copy_from_slice(&number.to_be_bytes());
    town.host.link_up(link, Direction::Inbound, DeviceId(device), address());
    town.host.ask(link, hello(Greeter::Member)).map(drop)
}

/// Processor time of one of [`TIMES`], in microseconds.
fn micros(before: &Work, after: &Work) -> f64 {
    (after.machine - before.machine).as_secs_f64() * 1e6 / TIMES as f64
}
