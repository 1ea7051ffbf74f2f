//! Messages beside a stream that fills the link on which both come.

use std::time::Duration;

use anyhow::Result;
use segment_benches::figures::Latencies;
use tokio::time::sleep;

use crate::Plan;
use crate::picture::Shape;
use crate::process::Part;
use crate::stage::{Stage, WARM_UP, WIDE_KBPS};
use crate::watch::{Render, ViewerRole};

/// Messages a second, as the streamer writes them.
const MESSAGES_PER_SECOND: u64 = 20;

/// On a narrow link and on a wide one, beside streams of a tenth, nine tenths and twice of what the narrow one carries.
pub async fn measure(narrow_kbps: u32, plan: &Plan) -> Result<()> {
    for (link_kbps, link) in [(Some(narrow_kbps), format!("a link of {narrow_kbps} kbit/s")), (None, "loopback".into())]
    {
        for tenths in [1, 9, 20] {
            let kbps = narrow_kbps / 10 * tenths;
            let heard = hear(link_kbps, kbps, plan).await?;
            println!("chat beside a stream of {kbps} kbit/s, {link}, {MESSAGES_PER_SECOND}/s: shown {heard}");
        }
    }
    Ok(())
}

async fn hear(link_kbps: Option<u32>, kbps: u32, plan: &Plan) -> Result<Latencies> {
    let mut stage = Stage::open(Shape::of_rate(kbps, 30), WIDE_KBPS, plan.tempo).await?;
    let viewer = ViewerRole { number: 0, relay_kbps: 0, link_kbps };
    let (mut part, _) = stage.watch(vec![viewer], Render::Nothing).await?;
    sleep(WARM_UP).await;
    let mut heard = Latencies::default();
    for _ in 0..plan.seconds {
        let () = stage.source.ask(&format!("talk {MESSAGES_PER_SECOND}")).await?;
        collect(&mut part, &mut heard).await?;
    }
    sleep(WARM_UP).await;
    collect(&mut part, &mut heard).await?;
    part.end().await?;
    stage.close().await?;
    Ok(heard)
}

async fn collect(part: &mut Part, heard: &mut Latencies) -> Result<()> {
    let micros: Vec<u64> = part.ask("heard").await?;
    micros.into_iter().for_each(|micros| heard.add(Duration::from_micros(micros)));
    Ok(())
}
