//! Telling somebody who does not look, in the way that their terminal understands.

use segment_proto::Untrusted;

use crate::config::Notify;
use crate::render::width;

/// Longer texts are cut.
const COLUMNS_MAX: usize = 120;

impl Notify {
    /// What `auto` means for the terminal that this environment describes.
    #[must_use]
    pub fn chosen(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        if self != Self::Auto {
            return self;
        }
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let (term, program) = (variable("TERM").unwrap_or_default(), variable("TERM_PROGRAM").unwrap_or_default());
        if is_set("TMUX") || is_set("STY") || term.starts_with("screen") || term.starts_with("tmux") {
            // Only the bell comes through.
            return Self::Bell;
        }
        if is_set("KITTY_WINDOW_ID") || term == "xterm-kitty" {
            return Self::Osc99;
        }
        if matches!(program.as_str(), "iTerm.app" | "WezTerm" | "ghostty") || term == "xterm-ghostty" {
            return Self::Osc9;
        }
        if term.starts_with("rxvt-unicode") || term.starts_with("foot") {
            return Self::Osc777;
        }
        Self::Bell
    }

    /// The bytes that tell the terminal. Title and text may come from anybody.
    #[must_use]
    pub fn sequence(self, title: &str, text: &str) -> String {
        let (title, text) = (harmless(title), harmless(text));
        match self {
            Self::Nothing => String::new(),
            Self::Bell | Self::Auto => "\x07".to_owned(),
            Self::Osc9 => format!("\x1b]9;{title}: {text}\x1b\\"),
            Self::Osc777 => format!("\x1b]777;notify;{};{text}\x1b\\", title.replace(';', ",")),
            Self::Osc99 => {
                format!("\x1b]99;i=segment:d=0:p=title;{title}\x1b\\\x1b]99;i=segment:d=1:p=body;{text}\x1b\\")
            }
        }
    }
}

/// Nothing that could end the sequence, or begin another; and not longer than a line.
fn harmless(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(4 * COLUMNS_MAX).collect();
    let mut cut = String::new();
    for character in Untrusted(&line).to_string().chars() {
        if width(&cut) >= COLUMNS_MAX {
            cut.push('\u{2026}');
            break;
        }
        cut.push(character);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(set: &[(&str, &str)]) -> Notify {
        let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Notify::Auto.chosen(variable)
    }

    #[test]
    fn the_way_is_chosen_by_the_terminal() {
        let cases: [(&[(&str, &str)], Notify); 8] = [
            (&[("TERM", "xterm-256color")], Notify::Bell),
            (&[("TERM", "xterm-kitty")], Notify::Osc99),
            (&[("TERM", "xterm-256color"), ("KITTY_WINDOW_ID", "1")], Notify::Osc99),
            (&[("TERM_PROGRAM", "WezTerm")], Notify::Osc9),
            (&[("TERM_PROGRAM", "iTerm.app"), ("TMUX", "/tmp/tmux,1,0")], Notify::Bell),
            (&[("TERM", "rxvt-unicode-256color")], Notify::Osc777),
            (&[("TERM", "foot")], Notify::Osc777),
            (&[], Notify::Bell),
        ];
        for (set, wanted) in cases {
            assert_eq!(auto(set), wanted, "{set:?}");
        }
        assert_eq!(Notify::Osc9.chosen(|_| Some("screen".into())), Notify::Osc9, "what is said counts");
    }

    #[test]
    fn nobody_elses_text_ends_the_sequence_or_goes_on_for_ever() {
        let evil = "hi\x07\x1b\\\x1b]0;owned\u{9c}\u{202e}\n;x";
        for by in [Notify::Osc9, Notify::Osc777, Notify::Osc99] {
            let told = by.sequence("#a; b", evil);
            let inside: String = told.replace("\x1b\\", "").replace("\x1b]", "");
            assert!(!inside.chars().any(char::is_control) && !inside.contains('\u{202e}'), "{told:?}");
            assert!(by.sequence("#a", &"word ".repeat(1_000)).len() < 500);
        }
        assert_eq!(Notify::Osc777.sequence("a;b", "c"), "\x1b]777;notify;a,b;c\x1b\\");
        assert_eq!(
            (Notify::Bell.sequence("a", "b"), Notify::Nothing.sequence("a", "b")),
            ("\x07".into(), String::new())
        );
    }
}
