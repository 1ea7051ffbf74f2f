use alloc::string::ToString;

use crate::Untrusted;
use crate::untrusted::is_deceptive;

/// What came, and what is shown.
const CASES: &[(&str, &str)] = &[
    ("", ""),
    ("hello", "hello"),
    ("Grüße, мир, 日本語", "Grüße, мир, 日本語"),
    ("שלום عليكم", "שלום عليكم"),
    ("a\nb", "a\\u{a}b"),
    ("a\r\nb\tc", "a\\u{d}\\u{a}b\\u{9}c"),
    ("\u{1b}[2J\u{1b}[H", "\\u{1b}[2J\\u{1b}[H"),
    ("\u{9b}2J", "\\u{9b}2J"),
    ("\u{0}\u{7f}", "\\u{0}\\u{7f}"),
    ("abc\u{202e}cba", "abc\\u{202e}cba"),
    ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
    ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
    ("x\u{2028}y\u{2029}z", "x\\u{2028}y\\u{2029}z"),
    ("soft\u{ad}hyphen", "soft\\u{ad}hyphen"),
    ("filler\u{3164}", "filler\\u{3164}"),
    // Joiners and selectors belong to emoji, and to nothing else.
    ("👩\u{200d}💻", "👩\u{200d}💻"),
    ("🏳\u{fe0f}\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
    ("👩🏽\u{200d}🚀", "👩🏽\u{200d}🚀"),
    ("❤\u{fe0f}", "❤\u{fe0f}"),
    ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
    ("ad\u{200d}min", "ad\\u{200d}min"),
    ("\u{200d}💻", "\\u{200d}💻"),
    ("👩\u{200d}", "👩\\u{200d}"),
    ("👩\u{200d}x", "👩\\u{200d}x"),
    ("x\u{200d}💻", "x\\u{200d}💻"),
    ("👩\u{200d}\u{200d}💻", "👩\\u{200d}\\u{200d}💻"),
    ("admin\u{fe0f}", "admin\\u{fe0f}"),
    ("a\u{fe00}", "a\\u{fe00}"),
    ("❤\u{fe0f}\u{fe0f}", "❤\u{fe0f}\\u{fe0f}"),
    ("a\u{e0100}", "a\\u{e0100}"),
    // Tags spell invisible text.
    ("🏴\u{e0067}\u{e007f}", "🏴\\u{e0067}\\u{e007f}"),
];

#[test]
fn remote_text_is_shown_on_one_line_and_as_it_reads() {
    for (came, shown) in CASES {
        assert_eq!(Untrusted(came).to_string(), *shown, "{came:?}");
    }
}

#[test]
fn no_ascii_but_printable_is_left() {
    for code in 0..=0x9f_u8 {
        let character = char::from(code);
        assert_eq!(is_deceptive(character), !(' '..='~').contains(&character), "{code:x}");
    }
}

#[test]
fn whatever_comes_no_control_character_is_shown() {
    let all: alloc::string::String = ('\0'..=char::MAX).collect();
    assert!(!Untrusted(&all).to_string().chars().any(char::is_control));
}
