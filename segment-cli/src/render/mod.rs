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
pub use prompt::{LinkState, PromptState, UnreadIn};
pub(crate) use prompt::{PROMPT_COLUMNS_MAX, prompt_columns};
pub(crate) use style::dimmed;
pub use style::{Colour, Drawn, Style};
pub(crate) use wrap::clipped;
pub use wrap::{width, wrap};

#[cfg(test)]
mod tests;
