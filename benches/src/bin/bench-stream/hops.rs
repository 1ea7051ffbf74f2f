//! From capture to sight, and from the wish to watch to the first picture.

use anyhow::Result;
use segment_benches::figures::Latencies;
use segment_benches::machine;
use std::time::Duration;
use tokio::time::sleep;

use crate::Plan;
use crate::device::now_us;
use crate::log::{Log, Times, delays};
use crate::picture::Shape;
use crate::process::{Part, Role};
use crate::source::Place;
use crate::stage::{Stage, WARM_UP, WIDE_KBPS, plainly, viewers};
use crate::watch::{JoinRole, Render, ViewerRole};

/// From capture to sight.
pub async fn delay(plan: &Plan) -> Result<()> {
    let shapes = [
        ("1.4 Mbit/s at 30 frames/s", Shape::of_rate(1_400, 30)),
        ("9.4 Mbit/s at 30 frames/s", Shape::of_rate(9_400, 30)),
    ];
    for (name, shape) in shapes {
        direct(name, shape, Render::Nothing, plan).await?;
        relayed(name, shape, plan).await?;
        baseline(name, shape, plan).await?;
    }
    // Five viewers, as the originals had; each decodes, and so has seen.
    let small = Shape::card(320, 240);
    let name = format!("test card 320x240, {} bytes a frame, drawn, encoded, decoded", small.bytes()?);
    direct(&name, small, Render::Jpeg, plan).await?;
    let name = "test card 1280x720, drawn, encoded, decoded";
    direct(name, Shape::card(1280, 720), Render::Jpeg, plan).await?;
    let name = "test card 320x240, drawn, encoded";
    direct(name, small, Render::Nothing, plan).await?;
    baseline(name, small, plan).await
}

fn report(name: &str, how: &str, logs: &[Log], times: &Times, last: u64) {
    let lost: usize = logs.iter().map(|log| log.lost(times, last)).sum();
    println!("delay, {name}, {how}: {}, {lost} frames lost", delays(logs, times));
}

async fn direct(name: &str, shape: Shape, render: Render, plan: &Plan) -> Result<()> {
    let mut stage = Stage::open(shape, WIDE_KBPS, plan.tempo).await?;
    let (mut part, _) = stage.watch(viewers(0..5), render).await?;
    sleep(WARM_UP).await;
    let times = Times { from_us: now_us(), last: None };
    sleep(Duration::from_secs(plan.seconds)).await;
    let (logs, last) = stage.finish(std::slice::from_mut(&mut part)).await?;
    report(name, "5 direct viewers", &logs, &times, last);
    part.end().await?;
    stage.close().await
}

/// One direct viewer, who passes it on to another, and that one to a third.
async fn relayed(name: &str, shape: Shape, plan: &Plan) -> Result<()> {
    let uplink = shape.kbps()? * 10 / 7;
    let mut stage = Stage::open(shape, uplink, plan.tempo).await?;
    let mut parts = Vec::new();
    for number in 0..3 {
        let relay_kbps = if number < 2 { uplink } else { 0 };
        parts.push(stage.watch(vec![ViewerRole { number, relay_kbps, link_kbps: None }], Render::Nothing).await?.0);
    }
    sleep(WARM_UP).await;
    let times = Times { from_us: now_us(), last: None };
    sleep(Duration::from_secs(plan.seconds)).await;
    let (mut logs, last) = stage.finish(&mut parts).await?;
    logs.sort_by_key(|log| log.hops);
    for log in &logs {
        report(name, &format!("{} hops", log.hops), std::slice::from_ref(log), &times, last);
    }
    for part in parts {
        part.end().await?;
    }
    stage.close().await
}

async fn baseline(name: &str, shape: Shape, plan: &Plan) -> Result<()> {
    let from_us = now_us() + 1_000 * u64::try_from(WARM_UP.as_millis())?;
    let time = WARM_UP + Duration::from_secs(plan.seconds);
    let (logs, last, _) = plainly(shape, vec![None; 5], time).await?;
    report(name, "plain TCP, 5 viewers", &logs, &Times { from_us, last: None }, last);
    Ok(())
}

/// From the wish to watch to the first picture.
pub async fn join(plan: &Plan) -> Result<()> {
    for (place, how) in [
        (Place::Own, "the streamer hosts the channel: the link is there"),
        (Place::Others, "another hosts it: the streamer is dialled"),
    ] {
        let stage = Stage::open_at(Shape::of_rate(1_400, 30), WIDE_KBPS, plan.tempo, place).await?;
        let role = JoinRole { tracker: stage.address.clone(), rounds: plan.joins };
        let mut joins = Part::start(&Role::Join(role))?;
        let took: Vec<u64> = hear_long(&mut joins, plan).await?;
        let mut all = Latencies::default();
        took.iter().for_each(|micros| all.add(Duration::from_micros(*micros)));
        let p95 = segment_benches::figures::millis(all.percentile(95));
        println!("join to first picture, {how}, {} times: {all}, p95 {p95}; {}", took.len(), machine::describe());
        joins.end().await?;
        stage.close().await?;
    }
    Ok(())
}

async fn hear_long(part: &mut Part, plan: &Plan) -> Result<Vec<u64>> {
    for _ in 0..=plan.joins {
        if let Ok(took) = part.hear().await {
            return Ok(took);
        }
    }
    part.hear().await
}
