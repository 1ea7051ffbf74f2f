//! Disks that change what is on them.

use std::path::Path;

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::support::{Program, Town, of_type, texts, until};

/// Changes a letter of a text in a store; in how many entries.
pub fn damage(store: &Path, text: &str) -> usize {
    let connection = Connection::open(store).unwrap();
    let entries: Vec<(Vec<u8>, i64, Vec<u8>)> = {
        let mut all = connection.prepare("SELECT log, pos, envelope FROM entries").unwrap();
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let place = |envelope: &[u8]| envelope.windows(text.len()).position(|part| part == text.as_bytes());
    let found = entries.into_iter().filter_map(|(log, pos, envelope)| Some((place(&envelope)?, log, pos, envelope)));
    let found: Vec<_> = found.collect();
    for (at, log, pos, envelope) in &found {
        let mut envelope = envelope.clone();
        envelope[*at] ^= 1;
        let update = "UPDATE entries SET envelope = ?1 WHERE log = ?2 AND pos = ?3";
        connection.execute(update, params![envelope, log, pos]).unwrap();
    }
    found.len()
}

/// What a host reads at its start is taken over from the tracker where it is damaged; what lies further back is not read.
const BEHIND: usize = 120;

/// ken hosts #general; the second of its messages is damaged on his disk.
fn damaged_town() -> (Town, Program) {
    let town = Town::new();
    let mut ken = town.program("ken");
    ken.done("/register ken");
    ken.done("/create #general");
    ken.done("/send #general one before");
    ken.done("/send #general find me here");
    (0..BEHIND).for_each(|number| drop(ken.done(&format!("/send #general behind {number}"))));
    ken.done("/send --wait committed #general the last");
    ken.quit();
    let ken = damaged_again(&town);
    (town, ken)
}

fn damaged_again(town: &Town) -> Program {
    assert!(damage(&town.profile_dir("ken").join("store.sqlite"), "find me here") > 0);
    let ken = town.program("ken");
    ken.hear("that it hosts", |value| value["event"] == "hosting");
    ken
}

fn found(program: &Program) -> Value {
    program.hear("what was found", |value| value["event"] == "damage_found")
}

#[test]
fn what_a_disk_has_damaged_is_named_and_healed_when_somebody_reads_it() {
    let (_town, mut ken) = damaged_town();
    let answer = ken.history("#general");
    assert_eq!(of_type(&answer, "message")[1]["kind"], "damaged");
    assert_eq!(found(&ken)["text"], "#general is damaged on this machine at !2: healed from another copy");
    assert_eq!(texts(&ken.history("#general"))[1], "find me here");
}

#[test]
fn who_joins_where_the_hosts_disk_is_damaged_reads_everything() {
    let (town, ken) = damaged_town();
    let mut gus = town.program("gus");
    gus.done("/register gus");
    gus.done("/join #general");
    until("everything", || texts(&gus.history("#general")).len() == BEHIND + 3);
    assert_eq!(found(&ken)["text"], "#general is damaged on this machine at !2: healed from another copy");
}

#[test]
fn what_was_searched_while_it_was_damaged_is_found_once_it_is_healed() {
    let (_town, mut ken) = damaged_town();
    assert_eq!(of_type(&ken.done("/search find"), "hit").len(), 0);
    found(&ken);
    assert_eq!(of_type(&ken.done("/search find"), "hit").len(), 1);
}
