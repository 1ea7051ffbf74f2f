#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use uuid::Uuid;

use super::*;

const GENERAL: ChannelId = ChannelId(Uuid::from_bytes([1; 16]));
const OPS: ChannelId = ChannelId(Uuid::from_bytes([2; 16]));

fn held(first: u64, last: u64) -> Held {
    Held { first, last, settled: last, generation: 0 }
}

fn put(index: &mut SearchIndex, channel: ChannelId, texts: &[&str]) {
    let numbered: Vec<(u64, String)> = (1..).zip(texts.iter().map(ToString::to_string)).collect();
    let last = texts.len() as u64;
    index.add(channel, held(1, last), &(1..=last), &numbered).unwrap();
}

fn with(texts: &[&str]) -> SearchIndex {
    let mut index = SearchIndex::in_memory().unwrap();
    put(&mut index, GENERAL, texts);
    index
}

fn find(index: &SearchIndex, typed: &str) -> Vec<u64> {
    SearchQuery::new(typed).map_or_else(Vec::new, |query| index.find(GENERAL, &query, 100).unwrap())
}

fn marked(index: &SearchIndex, typed: &str, text: &str) -> String {
    let marks = index.marks(&SearchQuery::new(typed).unwrap(), text).unwrap();
    let mut marked = text.to_owned();
    for range in marks.iter().rev() {
        marked.insert(range.end, ']');
        marked.insert(range.start, '[');
    }
    marked
}

#[test]
fn words_are_found_by_their_beginning_whatever_their_case_and_accents() {
    let index = with(&["Deploy at 3?", "it was deployed", "a redeploy", "un café", "un cafe\u{301}", "ΑΒΓ"]);
    assert_eq!(find(&index, "deploy"), [2, 1]);
    assert_eq!(find(&index, "DEPLOY at"), [1]);
    assert_eq!(find(&index, "cafe"), [5, 4]);
    assert_eq!(find(&index, "Café"), [5, 4]);
    assert_eq!(find(&index, "αβ"), [6]);
    assert_eq!(find(&index, "nothing"), [0_u64; 0]);
}

#[test]
fn quoted_words_stand_side_by_side_and_are_whole() {
    let index = with(&["ship it now", "it did not ship", "ship items"]);
    assert_eq!(find(&index, "ship it"), [3, 2, 1]);
    assert_eq!(find(&index, "\"ship it\""), [1]);
    assert_eq!(find(&index, "\"ship it"), [1], "a quote that is not closed goes to the end");
    assert_eq!(find(&index, "now \"ship it\""), [1]);
}

#[test]
fn any_part_of_a_script_without_spaces_is_found() {
    let index = with(&["部署到生产环境", "東京都に行く", "한국어를 공부", "ไทยภาษา", "done 🚀🚀", "mix世界mix"]);
    for (typed, wanted) in
        [("生产", 1), ("产", 1), ("京都", 2), ("に", 2), ("국어", 3), ("ภาษา", 4), ("🚀", 5), ("世界", 6), ("mix世", 6)]
    {
        assert_eq!(find(&index, typed), [wanted], "{typed}");
    }
    assert_eq!(find(&index, "界世"), [0_u64; 0]);
}

#[test]
fn no_text_is_a_faulty_query() {
    let index = with(&["to be OR not to be", "a AND b", "x* (y) - z:q ^w NEAR(a b)", "a\0b {col} : c"]);
    assert_eq!(find(&index, "OR"), [1]);
    assert_eq!(find(&index, "NEAR(a b)"), [3]);
    assert_eq!(find(&index, "(y) - z:q"), [3]);
    for typed in
        ["AND", "\"", "\"\"\"", "a\" OR \"b", "text:", "*", "^", "-x", "{", "NOT NOT", "'; DROP", "\0", "\u{1}"]
    {
        let _ = find(&index, typed);
    }
    for nothing in ["", "  ", "\"\"", "*", ":-)", "\u{1}\u{2}"] {
        assert_eq!(SearchQuery::new(nothing), None, "{nothing:?}");
    }
}

#[test]
fn what_matches_is_marked_in_the_text_as_it_was_written() {
    let index = with(&[]);
    assert_eq!(marked(&index, "deploy", "We Deployed, deploy!"), "We [Deployed], [deploy]!");
    assert_eq!(marked(&index, "\"ship it\" now", "ship  it, now"), "[ship  it], [now]");
    assert_eq!(marked(&index, "生产", "到生产环境"), "到[生产]环境");
    assert_eq!(marked(&index, "b", "a\u{2}\u{1}b\u{3}\0c"), "a\u{2}\u{1}[b]\u{3}\0c");
    assert_eq!(marked(&index, "missing", "some text"), "some text");
}

