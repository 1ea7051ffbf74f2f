//! One channel with few members and with many.

use std::time::Duration;

use anyhow::Result;
use segment_benches::driven::Work;
use segment_core::Input;
use segment_proto::LinkId;
use segment_proto::messages::{Delivered, Ping};
use segment_store::MemoryStore;

use crate::table::{Growth, Table};
use crate::town::Town;

/// Each figure is the mean of so many.
const TIMES: u64 = 200;

/// One table.
pub fn measure(sizes: &[u64]) -> Result<Table> {
    let mut table = Table::new("members of one channel");
    for size in sizes {
        table.at(*size);
        at(*size, &mut table)?;
    }
    Ok(table)
}

fn at(members: u64, table: &mut Table) -> Result<()> {
    let mut town = Town::new(Box::new(MemoryStore::default()), Box::new(MemoryStore::default()))?;
    town.create(0)?;
    let channel = town.a_channel()?;
    let mut author = town.member(1, channel)?;
    for number in 2..=members {
        town.member(number, channel)?;
    }
    for _ in 0..TIMES {
        town.say(&mut author)?;
    }
    let before = town.spent();
    for _ in 0..TIMES {
        town.say(&mut author)?;
    }
    let after = town.spent();
    messages(&before.host, &after.host, &before.tracker, &after.tracker, table);

    let each = |town: &mut Town, call: &mut dyn FnMut(&mut Town, u64) -> Result<()>| -> Result<f64> {
        let before = town.host.work;
        (0..TIMES).try_for_each(|time| call(town, time))?;
        Ok(micros(&before, &town.host.work))
    };
    let ping = each(&mut town, &mut |town, _| town.host.ask(author.link, Ping {}).map(drop))?;
    table.add("a ping at the host, us", Growth::Constant, ping);
    let pos = 2 * TIMES;
    let delivered = each(&mut town, &mut |town, time| {
        let link = LinkId(1 << 63 | (time % members + 1));
        town.host.request(link, Delivered { channel, pos })?;
        town.run()
    })?;
    table.add("a member says what it has on disk, us", Growth::Constant, delivered);
    let before = town.host.work;
    town.host.pass(Duration::from_millis(1_100))?;
    town.run()?;
    let told = (town.host.work.machine - before.machine).as_secs_f64() * 1e6;
    table.add("once a second where something was said: who has how much, us", Growth::Linear, told);
    let come = each(&mut town, &mut |town, time| {
        let number = 100_000 + time;
        let member = town.member(number, channel)?;
        town.say(&mut author)?;
        town.host.feed(Input::LinkDown { link: member.link });
        town.run()
    })?;
    table.add("a member comes, a message, the member goes: at the host, us", Growth::Linear, come);
    Ok(())
}

fn messages(host: &Work, host_after: &Work, tracker: &Work, tracker_after: &Work, table: &mut Table) {
    let per = |before: u64, after: u64| (after - before) as f64 / TIMES as f64;
    table.add("a message at the host, us", Growth::Constant, micros(host, host_after));
    table.add("a message at the tracker, us", Growth::Constant, micros(tracker, tracker_after));
    table.add("operations for the host's store", Growth::Constant, per(host.operations, host_after.operations));
    table.add("operations for the tracker's", Growth::Constant, per(tracker.operations, tracker_after.operations));
    table.add("frames that the host encodes", Growth::Constant, per(host.frames, host_after.frames));
    table.add("bytes of them", Growth::Constant, per(host.bytes, host_after.bytes));
    table.add("links on which they are queued", Growth::Linear, per(host.queued, host_after.queued));
}

/// Processor time of one of [`TIMES`], in microseconds.
fn micros(before: &Work, after: &Work) -> f64 {
    (after.machine - before.machine).as_secs_f64() * 1e6 / TIMES as f64
}
