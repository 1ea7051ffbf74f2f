//! The program itself: its settings and its aliases.

use serde::Serialize;

use super::answers::Said;
use super::output::Answer;
use super::{Chat, Done, unheard};
use crate::commands::{AliasRequest, Command, SetRequest, find};
use crate::config::{Key, Printed, SettingsError, Source, Taken};
use crate::errors::{LocalReason, Problem};
use crate::grammar::UsageError;
use crate::render::Style;

/// An alias.
#[derive(Debug, Serialize)]
struct AliasListed {
    name: String,
    text: String,
    /// A command of this name has come since.
    hidden: bool,
}

impl Answer for AliasListed {
    const TYPE: &'static str = "alias";

    fn text(&self, style: &Style) -> String {
        let hidden = if self.hidden { "  (hidden by the command of this name)" } else { "" };
        style.answer(&format!("  /{:<12} {}{hidden}", self.name, self.text))
    }
}

impl AliasListed {
    fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), hidden: find(name).is_some() }
    }
}

impl Chat {
    pub(super) async fn own(&mut self, command: Command) -> Done {
        match command {
            Command::Set { request } => self.set(request).await,
            Command::Alias { request } => self.alias(request).await,
            _ => self.version().await,
        }
    }

    async fn set(&mut self, request: SetRequest) -> Done {
        match request {
            SetRequest::ShowAll => self.out.answers(&Printed::all(&self.layers)).await.map_err(unheard),
            SetRequest::Show(key) => self.show_setting(key).await,
            SetRequest::Change(key, value) => self.change_setting(key, Some(&value)).await,
            SetRequest::Reset(key) => self.change_setting(key, None).await,
        }
    }

    async fn show_setting(&self, key: Key) -> Done {
        self.out.answer(&Printed::of(&self.layers.get(key))).await.map_err(unheard)?;
        let setting = key.setting();
        self.out.remark(&format!("  {}; {}", setting.help, setting.kind.shown())).await.map_err(unheard)
    }

    async fn change_setting(&mut self, key: Key, value: Option<&str>) -> Done {
        self.layers.change(key, value).map_err(not_kept)?;
        self.take_settings();
        self.say(&self.changed(key, value.is_some())).await?;
        self.out.answer(&Printed::of(&self.layers.get(key))).await.map_err(unheard)
    }

    fn changed(&self, key: Key, is_set: bool) -> String {
        let effective = self.layers.get(key);
        let done = if is_set { "is kept in" } else { "is not in" };
        let what = format!("{key} {done} this profile's profile.toml");
        match effective.source {
            Source::Flag => format!("{what}; a flag wins over it as long as this program runs."),
            Source::Variable => format!("{what}; {} wins over it.", key.variable()),
            _ if key.setting().taken == Taken::NextStart => format!("{what}; it counts from the next start on."),
            _ => format!("{what}."),
        }
    }

    /// What counts at once, counts from now on.
    pub(super) fn take_settings(&mut self) {
        let settings = self.layers.settings();
        self.wait = settings.wait;
        self.patience = settings.timeout;
        self.talk.known().notify = settings.notify;
        self.out.take(&settings);
        if let Some(screen) = self.out.as_screen() {
            screen.set_aliases(self.layers.aliases());
        }
    }

    async fn alias(&mut self, request: AliasRequest) -> Done {
        match request {
            AliasRequest::List => self.list_aliases().await,
            AliasRequest::Show(name) => match self.layers.aliases().get(&name) {
                Some(text) => self.out.answer(&AliasListed::new(&name, text)).await.map_err(unheard),
                None => Err(Problem::local(LocalReason::NoSuchAlias)),
            },
            AliasRequest::Define { name, text } => {
                self.layers.check_alias(&name, &text).map_err(|why| UsageError::BadAlias { why })?;
                self.layers.change_alias(&name, Some(&text)).map_err(not_kept)?;
                self.take_settings();
                self.say(&format!("/{name} stands for {text} at the prompt of this profile.")).await
            }
            AliasRequest::Remove(name) => self.remove_alias(&name).await,
        }
    }

    async fn list_aliases(&self) -> Done {
        let aliases = self.layers.aliases();
        let listed: Vec<_> = aliases.iter().map(|(name, text)| AliasListed::new(name, text)).collect();
        match listed.is_empty() {
            true => self.out.remark("There are no aliases; /alias NAME TEXT makes one.").await.map_err(unheard),
            false => self.out.answers(&listed).await.map_err(unheard),
        }
    }

    async fn remove_alias(&mut self, name: &str) -> Done {
        if !self.layers.has_alias(name) {
            return match self.layers.aliases().get(name) {
                Some(_) => Err(Problem::local(LocalReason::NoSuchAlias).saying(format_args!(
                    "/{name} stands in config.toml, for all profiles: not removed; edit that file"
                ))),
                None => Err(Problem::local(LocalReason::NoSuchAlias)),
            };
        }
        self.layers.change_alias(name, None).map_err(not_kept)?;
        self.take_settings();
        self.say(&format!("/{name} is forgotten.")).await
    }

    async fn say(&self, text: &str) -> Done {
        self.out.answer(&Said { text: text.to_owned() }).await.map_err(unheard)
    }
}

pub(super) fn not_kept(error: SettingsError) -> Problem {
    Problem::local(LocalReason::Settings).saying(error)
}
