use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::limits::NAME_BYTES_MAX;
use crate::names::NameError::{self, *};
use crate::names::normalize_unicode;
use crate::{ChannelName, UserName, Who};

/// What is typed, and what is stored.
const ACCEPTED: &[(&str, &str)] = &[
    ("ana", "ana"),
    ("Ana", "ana"),
    ("ANA", "ana"),
    ("@ana", "ana"),
    ("x", "x"),
    ("7", "7"),
    ("a.b", "a.b"),
    ("a_b-c.d", "a_b-c.d"),
    ("0x00ff", "0x00ff"),
    ("Ａｎａ", "ana"),
    ("Jürgen", "jürgen"),
    ("Ju\u{308}rgen", "jürgen"),
    ("жанна", "жанна"),
    ("ЖАННА", "жанна"),
    ("Ελένη", "ελένη"),
    ("דוד", "דוד"),
    ("محمد", "محمد"),
    ("दिव्या", "दिव्या"),
    ("தமிழ்", "தமிழ்"),
    ("สมชาย", "สมชาย"),
    ("日本語", "日本語"),
    ("山田たろう", "山田たろう"),
    ("김철수", "김철수"),
    ("naïve2", "naïve2"),
];

const REFUSED: &[(&str, NameError)] = &[
    ("", Empty),
    ("@", Empty),
    (" ", BadCharacter),
    ("a b", BadCharacter),
    ("ana ", BadCharacter),
    ("\tana", BadCharacter),
    ("ana\n", BadCharacter),
    ("ana\u{0}", BadCharacter),
    ("\u{1b}[2J", BadCharacter),
    ("/ana", BadCharacter),
    ("a/b", BadCharacter),
    ("#ana", BadCharacter),
    ("a#b", BadCharacter),
    ("@@ana", BadCharacter),
    ("a@b", BadCharacter),
    ("!ana", BadCharacter),
    ("~ana", BadCharacter),
    ("a:b", BadCharacter),
    ("a'b", BadCharacter),
    ("a\"b", BadCharacter),
    ("a\\b", BadCharacter),
    ("a*", BadCharacter),
    (".ana", BadCharacter),
    ("-rf", BadCharacter),
    ("_", BadCharacter),
    ("..", BadCharacter),
    ("ana👋", BadCharacter),
    ("👩\u{200d}💻", BadCharacter),
    ("ana\u{200b}", BadCharacter),
    ("a\u{200d}na", BadCharacter),
    ("क्\u{200d}ष", BadCharacter),
    ("ana\u{202e}", BadCharacter),
    ("a\u{ad}na", BadCharacter),
    ("ana\u{fe0f}", BadCharacter),
    ("a\u{a0}b", BadCharacter),
    ("a\u{3000}b", BadCharacter),
    ("\u{301}a", BadCharacter),
    ("q\u{301}\u{302}\u{303}", BadCharacter),
    ("ﬁona", BadCharacter),
    ("x²", BadCharacter),
    ("Ⅷ", BadCharacter),
    ("𝐚𝐧𝐚", BadCharacter),
    ("דוד1a", BadCharacter),
    ("anа", MixedScripts),
    ("αna", MixedScripts),
    ("жan", MixedScripts),
];

#[test]
fn accepted_names_are_stored_in_one_form() {
    for (typed, stored) in ACCEPTED {
        let name = UserName::new(typed).unwrap_or_else(|error| panic!("{typed:?}: {error}"));
        assert_eq!(name.as_str(), *stored, "{typed:?}");
        assert_eq!(UserName::new(stored), Ok(name), "{stored:?} is not stable");
    }
}

#[test]
fn refused_names_say_why() {
    for (typed, error) in REFUSED {
        assert_eq!(UserName::new(typed), Err(*error), "{typed:?}");
    }
}

#[test]
fn ascii_is_judged_as_the_rules_of_unicode_judge_it() {
    let ascii = || (0..128_u8).map(char::from);
    let between = |c: char| [String::from(c), alloc::format!("a{c}"), alloc::format!("a{c}{c}Z")];
    let pairs = ascii().flat_map(|a| ascii().map(move |b| String::from_iter([a, b])));
    for typed in ascii().flat_map(between).chain(pairs).filter(|typed| !typed.starts_with('@')) {
        let name = UserName::new(&typed).map(|name| name.as_str().to_string());
        assert_eq!(name, normalize_unicode(&typed), "{typed:?}");
    }
}

#[test]
fn names_end_at_64_bytes() {
    let cases: &[(String, Result<usize, NameError>)] = &[
        ("a".repeat(64), Ok(64)),
        ("a".repeat(65), Err(TooLong)),
        ("ж".repeat(32), Ok(64)),
        ("ж".repeat(32) + "1", Err(TooLong)),
        ("語".repeat(21), Ok(63)),
        ("語".repeat(22), Err(TooLong)),
        // Lower case of this letter has two more bytes.
        ("Ⱥ".repeat(32), Err(TooLong)),
    ];
    for (typed, expected) in cases {
        assert_eq!(UserName::new(typed).map(|name| name.as_str().len()), *expected, "{typed}");
    }
    assert_eq!(NAME_BYTES_MAX, 64);
}

#[test]
fn each_kind_of_name_drops_its_own_sigil() {
    assert_eq!(ChannelName::new("#General").unwrap().as_str(), "general");
    assert_eq!(ChannelName::new("general").unwrap().as_str(), "general");
    assert_eq!(ChannelName::new("@general"), Err(BadCharacter));
    assert_eq!(ChannelName::new("##general"), Err(BadCharacter));
    assert_eq!(UserName::new("#ana"), Err(BadCharacter));
}

#[test]
fn look_alikes_share_a_skeleton() {
    let alike = [("paypal", "раураӏ"), ("scope", "ѕсоре"), ("rn", "m"), ("l1", "ll"), ("o0", "oo")];
    for (one, other) in alike {
        let (one, other) = (UserName::new(one).unwrap(), UserName::new(other).unwrap());
        assert_ne!(one, other);
        assert_eq!(one.skeleton(), other.skeleton(), "{one} {other}");
    }
    for (one, other) in [("ana", "anna"), ("bob", "rob"), ("жанна", "ana")] {
        assert_ne!(UserName::new(one).unwrap().skeleton(), UserName::new(other).unwrap().skeleton());
    }
}

fn decoded(text: &str) -> Option<UserName> {
    postcard::from_bytes(&postcard::to_allocvec(text).unwrap()).ok()
}

#[test]
fn every_accepted_name_survives_the_wire() {
    for (typed, _) in ACCEPTED {
        let name = UserName::new(typed).unwrap();
        assert_eq!(decoded(name.as_str()), Some(name));
    }
}

#[test]
fn a_name_that_could_deceive_is_not_decoded() {
    let mut deceiving: Vec<String> =
        ["", " ", "a b", "/join", "#x", "~x", "@x", "a\nb", "a\u{200d}b", "x\u{202e}", "a\u{3000}b"]
            .iter()
            .map(ToString::to_string)
            .collect();
    deceiving.push("a".repeat(65));
    for text in deceiving {
        assert_eq!(decoded(&text), None, "{text:?}");
    }
}

#[test]
fn visitors_are_marked() {
    let who = |account| Who { account: crate::AccountId(account), name: UserName::new("ana").unwrap() };
    assert_eq!(who(0).to_string(), "~ana");
    assert_eq!(who(1).to_string(), "ana");
}
