//! Why a line is not a command, said so that the next try succeeds.

use std::fmt;

use crate::commands::{AliasError, CommandSpec};
use crate::config::{BadValue, Key};
use crate::named::named_enum;
use crate::url::UrlError;
use segment_proto::names::NameError;

use super::LINE_BYTES_MAX;

/// A line that could not be understood. **Nothing was sent**; at the prompt the line stays in the editor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// More than [`LINE_BYTES_MAX`] bytes.
    #[error("the line has {bytes} bytes, at most {LINE_BYTES_MAX} are read; send it in parts")]
    LineTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A slash alone.
    #[error("a command needs a name right after the slash; /help lists all, // sends a line that begins with /")]
    NoCommandName,
    /// No command or alias of this name.
    #[error(
        "there is no command /{}{}; /help lists all, // sends a line that begins with /",
        Clipped(name),
        DidYouMean("/", near.as_deref())
    )]
    UnknownCommand {
        /// As typed.
        name: String,
        /// The command or alias that may have been meant.
        near: Option<String>,
    },
    /// Plain text in a script, where there is no current channel to be sure of.
    #[error("a script has commands only; write: /send #channel {}", Clipped(text))]
    PlainTextInScript {
        /// The text.
        text: String,
    },
    /// A command that makes sense only at the prompt.
    #[error("/{} works only at the prompt; leave it out of the script", command.name)]
    PromptOnly {
        /// Which one.
        command: &'static CommandSpec,
    },
    /// A quote without its end.
    #[error("the quote {quote} is not closed; close it, or leave the quotes out")]
    UnclosedQuote {
        /// Which quote.
        quote: char,
    },
    /// A backslash before something else than `n`, `t`, `"` or `\`.
    #[error("\\{} is not known inside double quotes; known are \\n \\t \\\" \\\\", .escaped.escape_debug())]
    BadEscape {
        /// What followed the backslash.
        escaped: char,
    },
    /// Something directly behind a closing quote.
    #[error("a closing quote ends the word; put a space after it")]
    GluedToQuote,
    /// An option that the command does not have.
    #[error("/{} has no option --{}{}; usage: {}{}", command.name, Clipped(option), DidYouMean("--", *near), command.usage(), separator(command))]
    UnknownOption {
        /// The command.
        command: &'static CommandSpec,
        /// As typed.
        option: String,
        /// The option that may have been meant.
        near: Option<&'static str>,
    },
    /// An option without the value that it takes.
    #[error("--{option} takes a value; usage: {}", command.usage())]
    OptionNeedsValue {
        /// The command.
        command: &'static CommandSpec,
        /// The option.
        option: &'static str,
    },
    /// A value for an option that takes none.
    #[error("--{option} takes no value; usage: {}", command.usage())]
    OptionTakesNoValue {
        /// The command.
        command: &'static CommandSpec,
        /// The option.
        option: &'static str,
    },
    /// An option given twice.
    #[error("--{option} stands there twice; give it once")]
    OptionTwice {
        /// The option.
        option: &'static str,
    },
    /// Two options of which only one can be meant.
    #[error("--{first} and --{second} exclude each other; give one of them")]
    OptionsExclude {
        /// One of them.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// Signs without a word in them.
    #[error("{:?} has no letter, digit or picture in it, and only those are searched; write a word", Clipped(text))]
    NothingToFind {
        /// As typed.
        text: String,
    },
    /// An option of another part of the command.
    #[error("--{option} does not go with /{} {action}; /help {} says what each of its parts takes", command.name, command.name)]
    OptionNotHere {
        /// The command.
        command: &'static CommandSpec,
        /// Its part.
        action: &'static str,
        /// The option.
        option: &'static str,
    },
    /// Something that the command cannot do without.
    #[error("{argument} is missing; usage: {}", command.usage())]
    MissingArgument {
        /// The command.
        command: &'static CommandSpec,
        /// What is missing.
        argument: &'static str,
    },
    /// A word too many.
    #[error("{:?} is one word too many; usage: {}", Clipped(word), command.usage())]
    ExtraArgument {
        /// The command.
        command: &'static CommandSpec,
        /// The word.
        word: String,
    },
    /// Not a channel.
    #[error("{:?} is not a #channel: {why}", Clipped(word))]
    BadChannel {
        /// As typed.
        word: String,
        /// The rule that it breaks.
        why: NameError,
    },
    /// Not a user.
    #[error("{:?} is not a @user: {}", Clipped(word), AtOr(word, why))]
    BadUser {
        /// As typed.
        word: String,
        /// The rule that it breaks.
        why: Option<NameError>,
    },
    /// Not a message.
    #[error("{:?} is not a message; write !12 (its number), !last or !-2 (the last but one)", Clipped(word))]
    BadMessage {
        /// As typed.
        word: String,
    },
    /// Not a number of the allowed range.
    #[error("{:?} is not a number from 1 to {max}", Clipped(word))]
    BadNumber {
        /// As typed.
        word: String,
        /// The largest number allowed.
        max: u32,
    },
    /// Not sides of a picture.
    #[error("{:?} is not a size of pictures; write columns and rows of pixels, such as 640x360", Clipped(word))]
    BadSize {
        /// As typed.
        word: String,
    },
    /// Not an amount of data in a second.
    #[error("{:?} is not a rate; write 500kbit or 2mbit, each in a second", Clipped(word))]
    BadRate {
        /// As typed.
        word: String,
    },
    /// Not what a stream can be called.
    #[error("{:?} is not a title; write 1 to 64 characters in one line", Clipped(word))]
    BadTitle {
        /// As typed.
        word: String,
    },
    /// None of the words that can stand here.
    #[error("{:?} cannot stand here{}; write one of: {}", Clipped(word), DidYouMean("", *near), choices.join(", "))]
    BadChoice {
        /// As typed.
        word: String,
        /// What can stand there.
        choices: &'static [&'static str],
        /// The one that may have been meant.
        near: Option<&'static str>,
    },
    /// A value that a setting cannot have.
    #[error("{why}")]
    BadSetting {
        /// What to write instead.
        why: BadValue,
    },
    /// A setting that is not typed.
    #[error("{key} may hold a secret, and what is typed is kept: write it into profile.toml, or use {}", .key.variable())]
    PrivateSetting {
        /// Which one.
        key: Key,
    },
    /// A value for a setting that is to lose its value.
    #[error("--reset takes the value away, so it takes none; write /set KEY VALUE, or /set --reset KEY")]
    ResetToWhat,
    /// An alias that cannot be.
    #[error("{why}")]
    BadAlias {
        /// What is wrong with it.
        why: AliasError,
    },
    /// Not the address of a tracker.
    #[error("{:?} is not the address of a tracker: {why}", Clipped(word))]
    BadUrl {
        /// As typed.
        word: String,
        /// What is wrong with it.
        why: UrlError,
    },
}

