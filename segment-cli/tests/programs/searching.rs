//! Messages are found again.

use serde_json::Value;

use crate::support::pty::Pty;
use crate::support::{Program, Town, of_type, texts};

fn ken_in(town: &Town, channels: &[&str]) -> Program {
    let mut ken = town.program("ken");
    ken.done("/register ken");
    channels.iter().for_each(|channel| drop(ken.done(&format!("/create {channel}"))));
    ken
}

fn say(program: &mut Program, channel: &str, texts: &[&str]) {
    texts.iter().for_each(|text| drop(program.done(&format!("/send {channel} --wait committed -- {text}"))));
}

/// Channel, place and text of each hit; and how many there are.
fn search(program: &mut Program, line: &str) -> (Vec<(String, u64, String)>, u64) {
    let answer = program.done(line);
    let word = |hit: &Value, name: &str| hit[name].as_str().unwrap().to_owned();
    let hit = |hit: &&Value| (word(hit, "channel"), hit["pos"].as_u64().unwrap(), word(hit, "text"));
    let hits = of_type(&answer, "hit").iter().map(hit).collect();
    (hits, of_type(&answer, "found")[0]["hits"].as_u64().unwrap())
}

fn found(program: &mut Program, line: &str) -> Vec<String> {
    search(program, line).0.into_iter().map(|(_, _, text)| text).collect()
}

#[test]
fn messages_are_found_by_their_words_in_all_channels_or_one() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general", "#ops"]);
    say(
        &mut ken,
        "#general",
        &["deploy at 3?", "部署到生产环境", "un café, s'il vous plaît", "\"dry run\" OR not", "is it C++, or C?"],
    );
    say(&mut ken, "#ops", &["Deployed!", "the run was dry"]);
    let (hits, count) = search(&mut ken, "/search deploy");
    let wanted = [("#general", 1, "deploy at 3?"), ("#ops", 1, "Deployed!")];
    assert_eq!(hits, wanted.map(|(channel, pos, text)| (channel.to_owned(), pos, text.to_owned())));
    assert_eq!(count, 2);
    assert_eq!(found(&mut ken, "/search --in #ops deploy"), ["Deployed!"]);
    assert_eq!(search(&mut ken, "/search --last 1 deploy"), (vec![("#ops".into(), 1, "Deployed!".into())], 2));
    assert_eq!(found(&mut ken, "/search 生产"), ["部署到生产环境"]);
    assert_eq!(found(&mut ken, "/search CAFE"), ["un café, s'il vous plaît"]);
    assert_eq!(found(&mut ken, "/search dry run").len(), 2);
    assert_eq!(found(&mut ken, "/search \"dry run\""), ["\"dry run\" OR not"]);
    assert_eq!(found(&mut ken, "/search \"dry run"), ["\"dry run\" OR not"], "a quote may be left open");
    assert_eq!(found(&mut ken, "/search C++"), ["is it C++, or C?"], "a sign ends the word");
    assert_eq!(found(&mut ken, "/search -- OR NOT"), ["\"dry run\" OR not"]);
    for faulty in ["/search AND (", "/search \"never closed", "/search NEAR(x y", "/search a* -b ^c {d}: e"] {
        assert_eq!(found(&mut ken, faulty), Vec::<String>::new(), "{faulty}");
    }
    assert_eq!(ken.refused("/search ***")["reason"], "nothing_to_find");
    assert_eq!(ken.refused("/search --watt deploy")["reason"], "unknown_option");
    assert_eq!(ken.refused("/search --in #nowhere deploy")["reason"], "not_joined");
    say(&mut ken, "#ops", &["deployed again"]);
    assert_eq!(search(&mut ken, "/search deploy").1, 3, "what is written is found at once");
    assert_eq!(ken.quit(), 0);
    let mut ken = town.program("ken");
    assert_eq!(search(&mut ken, "/search deploy").1, 3, "and after a restart");
}

