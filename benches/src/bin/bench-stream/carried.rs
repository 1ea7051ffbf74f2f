//! Fifty viewers, five of them direct; the rest is carried on. Relays are killed, and frozen.

use std::time::Duration;

use anyhow::{Context, Result};
use segment_benches::figures::{Latencies, millis};
use tokio::time::sleep;

use crate::Plan;
use crate::device::{Tempo, now_us};
use crate::log::{Log, Times, delays};
use crate::picture::Shape;
use crate::process::Part;
use crate::source::Row;
use crate::stage::{Stage, viewers};
use crate::watch::{Render, ViewerRole};

const VIEWERS: u16 = 50;
/// Of them, so many pass the stream on, each in a process of its own.
const RELAYS: u16 = 15;
/// The coordinator is told by reports every other second who gets it from whom.
const REST: Duration = Duration::from_secs(5);

struct Relay {
    part: Part,
    device: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Kill,
    Freeze,
}

/// One relay that went.
struct Loss {
    way: Way,
    at_us: u64,
    children: Vec<String>,
}

pub async fn measure(plan: &Plan) -> Result<()> {
    let shape = match plan.tempo {
        Tempo::Usual => Shape::of_rate(1_400, 30),
        Tempo::Patient => Shape::of_rate(200, 10),
    };
    // Of an uplink four fifths are used: so five directly, and four by each relay.
    let copies = |count: u32| shape.kbps().map(|kbps| kbps * count * 5 / 4 + count);
    let (uplink, relay_kbps) = (copies(5)?, copies(4)?);
    let mut stage = Stage::open(shape, uplink, plan.tempo).await?;
    let mut relays = Vec::new();
    for number in 0..RELAYS {
        let viewer = ViewerRole { number, relay_kbps, link_kbps: None };
        let (part, devices) = stage.watch(vec![viewer], Render::Nothing).await?;
        relays.push(Relay { part, device: devices.into_iter().next().context("a viewer")? });
    }
    let (leaves, _) = stage.watch(viewers(RELAYS..VIEWERS), Render::Nothing).await?;
    sleep(REST).await;
    let from_us = now_us();
    sleep(Duration::from_secs(plan.seconds)).await;
    let quiet_until: (usize, u64) = stage.source.ask("followers").await?;
    println!("relays: {VIEWERS} viewers, {RELAYS} of them pass it on, {} are served directly", quiet_until.0);

    let mut losses = Vec::new();
    let ways = std::iter::repeat_n(Way::Kill, plan.kills).chain(std::iter::repeat_n(Way::Freeze, plan.freezes));
    for way in ways {
        losses.push(lose(way, &mut stage, &mut relays).await?);
        sleep(REST).await;
    }
    let mut parts: Vec<Part> = relays.into_iter().map(|relay| relay.part).chain([leaves]).collect();
    let (logs, last) = stage.finish(&mut parts).await?;
    report(&logs, from_us, last, &losses);
    let times = Times { from_us, last: None };
    plan.insist(|| logs.len() + losses.len() == usize::from(VIEWERS), "a viewer has no log")?;
    plan.insist(|| logs.iter().all(|log| log.lost(&times, last) == 0), "frames were lost")?;
    let flows =
        |device: &String, loss: &Loss| of(&logs, device).is_none_or(|log| log.flows_again(loss.at_us).is_some());
    let all_flow = || losses.iter().all(|loss| loss.children.iter().all(|device| flows(device, loss)));
    plan.insist(all_flow, "a child of a relay that went sees nothing any more")?;
    for part in parts {
        part.end().await?;
    }
    stage.close().await
}

/// The direct relay with the most children goes.
async fn lose(way: Way, stage: &mut Stage, relays: &mut Vec<Relay>) -> Result<Loss> {
    let rows: Vec<Row> = stage.source.ask("rows").await?;
    let children = |device: &str| {
        let below = rows.iter().filter(|row| row.parent.as_deref() == Some(device));
        below.map(|row| row.device.clone()).collect::<Vec<_>>()
    };
    let direct = children(&stage.begun.device);
    let most = (0..relays.len()).filter(|index| direct.contains(&relays[*index].device));
    let index = most.max_by_key(|index| children(&relays[*index].device).len()).context("no relay is left")?;
    let mut relay = relays.remove(index);
    let (at_us, children) = (now_us(), children(&relay.device));
    match way {
        Way::Kill => relay.part.kill()?,
        Way::Freeze => {
            relay.part.freeze().await?;
            sleep(REST).await;
            relay.part.kill()?;
        }
    }
    Ok(Loss { way, at_us, children })
}

fn of<'a>(logs: &'a [Log], device: &str) -> Option<&'a Log> {
    logs.iter().find(|log| log.device == device)
}

fn report(logs: &[Log], from_us: u64, last: u64, losses: &[Loss]) {
    let times = Times { from_us, last: None };
    let all = delays(logs, &times);
    let deepest = logs.iter().map(|log| log.hops).max().unwrap_or_default();
    let lost: usize = logs.iter().map(|log| log.lost(&times, last)).sum();
    let p95 = millis(all.percentile(95));
    println!("relays: capture to sight, losses included: {all}, p95 {p95}; {deepest} hops at most; {lost} frames lost");
    for way in [Way::Kill, Way::Freeze] {
        let mut flows = Latencies::default();
        let of_way = losses.iter().filter(|loss| loss.way == way);
        let children = of_way.flat_map(|loss| loss.children.iter().map(move |child| (child, loss.at_us)));
        let times: Vec<Duration> =
            children.filter_map(|(child, at)| of(logs, child).and_then(|log| log.flows_again(at))).collect();
        times.iter().for_each(|time| flows.add(*time));
        if !times.is_empty() {
            println!("relays: {way:?}: {} children see a frame captured since then after {flows}", times.len());
        }
    }
}