named_enum! {
    /// The stable name of each [`UsageError`], for JSON.
    UsageReason {
        /// See [`UsageError::LineTooLong`].
        LineTooLong = "line_too_long",
        /// See [`UsageError::NoCommandName`].
        NoCommandName = "no_command_name",
        /// See [`UsageError::UnknownCommand`].
        UnknownCommand = "unknown_command",
        /// See [`UsageError::PlainTextInScript`].
        PlainTextInScript = "plain_text_in_script",
        /// See [`UsageError::PromptOnly`].
        PromptOnly = "prompt_only",
        /// See [`UsageError::UnclosedQuote`].
        UnclosedQuote = "unclosed_quote",
        /// See [`UsageError::BadEscape`].
        BadEscape = "bad_escape",
        /// See [`UsageError::GluedToQuote`].
        GluedToQuote = "glued_to_quote",
        /// See [`UsageError::UnknownOption`].
        UnknownOption = "unknown_option",
        /// See [`UsageError::OptionNeedsValue`].
        OptionNeedsValue = "option_needs_value",
        /// See [`UsageError::OptionTakesNoValue`].
        OptionTakesNoValue = "option_takes_no_value",
        /// See [`UsageError::OptionTwice`].
        OptionTwice = "option_twice",
        /// See [`UsageError::OptionsExclude`].
        OptionsExclude = "options_exclude",
        /// See [`UsageError::OptionNotHere`].
        OptionNotHere = "option_not_here",
        /// See [`UsageError::MissingArgument`].
        MissingArgument = "missing_argument",
        /// See [`UsageError::NothingToFind`].
        NothingToFind = "nothing_to_find",
        /// See [`UsageError::ExtraArgument`].
        ExtraArgument = "extra_argument",
        /// See [`UsageError::BadChannel`].
        BadChannel = "bad_channel",
        /// See [`UsageError::BadUser`].
        BadUser = "bad_user",
        /// See [`UsageError::BadMessage`].
        BadMessage = "bad_message",
        /// See [`UsageError::BadNumber`].
        BadNumber = "bad_number",
        /// See [`UsageError::BadSize`].
        BadSize = "bad_size",
        /// See [`UsageError::BadRate`].
        BadRate = "bad_rate",
        /// See [`UsageError::BadTitle`].
        BadTitle = "bad_title",
        /// See [`UsageError::BadChoice`].
        BadChoice = "bad_choice",
        /// See [`UsageError::BadSetting`].
        BadSetting = "bad_setting",
        /// See [`UsageError::PrivateSetting`].
        PrivateSetting = "private_setting",
        /// See [`UsageError::ResetToWhat`].
        ResetToWhat = "reset_to_what",
        /// See [`UsageError::BadAlias`].
        BadAlias = "bad_alias",
        /// See [`UsageError::BadUrl`].
        BadUrl = "bad_url",
    }
}

