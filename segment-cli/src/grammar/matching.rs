//! The words of a line against what a command takes.

use super::words::{Attached, OptionWord};
use super::{UsageError, Words, nearest};
use crate::commands::{CommandSpec, Kind, PictureSize, Slot, parse_rate};
use crate::names::{MessageRef, positive};
use crate::url::TrackerUrl;
use segment_proto::{ChannelName, UserName};

/// What a word means where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `#name`
    Channel(ChannelName),
    /// `@name`
    User(UserName),
    /// `!12`, `!last`, `!-2`
    Message(MessageRef),
    /// The address of a tracker.
    Url(TrackerUrl),
    /// Anything.
    Word(String),
    /// One of a fixed set.
    Choice(&'static str),
    /// Several of a fixed set, each once, in the order of the set.
    Choices(Vec<&'static str>),
    /// From 1 to a maximum.
    Number(u32),
    /// Sides of a picture.
    Size(PictureSize),
    /// An option that takes no value is there.
    Flag,
}

/// The arguments and options of one line, each at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    command: &'static CommandSpec,
    values: Vec<(&'static str, Value)>,
    text: Option<String>,
}

/// Reads the words after a command's name.
///
/// # Errors
/// [`UsageError`], said in terms of this command.
pub fn match_words(command: &'static CommandSpec, rest: &str) -> Result<Matched, UsageError> {
    let mut matched = Matched { command, values: Vec::new(), text: None };
    let mut words = Words::new(rest);
    let mut slots = command.args.iter();
    loop {
        if words.is_done() || words.take_separator() {
            break;
        }
        if let Some(option) = words.take_option() {
            matched.add_option(option, &mut words)?;
            continue;
        }
        let takes_bare = command.text.is_none() && slots.len() == 1;
        let Some(slot) = slots.find(|slot| slot.accepts(words.rest(), takes_bare)) else {
            break;
        };
        let value = slot.kind.read(words.word()?)?;
        matched.values.push((slot.name, value));
    }
    matched.finish(&words)
}

impl Slot {
    /// An optional `#channel` is passed over by a word that is none, unless nothing else can follow; everything else
    /// must fit.
    fn accepts(&self, rest: &str, takes_bare: bool) -> bool {
        match (self.is_required(), self.kind) {
            (false, Kind::Channel) => takes_bare || rest.starts_with('#'),
            _ => true,
        }
    }
}

impl Matched {
    fn add_option(&mut self, found: OptionWord<'_>, words: &mut Words<'_>) -> Result<(), UsageError> {
        let command = self.command;
        let known = command.options.iter().find(|option| option.name == found.key);
        let Some(option) = known else {
            let near = nearest(found.key, command.options.iter().map(|option| option.name));
            return Err(UsageError::UnknownOption { command, option: found.key.to_owned(), near });
        };
        if self.has(option.name) {
            return Err(UsageError::OptionTwice { option: option.name });
        }
        let value = match option.kind {
            Kind::Flag if found.value == Attached::Follows => {
                return Err(UsageError::OptionTakesNoValue { command, option: option.name });
            }
            Kind::Flag => Value::Flag,
            kind => kind.read(option_value(command, option.name, found.value, words)?)?,
        };
        self.values.push((option.name, value));
        Ok(())
    }

    fn finish(mut self, words: &Words<'_>) -> Result<Self, UsageError> {
        let rest = words.rest();
        match self.command.text {
            Some(_) if !rest.trim_end().is_empty() => self.text = Some(words.tail().to_owned()),
            None if !rest.is_empty() => {
                let word = rest.split_whitespace().next().unwrap_or_default().to_owned();
                return Err(UsageError::ExtraArgument { command: self.command, word });
            }
            _ => {}
        }
        Ok(self)
    }

    /// Whether an argument or option is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| *known == name)
    }

    /// The value of an argument or option, if it is there.
    #[must_use]
    pub fn get<T: FromValue>(&self, name: &str) -> Option<T> {
        let (_, value) = self.values.iter().find(|(known, _)| *known == name)?;
        T::from_value(value)
    }

    /// The value of a fixed set, as the type that it stands for.
    pub fn choice<T: Copy>(&self, name: &str, all: &[T], name_of: fn(T) -> &'static str) -> Option<T> {
        let chosen: &str = self.get(name)?;
        all.iter().copied().find(|value| name_of(*value) == chosen)
    }

    /// The value of an argument that the command cannot do without.
    ///
    /// # Errors
    /// [`UsageError::MissingArgument`]
    pub fn need<T: FromValue>(&self, name: &'static str) -> Result<T, UsageError> {
        self.get(name).ok_or_else(|| self.missing(name))
    }

    /// The raw text at the end of the line.
    ///
    /// # Errors
    /// [`UsageError::MissingArgument`]
    pub fn need_text(&self) -> Result<String, UsageError> {
        self.text.clone().ok_or_else(|| self.missing(self.command.text.unwrap_or("text")))
    }

    /// The raw text at the end of the line, if there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// That `argument` is missing.
    #[must_use]
    pub fn missing(&self, argument: &'static str) -> UsageError {
        UsageError::MissingArgument { command: self.command, argument }
    }

    /// That `word` is one too many.
    #[must_use]
    pub const fn extra(&self, word: String) -> UsageError {
        UsageError::ExtraArgument { command: self.command, word }
    }

    /// Refuses options that do not go with what is to be done.
    ///
    /// # Errors
    /// [`UsageError::OptionNotHere`]
    pub fn only_with(&self, action: &'static str, options: &[&str]) -> Result<(), UsageError> {
        let given = self.command.options.iter().map(|option| option.name).filter(|name| self.has(name));
        match given.into_iter().find(|name| !options.contains(name)) {
            Some(option) => Err(UsageError::OptionNotHere { command: self.command, action, option }),
            None => Ok(()),
        }
    }

    /// Refuses two options that exclude each other.
    ///
    /// # Errors
    /// [`UsageError::OptionsExclude`]
    pub fn exclude(&self, first: &'static str, second: &'static str) -> Result<(), UsageError> {
        if self.has(first) && self.has(second) {
            return Err(UsageError::OptionsExclude { first, second });
        }
        Ok(())
    }
}

