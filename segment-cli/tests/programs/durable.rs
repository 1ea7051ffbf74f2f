//! kill -9 of everybody in turn: what was acknowledged is there, everywhere, once.

use std::collections::BTreeSet;

use crate::support::{Program, Town, of_type, until};

type Said = BTreeSet<(String, String)>;

fn said(key: &serde_json::Value, text: &str) -> (String, String) {
    (key.to_string(), text.to_owned())
}

/// Sends texts one by one and remembers each that is committed.
fn send_all(program: &mut Program, texts: impl Iterator<Item = String>, acknowledged: &mut Said) {
    for text in texts {
        let answer = program.done(&format!("/send --wait committed #general {text}"));
        acknowledged.insert(said(&of_type(&answer, "sent")[0]["key"], &text));
    }
}

fn history(program: &mut Program) -> Vec<(String, String)> {
    let messages = program.history("#general");
    let texts = of_type(&messages, "message").into_iter().filter(|message| message["kind"] == "text");
    texts.map(|message| said(&message["key"], message["text"].as_str().unwrap())).collect()
}

#[test]
fn what_was_committed_survives_kill_9_of_tracker_host_and_member() {
    let mut town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    let mut ben = town.program("ben");
    ben.done("/register ben");
    ben.done("/join #general");
    let mut cleo = town.program("cleo");
    cleo.done("/register cleo");
    cleo.done("/join #general");
    let mut acknowledged = Said::new();
    let texts = |name: &'static str, part: u32| (0..8).map(move |n| format!("{name} {part}.{n}"));
    send_all(&mut ken, texts("ken", 0), &mut acknowledged);

    // The tracker, while a message is under way: it is committed after the restart.
    ben.say("/send --wait committed #general ben and the tracker");
    town.kill_tracker();
    town.start_tracker();
    let answer = ben.answer();
    let sent = of_type(&answer, "sent");
    assert_eq!(sent.len(), 1, "{answer:#?}");
    acknowledged.insert(said(&sent[0]["key"], "ben and the tracker"));
    send_all(&mut ben, texts("ben", 1), &mut acknowledged);

    // The host, likewise.
    ben.say("/send --wait committed #general ben and the host");
    ken.kill();
    let mut ken = town.program("ken");
    let answer = ben.answer();
    let sent = of_type(&answer, "sent");
    assert_eq!(sent.len(), 1, "{answer:#?}");
    acknowledged.insert(said(&sent[0]["key"], "ben and the host"));
    send_all(&mut ben, texts("ben", 2), &mut acknowledged);

    // The member that writes: what it was about to send is either lost before it was on disk, or goes out.
    ben.say("/send --wait committed #general ben himself");
    ben.kill();
    let mut ben = town.program("ben");
    until("ben's outbox is empty", || of_type(&ben.done("/outbox"), "waiting").is_empty());
    send_all(&mut ben, texts("ben", 3), &mut acknowledged);
    send_all(&mut cleo, texts("cleo", 3), &mut acknowledged);

    let reference = history(&mut ken);
    let in_doubt = reference.iter().filter(|(_, text)| text == "ben himself").cloned();
    let mut expected = acknowledged.clone();
    expected.extend(in_doubt);
    for program in [&mut ken, &mut ben, &mut cleo] {
        let last = reference.last().unwrap().1.clone();
        program.hear_text(&last);
        let history = history(program);
        assert_eq!(history, reference, "the same order everywhere");
        let unique: Said = history.iter().cloned().collect();
        assert_eq!(unique.len(), history.len(), "each once");
        assert_eq!(unique, expected);
    }
}