impl UsageError {
    /// The stable name of this error.
    #[must_use]
    pub const fn reason(&self) -> UsageReason {
        match self {
            Self::LineTooLong { .. } => UsageReason::LineTooLong,
            Self::NoCommandName => UsageReason::NoCommandName,
            Self::UnknownCommand { .. } => UsageReason::UnknownCommand,
            Self::PlainTextInScript { .. } => UsageReason::PlainTextInScript,
            Self::PromptOnly { .. } => UsageReason::PromptOnly,
            Self::UnclosedQuote { .. } => UsageReason::UnclosedQuote,
            Self::BadEscape { .. } => UsageReason::BadEscape,
            Self::GluedToQuote => UsageReason::GluedToQuote,
            Self::UnknownOption { .. } => UsageReason::UnknownOption,
            Self::OptionNeedsValue { .. } => UsageReason::OptionNeedsValue,
            Self::OptionTakesNoValue { .. } => UsageReason::OptionTakesNoValue,
            Self::OptionTwice { .. } => UsageReason::OptionTwice,
            Self::OptionsExclude { .. } => UsageReason::OptionsExclude,
            Self::OptionNotHere { .. } => UsageReason::OptionNotHere,
            Self::MissingArgument { .. } => UsageReason::MissingArgument,
            Self::NothingToFind { .. } => UsageReason::NothingToFind,
            Self::ExtraArgument { .. } => UsageReason::ExtraArgument,
            Self::BadChannel { .. } => UsageReason::BadChannel,
            Self::BadUser { .. } => UsageReason::BadUser,
            Self::BadMessage { .. } => UsageReason::BadMessage,
            Self::BadNumber { .. } => UsageReason::BadNumber,
            Self::BadSize { .. } => UsageReason::BadSize,
            Self::BadRate { .. } => UsageReason::BadRate,
            Self::BadTitle { .. } => UsageReason::BadTitle,
            Self::BadChoice { .. } => UsageReason::BadChoice,
            Self::BadSetting { .. } => UsageReason::BadSetting,
            Self::PrivateSetting { .. } => UsageReason::PrivateSetting,
            Self::ResetToWhat => UsageReason::ResetToWhat,
            Self::BadAlias { .. } => UsageReason::BadAlias,
            Self::BadUrl { .. } => UsageReason::BadUrl,
        }
    }
}

/// At most this many characters of a typed word are repeated in an error.
const REPEATED_CHARS_MAX: usize = 60;

/// A typed word, cut and escaped, so that an error stays one readable line.
struct Clipped<'a>(&'a str);

impl fmt::Display for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for character in chars.by_ref().take(REPEATED_CHARS_MAX) {
            match character {
                '\'' | '"' | '\\' => write!(f, "{character}")?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        f.write_str(if chars.next().is_some() { "..." } else { "" })
    }
}

impl fmt::Debug for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// How a text of the command can begin with dashes.
const fn separator(command: &CommandSpec) -> &'static str {
    if command.text.is_some() { ". A text that begins with -- goes after a separate --" } else { "" }
}

struct DidYouMean<'a>(&'a str, Option<&'a str>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(near) => write!(f, " (did you mean {}{near}?)", self.0),
            None => Ok(()),
        }
    }
}

/// Either the name lacks its @, or it breaks a rule of names.
struct AtOr<'a>(&'a str, &'a Option<NameError>);

impl fmt::Display for AtOr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(why) => write!(f, "{why}"),
            None => write!(f, "write @{}", Clipped(self.0)),
        }
    }
}
