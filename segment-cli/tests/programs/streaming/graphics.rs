//! Pictures in pixels, in terminals that say that they can show them.

use std::collections::BTreeSet;

use super::{CARD, town_of};
use crate::support::Town;
use crate::support::pty::Pty;

/// The last of the questions: what every terminal answers.
const QUESTION: &str = "\x1b[c";
/// Characters of ten by twenty pixels.
const CELL: &str = "\x1b[6;20;10t";
const KITTY: &str = "\x1b_Gi=31;OK\x1b\\";
const ROUNDS: usize = 10;

/// A terminal that answers so watches until that is written to it. One that has answered too late, on a busy machine,
/// is shown characters: then once more.
fn watched(town: &Town, answer: &str, sign: &str) -> Pty {
    let mut ben = town.member("ben", 80);
    ben.answers(QUESTION, answer);
    for _ in 0..ROUNDS {
        ben.type_line("/stream watch");
        ben.wait("a picture", |rows| {
            rows.iter().any(|row| row.starts_with("ken: card  320x180")) && (ben.raw().contains(sign) || rows.len() > 2)
        });
        ben.press("q");
        ben.wait_for_last("#general ❯");
        if ben.raw().contains(sign) {
            return ben;
        }
    }
    panic!("only characters");
}

fn number(head: &str, name: &str) -> usize {
    let value = head.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap();
    value.parse().unwrap()
}

fn from_base64(text: &str) -> Vec<u8> {
    let sextet = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let groups = text.trim_end_matches('=').as_bytes().chunks(4);
    let bytes = groups.flat_map(|group| {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(sextet(*byte))) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    });
    bytes.collect()
}

#[test]
fn a_terminal_that_knows_kitty_is_sent_the_pixels() {
    let (town, mut ken, []) = town_of([]);
    ken.done(CARD);
    let ben = watched(&town, &format!("{KITTY}{CELL}\x1b[?62;22c"), "\x1b_Ga=T");
    let raw = ben.raw();
    let (_, picture) = raw.split_once("\x1b_Ga=T,").unwrap();
    let (head, _) = picture.split_once(';').unwrap();
    assert_eq!((number(head, "s"), number(head, "v")), (320, 180), "{head}");
    // In a window of 80 columns and 24 rows, one of them for its title.
    assert!(number(head, "c") <= 80 && number(head, "r") == 23, "{head}");
    let mut pixels = Vec::new();
    for part in picture.split("\x1b_G") {
        let (head, rest) = part.split_once(';').unwrap();
        pixels.extend(from_base64(rest.split_once('\x1b').unwrap().0));
        if head.ends_with("m=0") {
            break;
        }
    }
    assert_eq!(pixels.len(), 320 * 180 * 3);
    let colours: BTreeSet<&[u8]> = pixels.chunks(3).collect();
    assert!(colours.len() > 20, "{}", colours.len());
    assert!(ben.raw().contains("\x1b_Ga=d,d=A"), "its pictures are let go");
}

/// The width and height of a picture by what is drawn of it, and how many colours it has.
fn drawn(sixels: &str) -> (usize, usize, usize) {
    let (mut widest, mut bands, mut x, mut count, mut colours) = (0, 0, 0, String::new(), BTreeSet::new());
    let mut rest = sixels.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '#' => {
                let mut colour = String::new();
                while let Some(digit) = rest.next_if(|next| next.is_ascii_digit() || *next == ';') {
                    colour.push(digit);
                }
                colours.insert(colour.split(';').next().unwrap().to_owned());
            }
            '!' => {
                while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                    count.push(digit);
                }
            }
            '$' => x = 0,
            '-' => (x, bands) = (0, bands + 1),
            '?'..='~' => {
                x += count.parse().unwrap_or(1);
                count.clear();
                widest = widest.max(x);
            }
            other => panic!("{other:?}"),
        }
    }
    (widest, bands * 6, colours.len())
}

#[test]
fn a_terminal_that_knows_sixel_is_sent_bands_of_colours() {
    let (town, mut ken, []) = town_of([]);
    ken.done(CARD);
    let ben = watched(&town, &format!("{CELL}\x1b[?62;4;22c"), "\x1bP0;1;0q");
    let raw = ben.raw();
    let (_, picture) = raw.split_once("\x1bP0;1;0q\"1;1;").unwrap();
    let (picture, _) = picture.split_once('\x1b').unwrap();
    let (size, sixels) = picture.split_at(picture.find('#').unwrap());
    let (width, height) = size.split_once(';').unwrap();
    let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
    // As large as the window allows, in its shape.
    assert!((700..=800).contains(&width) && height.abs_diff(width * 180 / 320) <= 1, "{size}");
    let (widest, high, colours) = drawn(sixels);
    assert_eq!((widest, high), (width, height.next_multiple_of(6)));
    assert!(colours > 10, "{colours}");
}