fn option_value(
    command: &'static CommandSpec,
    option: &'static str,
    attached: Attached,
    words: &mut Words<'_>,
) -> Result<String, UsageError> {
    let rest = words.rest();
    let is_missing = match attached {
        Attached::Follows => rest.is_empty() || rest.starts_with(char::is_whitespace),
        Attached::Absent => rest.is_empty() || rest.starts_with("--"),
    };
    if is_missing {
        return Err(UsageError::OptionNeedsValue { command, option });
    }
    words.word()
}

impl Kind {
    /// Reads one word as what the slot takes.
    pub(crate) fn read(self, word: String) -> Result<Value, UsageError> {
        match self {
            Self::Channel => read_channel(word),
            Self::User => read_user(word),
            Self::Name => read_name(word),
            Self::Message => match MessageRef::parse(&word) {
                Some(message) => Ok(Value::Message(message)),
                None => Err(UsageError::BadMessage { word }),
            },
            Self::Url => match word.parse() {
                Ok(url) => Ok(Value::Url(url)),
                Err(why) => Err(UsageError::BadUrl { word, why }),
            },
            Self::Number { max } => read_number(word, max),
            Self::Size => match PictureSize::parse(&word) {
                Some(size) => Ok(Value::Size(size)),
                None => Err(UsageError::BadSize { word }),
            },
            Self::Rate => match parse_rate(&word) {
                Some(kbps) => Ok(Value::Number(kbps)),
                None => Err(UsageError::BadRate { word }),
            },
            Self::Choice(choices) => Ok(Value::Choice(choose(&word, choices)?)),
            Self::Choices(choices) => read_choices(&word, choices),
            Self::Word | Self::Flag => Ok(Value::Word(word)),
        }
    }
}

/// The `#` may be left out where only a channel can stand.
fn read_channel(word: String) -> Result<Value, UsageError> {
    match ChannelName::new(&word) {
        Ok(channel) => Ok(Value::Channel(channel)),
        Err(why) => Err(UsageError::BadChannel { word, why }),
    }
}

fn read_user(word: String) -> Result<Value, UsageError> {
    if !word.starts_with('@') {
        return Err(UsageError::BadUser { word, why: None });
    }
    read_name(word)
}

fn read_name(word: String) -> Result<Value, UsageError> {
    match UserName::new(&word) {
        Ok(user) => Ok(Value::User(user)),
        Err(why) => Err(UsageError::BadUser { word, why: Some(why) }),
    }
}

fn read_number(word: String, max: u32) -> Result<Value, UsageError> {
    let number = positive(&word).and_then(|number| u32::try_from(number).ok());
    match number.filter(|number| *number <= max) {
        Some(number) => Ok(Value::Number(number)),
        None => Err(UsageError::BadNumber { word, max }),
    }
}

fn read_choices(word: &str, choices: &'static [&'static str]) -> Result<Value, UsageError> {
    let chosen = word.split(',').map(|part| choose(part, choices)).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Choices(choices.iter().copied().filter(|choice| chosen.contains(choice)).collect()))
}

fn choose(word: &str, choices: &'static [&'static str]) -> Result<&'static str, UsageError> {
    choices.iter().copied().find(|choice| *choice == word).ok_or_else(|| UsageError::BadChoice {
        word: word.to_owned(),
        choices,
        near: nearest(word, choices.iter().copied()),
    })
}

/// A type that a [`Value`] can be taken as.
pub trait FromValue: Sized {
    /// The value, if it is of this type.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($variant:ident($type:ty)),+ $(,)?) => {$(
        impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(inner) => Some(inner.clone()),
                    _ => None,
                }
            }
        }
    )+};
}

from_value!(
    Channel(ChannelName),
    User(UserName),
    Message(MessageRef),
    Url(TrackerUrl),
    Word(String),
    Choice(&'static str),
    Choices(Vec<&'static str>),
    Number(u32),
    Size(PictureSize),
);
