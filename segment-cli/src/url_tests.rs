#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

#[test]
fn reads_hosts_ports_and_keys() {
    let cases = [
        ("segment://example.org", "example.org", DEFAULT_PORT, false),
        ("segment://Example.org:1", "example.org", 1, false),
        ("SEGMENT://127.0.0.1:65535/", "127.0.0.1", 65535, false),
        ("127.0.0.1:22236", "127.0.0.1", 22236, false),
        ("localhost", "localhost", DEFAULT_PORT, false),
        ("segment://[::1]", "::1", DEFAULT_PORT, false),
        ("segment://[FE80::1]:9", "fe80::1", 9, false),
    ];
    for (text, host, port, keyed) in cases {
        let url: TrackerUrl = text.parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.key.is_some()), (host, port, keyed), "{text}");
    }
    let url: TrackerUrl = format!("segment://h:5#{KEY}").parse().unwrap();
    assert_eq!(url.key.unwrap().0[..4], [0, 0x11, 0x22, 0x33]);
    assert_eq!(url.to_string(), format!("segment://h:5#{}", KEY.to_lowercase()));
}

#[test]
fn refuses_what_is_not_a_tracker() {
    let long = "h".repeat(URL_BYTES_MAX + 1);
    type Check = fn(&UrlError) -> bool;
    let cases: [(&str, Check); 17] = [
        (&long, |e| *e == UrlError::TooLong),
        ("http://h", |e| matches!(e, UrlError::Scheme(s) if s == "http")),
        ("", |e| *e == UrlError::NoHost),
        ("segment://", |e| *e == UrlError::NoHost),
        ("segment://:80", |e| *e == UrlError::NoHost),
        ("segment://h:", |e| matches!(e, UrlError::Port(_))),
        ("segment://h:0", |e| matches!(e, UrlError::Port(_))),
        ("segment://h:65536", |e| matches!(e, UrlError::Port(_))),
        ("segment://h:+1", |e| matches!(e, UrlError::Port(_))),
        ("segment://::1", |e| matches!(e, UrlError::Host(_))),
        ("segment://[::1", |e| matches!(e, UrlError::Host(_))),
        ("segment://[::1]x", |e| matches!(e, UrlError::Host(_))),
        ("segment://a b", |e| matches!(e, UrlError::Host(_))),
        ("segment://h\u{1b}[2J", |e| matches!(e, UrlError::Host(_))),
        ("segment://h#", |e| *e == UrlError::Key),
        ("segment://h#0011", |e| *e == UrlError::Key),
        ("segment://h#zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", |e| *e == UrlError::Key),
    ];
    for (text, is_expected) in cases {
        let error = text.parse::<TrackerUrl>().expect_err(text);
        assert!(is_expected(&error), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_reads_back(text in "\\PC{0,80}") {
        if let Ok(url) = text.parse::<TrackerUrl>() {
            prop_assert_eq!(url.to_string().parse::<TrackerUrl>(), Ok(url));
        }
    }
}