#[test]
fn what_stands_around_a_message_is_shown() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"]);
    let numbered: Vec<String> = (1..=30).map(|number| format!("message {number}")).collect();
    say(&mut ken, "#general", &numbered.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(texts(&ken.done("/history #general --around !15 --last 4")), numbered[12..16]);
    assert_eq!(texts(&ken.done("/history #general --around !1 --last 4")), numbered[..2]);
    assert_eq!(texts(&ken.done("/history #general --around !last --last 1")), numbered[29..]);
    assert_eq!(ken.refused("/history #general --around !99")["reason"], "no_such_message");
}

#[test]
fn it_is_found_without_a_connection_and_not_where_one_may_not_read_any_more() {
    let mut town = Town::new();
    let mut ken = ken_in(&town, &["#general", "#ops --view members"]);
    let mut ben = town.program("ben");
    ben.done("/register ben");
    ken.done("/allow @ben --to #ops");
    ben.done("/join #general");
    ben.done("/join #ops");
    say(&mut ken, "#general", &["an open word"]);
    say(&mut ken, "#ops", &["a secret word"]);
    ben.hear_text("an open word");
    ben.hear_text("a secret word");
    assert_eq!(found(&mut ben, "/search word"), ["an open word", "a secret word"]);
    ken.done("/kick @ben --from #ops");
    ben.hear("the end of it", |value| value["event"] == "removed");
    assert_eq!(found(&mut ben, "/search word"), ["an open word"]);
    ben.refused("/search --in #ops word");
    assert_eq!(ken.quit(), 0);
    town.kill_tracker();
    assert_eq!(found(&mut ben, "/search word"), ["an open word"]);
    assert_eq!(ben.quit(), 0);
    let mut ben = town.program("ben");
    assert_eq!(ben.answer().last().unwrap()["reason"], "unreachable");
    assert_eq!(found(&mut ben, "/search word"), ["an open word"], "with nobody there at all");
}

#[test]
fn a_lost_or_damaged_index_is_made_again() {
    let town = Town::new();
    let mut ken = ken_in(&town, &["#general"]);
    say(&mut ken, "#general", &["a word"]);
    assert_eq!(found(&mut ken, "/search word"), ["a word"]);
    assert_eq!(ken.quit(), 0);
    let index = town.profile_dir("ken").join("search.sqlite");
    for damage in [None, Some(vec![7; 9_000])] {
        match damage {
            Some(bytes) => std::fs::write(&index, bytes).unwrap(),
            None => std::fs::remove_file(&index).unwrap(),
        }
        let mut ken = town.program("ken");
        assert_eq!(found(&mut ken, "/search word"), ["a word"]);
        assert_eq!(ken.quit(), 0);
    }
}

fn hits_on_a_screen(columns: u16) -> (Town, Pty) {
    let town = Town::new();
    let mut ken = town.person("ken", columns);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for("#general is made");
    ken.wait_for_last("#general ❯");
    for text in ["生产环境 is down", "a \u{202e}\u{9b}2J word", "nothing else"] {
        ken.type_line(text);
        ken.wait("the text", |rows| rows.iter().any(|row| row.contains("ken       ")));
    }
    ken.wait("all of them", |rows| rows.iter().any(|row| row.ends_with("ken       nothing else")));
    (town, ken)
}

#[test]
fn hits_are_shown_with_place_time_author_and_what_was_looked_for() {
    let (_town, mut ken) = hits_on_a_screen(100);
    ken.type_line("/search 产环");
    let rows = ken.wait_for("shows what stands around it");
    let hit = rows.iter().find(|row| row.starts_with("#general !1  ")).unwrap();
    assert!(hit.ends_with("  ken       生产环境 is down"), "{rows:#?}");
    ken.type_line("/history --around !2");
    ken.wait_for("── !2 ──");
    ken.type_line("/search not there");
    ken.wait_for("nothing found here");
}

#[test]
fn hits_fit_a_narrow_screen_and_hide_nothing() {
    let (_town, mut ken) = hits_on_a_screen(40);
    ken.type_line("/search word");
    let rows = ken.wait_for("#general --around !2");
    let at = rows.iter().position(|row| row.starts_with("#general !2  ")).unwrap();
    assert!(rows[at..].concat().contains("\\u{202e}"), "{rows:#?}");
    assert!(rows.iter().any(|row| row.contains("生产环境")), "the screen was not cleared: {rows:#?}");
}
