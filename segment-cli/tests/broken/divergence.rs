//! The eighth way.
//!
//! Both sides wrote while apart: "sync" replaced one copy by the other. A retry after a lost acknowledgement
//! appeared twice (no message id).

use segment_core::peer::events::{PeerEvent, Serving, Stage};
use segment_net::Peer;
use segment_proto::messages::{FateCode, Presence};

use crate::harness::{
    Member, PASSWORD, Proxy, Shape, Town, create, endpoint, event, eventually, soon, texts, texts_once,
};

/// Host and member write while neither can reach the other, nor the host its tracker. Nothing replaces anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_08a_what_both_sides_wrote_while_apart_is_all_there() {
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let id = here.id();
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let there = soon(ada.join("#general")).await.unwrap();
    soon(soon(there.send("together")).await.unwrap().until(Stage::Committed)).await.unwrap();

    let mut events = ada.events();
    soon(ken.shutdown()).await.unwrap();
    event(&mut events, |event| matches!(event, PeerEvent::ServedFrom { serving: Serving::Copy, .. }).then_some(()))
        .await;
    // The host is back, and alone.
    let ken = Peer::start(town.config("ken")).await.unwrap();
    let here = ken.channel(id);
    let mut receipts = Vec::new();
    for n in 0..20 {
        receipts.push(soon(here.send(&format!("host {n}"))).await.unwrap());
        receipts.push(soon(there.send(&format!("member {n}"))).await.unwrap());
    }
    soon(ken.connect(endpoint(&tracker))).await.unwrap();
    soon(ken.login("ken", PASSWORD, Presence::Online)).await.unwrap();
    for receipt in &receipts {
        soon(receipt.until(Stage::Committed)).await.unwrap();
    }
    let all = texts_once(&here, 41).await;
    assert_eq!(all, texts_once(&there, 41).await, "one history");
    assert_eq!(all[0], "together");
    for side in ["host", "member"] {
        let of_side: Vec<&String> = all.iter().filter(|text| text.starts_with(side)).collect();
        let wanted: Vec<String> = (0..20).map(|n| format!("{side} {n}")).collect();
        assert_eq!(of_side, wanted.iter().collect::<Vec<_>>(), "each once, in its author's order");
    }
}

/// The tracker stands in for the host and commits what members write; the host comes back with what it wrote alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_08b_what_the_tracker_took_for_an_absent_host_is_merged_with_what_the_host_wrote() {
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let id = here.id();
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let there = soon(ada.join("#general")).await.unwrap();
    let mut events = ada.events();
    soon(ken.shutdown()).await.unwrap();
    event(&mut events, |event| matches!(event, PeerEvent::ServedFrom { serving: Serving::Copy, .. }).then_some(()))
        .await;
    let ken = Peer::start(town.config("ken")).await.unwrap();
    let alone = soon(ken.channel(id).send("alone")).await.unwrap();
    soon(soon(there.send("by the tracker")).await.unwrap().until(Stage::Committed)).await.unwrap();
    soon(ken.connect(endpoint(&tracker))).await.unwrap();
    soon(ken.login("ken", PASSWORD, Presence::Online)).await.unwrap();
    soon(alone.until(Stage::Committed)).await.unwrap();
    assert_eq!(texts_once(&ken.channel(id), 2).await, ["by the tracker", "alone"]);
    assert_eq!(texts_once(&there, 2).await, ["by the tracker", "alone"]);
}

/// By hand: the acknowledgement is not read, the same envelope comes again on a new link, and again, and in a batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_08c_the_same_message_brought_twice_stands_once() {
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    let mut ada = Member::join("ada", tracker.address().unwrap(), "#general").await;
    let first = ada.author.text("once");
    let submit = ada.submit(vec![first.clone()]);
    ada.host.ask(&submit).await;
    texts_once(&channel, 1).await;
    ada.come_again("ada").await;
    let second = ada.author.text("twice is too much");
    let batches = [vec![first.clone()], vec![first.clone(), first.clone(), second.clone(), first], vec![second]];
    for batch in batches {
        for fate in ada.bring(batch.clone()).await {
            assert!(matches!(fate.code, FateCode::Stored | FateCode::Committed), "{fate:?}");
            let place = batch.iter().find(|envelope| envelope.key == fate.key).unwrap().key.seq;
            assert_eq!(fate.pos, place, "the old place is answered");
        }
    }
    assert_eq!(texts_once(&channel, 2).await, ["once", "twice is too much"]);
}

/// A peer as it is, behind a network that swallows every acknowledgement and then breaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_08d_a_retry_after_a_lost_acknowledgement_is_not_doubled() {
    const ROUNDS: usize = 3;
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let front = Proxy::start(ken.address().unwrap(), Shape::Whole).await;
    let port = front.address.port();
    ken.call(move |machine, now| machine.listen(port, None, now)).await.unwrap();
    let here = create(&ken, "#general").await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let there = soon(ada.join("#general")).await.unwrap();
    let mut heard = here.events();
    let mut wanted = Vec::new();
    for round in 0..ROUNDS {
        // Goes through only once the last link is known to be cut.
        let before = format!("before round {round}");
        soon(soon(there.send(&before)).await.unwrap().until(Stage::Committed)).await.unwrap();
        soon(heard.next_message()).await.unwrap();
        wanted.push(before);
        eventually(|| async {
            let view = there.view().await.unwrap().unwrap();
            matches!(view.serving, Serving::Host(_)).then_some(())
        })
        .await;
        front.set(Shape::Mute);
        let said = format!("round {round}");
        let receipt = soon(there.send(&said)).await.unwrap();
        wanted.push(said);
        soon(heard.next_message()).await.unwrap();
        assert_eq!(receipt.stage(), Some(Stage::Queued), "the acknowledgement came through");
        front.set(Shape::Whole);
        front.cut();
        soon(receipt.until(Stage::Committed)).await.unwrap();
    }
    soon(soon(there.send("at last")).await.unwrap().until(Stage::Committed)).await.unwrap();
    wanted.push("at last".to_owned());
    assert_eq!(texts_once(&here, wanted.len()).await, wanted);
    assert_eq!(texts(&there).await, wanted);
}