#[test]
fn a_channel_has_only_its_own_hits_newest_first_and_counted() {
    let mut index = with(&["a word", "the word", "word"]);
    put(&mut index, OPS, &["word of ops"]);
    let query = SearchQuery::new("word").unwrap();
    assert_eq!(index.find(GENERAL, &query, 2).unwrap(), [3, 2]);
    assert_eq!(index.find(OPS, &query, 9).unwrap(), [1]);
    assert_eq!((index.count(GENERAL, &query, 100).unwrap(), index.count(GENERAL, &query, 2).unwrap()), (3, 2));
    index.keep_only(&[OPS]).unwrap();
    assert_eq!((index.find(GENERAL, &query, 9).unwrap().len(), index.find(OPS, &query, 9).unwrap().len()), (0, 1));
    assert_eq!(index.known(GENERAL).unwrap(), None);
}

fn missing(index: &mut SearchIndex, held: Held) -> Vec<RangeInclusive<u64>> {
    index.missing(GENERAL, held).unwrap().pages(100).collect()
}

#[test]
fn what_is_missing_is_what_was_added_to_the_log() {
    let mut index = SearchIndex::in_memory().unwrap();
    assert_eq!(missing(&mut index, held(1, 3)), [1..=3]);
    put(&mut index, GENERAL, &["one", "two", "three"]);
    assert_eq!(missing(&mut index, held(1, 3)), []);
    assert_eq!(missing(&mut index, held(1, 5)), [4..=5]);
    assert_eq!(missing(&mut index, held(1, 0)), [], "an empty log");
    assert_eq!(find(&index, "one"), [0_u64; 0]);
}

#[test]
fn older_messages_that_come_later_are_added_below() {
    let mut index = SearchIndex::in_memory().unwrap();
    index.add(GENERAL, held(7, 7), &(7..=7), &[(7, "seven".into())]).unwrap();
    let missing = index.missing(GENERAL, held(1, 10)).unwrap();
    assert_eq!(missing.places(), 9);
    let pages: Vec<_> = missing.pages(2).collect();
    assert_eq!(pages, [8..=9, 10..=10, 5..=6, 3..=4, 1..=2]);
    for page in pages {
        index.add(GENERAL, held(1, 10), &page, &[(*page.start(), "seven too".into())]).unwrap();
        let known = index.known(GENERAL).unwrap().unwrap();
        assert!(known.first <= *page.start() && *page.end() <= known.last && known.settled == known.last);
    }
    assert_eq!(find(&index, "seven"), [10, 8, 7, 5, 3, 1]);
}

#[test]
fn what_the_log_has_cut_or_trimmed_is_found_no_more() {
    let mut index = SearchIndex::in_memory().unwrap();
    let provisional = Held { settled: 2, ..held(1, 4) };
    let texts: Vec<(u64, String)> = (1..=4).map(|pos| (pos, format!("word {pos}"))).collect();
    index.add(GENERAL, provisional, &(1..=4), &texts).unwrap();
    assert_eq!(find(&index, "word"), [4, 3, 2, 1]);
    assert_eq!(missing(&mut index, provisional), [3..=4]);
    assert_eq!(find(&index, "word"), [2, 1], "what was provisional may have been replaced");
    assert_eq!(missing(&mut index, held(2, 2)), []);
    assert_eq!(find(&index, "word"), [2]);
    index.add(GENERAL, held(2, 2), &(2..=2), &[(2, "other".into())]).unwrap();
    assert_eq!((find(&index, "word").len(), find(&index, "other").len()), (0, 1));
}

#[test]
fn another_generation_is_indexed_from_the_beginning() {
    let mut index = with(&["old word"]);
    assert_eq!(missing(&mut index, Held { generation: 1, ..held(1, 1) }), [1..=1]);
    assert_eq!(find(&index, "word"), [0_u64; 0]);
}

#[test]
fn the_file_is_private_stays_and_is_made_again_where_it_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("search.sqlite");
    put(&mut SearchIndex::open(&path).unwrap(), GENERAL, &["kept"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(find(&SearchIndex::open(&path).unwrap(), "kept"), [1]);
    for damage in [&b"this is no database at all, but long enough to be read as one"[..], &[0; 4096]] {
        fs::write(&path, damage).unwrap();
        let mut index = SearchIndex::open(&path).unwrap();
        assert_eq!(missing(&mut index, held(1, 1)), [1..=1]);
    }
}
