//! Commits are told with what comes next, or soon, and to who waits for them at once.

use std::time::{Duration, Instant};

use segment_core::{Output, Recipients};
use segment_proto::messages::{Submit, Watermarks};
use segment_proto::{Fence, Frame, Identity, LinkId, Message, Signed};

use crate::driver::{channel, envelope};
use crate::probe::{Client, Probe, World};

const PATIENCE: Duration = Duration::from_millis(2);
/// On a busy machine even what goes at once may take longer than that, but not each time.
const ROUNDS: usize = 50;

fn commit(probe: &mut Probe, link: LinkId) {
    let watermarks = Watermarks { channel: channel(), fence: Fence::default(), stored: 1, receipt: None };
    probe.push(Output::Transmit { to: Recipients::Many([link].into()), frame: Frame::push(&watermarks) });
}

/// How long it takes until a watermark is heard.
async fn told(world: &World, client: &mut Client, say: impl FnOnce(&mut Probe) + Send + 'static) -> Duration {
    let begun = Instant::now();
    world.handle.call(move |probe, _| say(probe)).await.unwrap();
    let (_, message) = client.hear().await.unwrap();
    assert!(matches!(message, Message::Watermarks(_)), "{message:?}");
    begun.elapsed()
}

#[tokio::test]
async fn a_commit_is_told_after_a_moment_where_nothing_else_comes() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    let link = world.saw_link_up().await;
    for _ in 0..5 {
        assert!(told(&world, &mut client, move |probe| commit(probe, link)).await >= PATIENCE);
    }
}

#[tokio::test]
async fn a_commit_goes_with_the_next_message() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    let link = world.saw_link_up().await;
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        let both = move |probe: &mut Probe| {
            commit(probe, link);
            probe.transmit(link, super::big_frame(10));
        };
        least = least.min(told(&world, &mut client, both).await);
        assert!(matches!(client.hear().await.unwrap().1, Message::Submit(_)));
    }
    assert!(least < PATIENCE, "{least:?}");
}

#[tokio::test]
async fn an_author_is_told_at_once() {
    let mut world = World::new();
    let mut client = world.client(2).await;
    let link = world.saw_link_up().await;
    let signed = Signed::new(envelope(1, 2), &Identity::from_secret(&[5; 32]));
    client.ask(&Submit::new(channel(), Fence::default(), vec![signed])).await;
    world.saw_that(|seen| matches!(seen, crate::probe::Seen::Got(..)).then_some(())).await;
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        least = least.min(told(&world, &mut client, move |probe| commit(probe, link)).await);
    }
    assert!(least < PATIENCE, "{least:?}");
}
