//! Few channels and many, all of them hosted by one peer: one link, one store, one machine.

use anyhow::Result;
use segment_benches::driven::Work;
use segment_core::Input;
use segment_proto::messages::{ChannelFilter, FindChannel, Guest, ListChannels, Ping};
use segment_store::MemoryStore;

use crate::table::{Growth, Table};
use crate::town::Town;

/// Each figure is the mean of so many.
const TIMES: u64 = 200;

/// One table.
pub fn measure(sizes: &[u64]) -> Result<Table> {
    let mut table = Table::new("channels of one host and one tracker");
    for size in sizes {
        table.at(*size);
        at(*size, &mut table)?;
    }
    Ok(table)
}

fn at(channels: u64, table: &mut Table) -> Result<()> {
    let mut town = Town::new(Box::new(MemoryStore::default()), Box::new(MemoryStore::default()))?;
    for number in 0..channels {
        town.create(number)?;
    }
    let channel = town.a_channel()?;
    let mut author = town.member(1, channel)?;
    town.say(&mut author)?;

    let before = town.spent();
    (0..TIMES).try_for_each(|_| town.say(&mut author))?;
    let after = town.spent();
    table.add("a message in one of them at the host, us", Growth::Constant, micros(&before.host, &after.host));
    table.add("the same at the tracker, us", Growth::Constant, micros(&before.tracker, &after.tracker));
    let host = town.host.work;
    (0..TIMES).try_for_each(|_| town.host.ask(author.link, Ping {}).map(drop))?;
    table.add("a ping at the host, us", Growth::Constant, micros(&host, &town.host.work));
    at_the_tracker(channels, &mut town, table)
}

fn at_the_tracker(channels: u64, town: &mut Town, table: &mut Table) -> Result<()> {
    let user = town.user(0)?;
    let mut each = |town: &mut Town, what: &str, growth, call: &mut dyn FnMut(&mut Town, u64) -> Result<()>| {
        let before = town.tracker.work;
        (0..TIMES).try_for_each(|time| call(town, time))?;
        table.add(what, growth, micros(&before, &town.tracker.work));
        anyhow::Ok(())
    };
    each(town, "a user registers, us", Growth::Logarithm, &mut |town, time| town.user(time + 1).map(drop))?;
    each(town, "a visitor comes and goes, us", Growth::Logarithm, &mut |town, time| {
        let link = town.greeted(1_000_000 + time)?;
        town.tracker.ask(link, Guest { name: format!("guest{time}") })?;
        town.tracker.feed(Input::LinkDown { link });
        town.tracker.settle()
    })?;
    each(town, "a channel is found by its name, us", Growth::Logarithm, &mut |town, time| {
        let name = format!("#channel{}", time * 7_919 % channels);
        town.tracker.ask(user, FindChannel { name }).map(drop)
    })?;
    let page = ListChannels { filter: ChannelFilter::All, after: "channel5".to_owned() };
    each(town, "a page of the list of channels (256 rows at most), us", Growth::Logarithm, &mut |town, _| {
        town.tracker.ask(user, page.clone()).map(drop)
    })
}

/// Processor time of one of [`TIMES`], in microseconds.
fn micros(before: &Work, after: &Work) -> f64 {
    (after.machine - before.machine).as_secs_f64() * 1e6 / TIMES as f64
}
