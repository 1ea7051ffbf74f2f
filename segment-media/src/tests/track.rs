use bytes::Bytes;

use crate::Format;

#[test]
fn a_format_survives_being_a_text() {
    let told = Format { config: Bytes::from_static(&[1, 0x64, 0, 0xff]), ..Format::video(1280, 720) };
    let cases = [
        (Format::video(1280, 720), "1280x720"),
        (Format::audio(48_000, 2), "48000/2"),
        (told, "1280x720 config=016400ff"),
    ];
    for (format, text) in cases {
        assert_eq!(format.to_string(), text);
        assert_eq!(text.parse(), Ok(format));
    }
}

#[test]
fn what_is_no_format_is_refused() {
    let long = format!("1x1 config={}", "00".repeat(257));
    for text in ["", "x", "1280", "0x720", "48000/0", "70000x1", "1x1 config=0", "1x1 config=zz", "1x1 a=1", &long] {
        assert!(text.parse::<Format>().is_err(), "{text}");
    }
}
