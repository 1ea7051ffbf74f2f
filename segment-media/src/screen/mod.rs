//! Pictures in a terminal.

mod capability;
mod fit;
mod half_blocks;
mod kitty;
mod show;
mod sixel;
mod slot;
mod terminal;
mod tty;

pub use capability::{Capability, Colours, Replies};
pub use fit::{Area, Window, fit};
pub use half_blocks::HalfBlocks;
pub use kitty::Kitty;
pub use show::{Painter, Show};
pub use sixel::sixel;
pub use terminal::TerminalSink;
pub use tty::restore;
