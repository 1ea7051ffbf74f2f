//! Who may watch and who may stream.

use super::{CARD, at, event, frames, town_of, viewers, watch};
use crate::support::{of_type, until};

#[test]
fn visitors_watch_where_the_channel_lets_them() {
    let (town, mut ken, []) = town_of([]);
    ken.done(CARD);
    let mut vera = town.program("vera");
    vera.done("/guest vera");
    vera.done("/join #general");
    watch(&mut vera, &at(&town, "vera.mkv"));
    frames(&mut vera, 5);
    assert_eq!(viewers(&mut ken), ["~vera"]);
    let refused = vera.refused("/stream start #general");
    assert_eq!((&refused["reason"], &refused["exit"]), (&"may_not_stream".into(), &4.into()), "{refused}");
    assert!(refused["text"].as_str().unwrap().contains("visitors may not stream"), "{refused}");
    ken.done("/view #general --visitors none");
    event(&vera, "stream_lost");
    until("nobody watches", || viewers(&mut ken).is_empty());
    let refused = vera.refused("/stream watch #general --out again.mkv");
    assert_ne!(refused["exit"], 0, "{refused}");
    ken.done("/view #general --visitors read");
    let mut eve = town.program("eve");
    eve.done("/guest eve");
    eve.done("/join #general");
    watch(&mut eve, &at(&town, "eve.mkv"));
    frames(&mut eve, 5);
}

#[test]
fn who_may_not_stream_is_told_so_and_who_may_no_more_is_ended() {
    let (_town, mut ken, [mut ben]) = town_of(["ben"]);
    ken.done("/allow @ben --to #general --can read,send");
    until("ben may not stream", || ben.ask(CARD).last().unwrap()["reason"] == "may_not_stream");
    ken.done("/allow @ben --to #general --can read,send,stream");
    until("ben may stream", || ben.ask(CARD).last().unwrap()["type"] == "done");
    event(&ken, "stream_started");
    ken.done("/allow @ben --to #general --can read,send");
    event(&ben, "stream_stopped");
    assert!(of_type(&ken.done("/stream list #general"), "stream").is_empty());
}
