use alloc::format;
use alloc::string::ToString;

use super::draw::Draw;
use super::samples::{PASSWORD, every_message};
use crate::messages::Secret;
use crate::{Identity, Message, Token};

#[test]
fn a_token_is_shown_nowhere() {
    let token = Token([0xab; 32]);
    assert_eq!(format!("{token:?}"), "Token(***)");
    assert_eq!(serde_json::to_string(&token).unwrap(), "\"***\"");
}

#[test]
fn a_password_is_shown_nowhere() {
    let secret = Secret(PASSWORD.to_string());
    assert_eq!(format!("{secret:?}"), "Secret(***)");
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
}

#[test]
fn no_message_shows_a_secret_to_a_log() {
    let token = Token([0xab; 32]);
    for mut message in every_message(&mut Draw::fixed()) {
        match &mut message {
            Message::ResumeSession(resume) => resume.token = token,
            Message::LoggedIn(login) => login.token = token,
            _ => {}
        }
        let debug = format!("{message:?}");
        let decimal = "171, 171";
        assert!(!debug.contains(PASSWORD) && !debug.contains("abab") && !debug.contains(decimal), "{debug}");
        assert!(!message.to_json().contains("abab"));
    }
}

#[test]
fn an_identity_shows_its_public_half_only() {
    let identity = Identity::from_secret(&[7; 32]);
    assert_eq!(format!("{identity:?}"), format!("Identity({:?})", identity.device()));
}

#[test]
fn a_token_is_kept_in_hexadecimal_and_known_by_its_hash() {
    let token = Token(core::array::from_fn(|index| u8::try_from(index).unwrap()));
    assert_eq!(token.expose_hex(), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    assert_eq!(Token::from_hex(&token.expose_hex()), Some(token));
    assert_eq!(Token::from_hex(&token.expose_hex().to_uppercase()), Some(token));
    assert_eq!(token.hash().0, *blake3::hash(&token.0).as_bytes());
    for wrong in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
        assert_eq!(Token::from_hex(wrong), None, "{wrong}");
    }
}
