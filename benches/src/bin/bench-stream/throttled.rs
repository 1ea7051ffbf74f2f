//! Ten viewers, of whom five hear a tenth of the stream's rate: the other five must not notice.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::Plan;
use crate::device::now_us;
use crate::log::{Log, Times, delays};
use crate::picture::Shape;
use crate::stage::{Memory, Stage, WARM_UP, WIDE_KBPS, plainly, viewers};
use crate::watch::{Render, ViewerRole};

const KBPS: u32 = 1_400;
/// The streamer may grow by so much between the halves, in KiB: the allocator's, not one viewer's backlog.
const GROWTH_MAX: u64 = 16 * 1024;

/// All on wide links, half of them on narrow ones, and both over plain TCP.
pub async fn measure(plan: &Plan) -> Result<()> {
    streamed(None, plan).await?;
    streamed(Some(KBPS / 10), plan).await?;
    if plan.tempo == crate::device::Tempo::Patient {
        return Ok(());
    }
    for link in [None, Some(KBPS / 10)] {
        let links = [vec![None; 5], vec![link; 5]].concat();
        let from_us = now_us() + 1_000 * u64::try_from(WARM_UP.as_millis())?;
        let time = WARM_UP + Duration::from_secs(plan.seconds);
        let (logs, last, memory) = plainly(Shape::of_rate(KBPS, 30), links, time).await?;
        let (wide, narrow) = logs.split_at(5);
        report("plain TCP", link, wide, narrow, &Times { from_us, last: None }, last, &memory);
    }
    Ok(())
}

async fn streamed(link_kbps: Option<u32>, plan: &Plan) -> Result<()> {
    let mut stage = Stage::open(Shape::of_rate(KBPS, 30), WIDE_KBPS, plan.tempo).await?;
    let (wide, _) = stage.watch(viewers(0..5), Render::Nothing).await?;
    let narrow = (5..10).map(|number| ViewerRole { number, relay_kbps: 0, link_kbps });
    let (mut narrow, _) = stage.watch(narrow.collect(), Render::Nothing).await?;
    sleep(WARM_UP).await;
    let from_us = now_us();
    let memory = Memory::over(stage.source.pid, Duration::from_secs(plan.seconds)).await?;
    let mut wide = [wide];
    let (seen, last) = stage.finish(&mut wide).await?;
    let behind: Vec<Log> = narrow.ask("now").await?;
    let times = Times { from_us, last: None };
    report("Segment", link_kbps, &seen, &behind, &times, last, &memory);
    let (followers, left_out): (usize, u64) = stage.source.ask("followers").await?;
    println!("throttled, Segment: {followers} are served, {left_out} frames were left out for them");
    plan.insist(|| seen.iter().all(|log| log.lost(&times, last) == 0), "a viewer on a wide link lost frames")?;
    plan.insist(|| followers == 10, "a viewer is not served any more")?;
    let (before, after) = memory.halves();
    plan.insist(|| after <= before + GROWTH_MAX, "the streamer's memory grows")?;
    let [wide] = wide;
    wide.end().await?;
    narrow.end().await?;
    stage.close().await
}

fn report(who: &str, link: Option<u32>, wide: &[Log], narrow: &[Log], times: &Times, last: u64, memory: &Memory) {
    let link = link.map_or("like them".to_owned(), |kbps| format!("on links of {kbps} kbit/s"));
    let lost: usize = wide.iter().map(|log| log.lost(times, last)).sum();
    let count = |logs: &[Log]| logs.iter().map(|log| log.delays(times).count()).sum::<usize>();
    println!(
        "throttled, {who}, five viewers beside five {link}: {}, {} frames seen, {lost} lost; the others saw {} ({}); \
         the sender's memory in KiB, at most in each tenth of the time: {:?}",
        delays(wide, times),
        count(wide),
        count(narrow),
        delays(narrow, times),
        memory.tenths(),
    );
}
