//! How things look: pure functions from what happened to lines of text.
//!
//! Everything that is shown goes through [`Untrusted`](segment_proto::Untrusted) here, so no caller can forget it.

mod hit;
mod lines;
mod look;
mod prompt;
mod style;
mod wrap;

pub use hit::HitLine;
pub use lines::{Author, Delivery, MessageLine};
pub use look::{Look, Theme, TimeFormat};
pub(crate) use prompt::PROMPT_COLUMNS_MAX;
pub use prompt::{LinkState, PromptState, UnreadIn};
pub use style::{Colour, Style};
pub use wrap::{width, wrap};

#[cfg(test)]
mod tests;
