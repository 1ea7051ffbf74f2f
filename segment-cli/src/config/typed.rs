//! Settings as the types that the program works with.

use std::env;
use std::time::Duration;

use super::{Key, Layers, Source};
use crate::commands::Wait;
use crate::named::named_enum;
use crate::render::{Look, Theme, TimeFormat};
use crate::url::TrackerUrl;

named_enum! {
    /// How a mention is announced.
    Notify {
        /// As the terminal can.
        Auto = "auto",
        /// BEL.
        Bell = "bell",
        /// OSC 9
        Osc9 = "osc9",
        /// OSC 777
        Osc777 = "osc777",
        /// OSC 99
        Osc99 = "osc99",
        /// Not at all.
        Nothing = "none",
    }
}

named_enum! {
    /// What is announced.
    NotifyWhen {
        /// Messages with one's name.
        Mentions = "mentions",
        /// Every message.
        All = "all",
    }
}

/// What is announced, how, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotifyPlan {
    /// How.
    pub by: Notify,
    /// What.
    pub when: NotifyWhen,
    /// Who has pressed no key for so long does not look, where the terminal does not say so itself.
    pub away: Duration,
}

impl Default for NotifyPlan {
    fn default() -> Self {
        Self { by: Notify::Auto, when: NotifyWhen::Mentions, away: Duration::from_secs(60) }
    }
}

/// What is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The tracker to connect to.
    pub tracker: Option<TrackerUrl>,
    /// The address at which other peers reach this one, if it is not the one seen by the tracker.
    pub advertise: Option<String>,
    /// The address on which this peer listens.
    pub bind: Option<String>,
    /// What prints the password, and whether flags or the environment say so.
    pub password_cmd: Option<(String, Source)>,
    /// How far a message must have come before a send counts as done.
    pub wait: Option<Wait>,
    /// How long a script waits for an answer.
    pub timeout: Duration,
    /// How messages look.
    pub look: Look,
    /// What is announced.
    pub notify: NotifyPlan,
    /// The command that long answers go through; `None`: nothing does.
    pub pager: Option<String>,
}

impl Settings {
    /// Values are checked where they are read, so what does not fit its type here is as good as not set.
    pub(super) fn of(layers: &Layers) -> Self {
        let text = |key| layers.get(key).value.map(str::to_owned);
        let password_cmd = layers.get(Key::PasswordCmd);
        Self {
            tracker: layers.get(Key::Tracker).value.and_then(|url| url.parse().ok()),
            advertise: text(Key::Advertise),
            bind: text(Key::Bind),
            password_cmd: password_cmd.value.map(|command| (command.to_owned(), password_cmd.source)),
            wait: layers.get(Key::Wait).value.and_then(Wait::parse),
            timeout: Duration::from_secs(number(layers, Key::Timeout).unwrap_or(30)),
            look: look(layers),
            notify: notify(layers),
            pager: pager(layers).filter(|pager| pager != "none"),
        }
    }
}

/// What everybody else calls `PAGER` counts where nothing of ours is set.
fn pager(layers: &Layers) -> Option<String> {
    let own = layers.get(Key::Pager);
    let usual = || env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let foreign = if own.source == Source::Default { usual() } else { None };
    foreign.or_else(|| own.value.map(str::to_owned))
}

fn number<N: std::str::FromStr>(layers: &Layers, key: Key) -> Option<N> {
    layers.get(key).value.and_then(|text| text.parse().ok())
}

fn notify(layers: &Layers) -> NotifyPlan {
    let usual = NotifyPlan::default();
    NotifyPlan {
        by: layers.get(Key::Notify).value.and_then(Notify::parse).unwrap_or(usual.by),
        when: layers.get(Key::NotifyWhen).value.and_then(NotifyWhen::parse).unwrap_or(usual.when),
        away: number(layers, Key::Away).map_or(usual.away, Duration::from_secs),
    }
}

fn look(layers: &Layers) -> Look {
    let usual = Look::default();
    Look {
        time: layers.get(Key::Time).value.and_then(TimeFormat::parse).unwrap_or(usual.time),
        name_columns: number(layers, Key::NameWidth).unwrap_or(usual.name_columns),
        theme: layers.get(Key::Theme).value.and_then(Theme::parse).unwrap_or(usual.theme),
    }
}
