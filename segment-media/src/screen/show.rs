//! What is sent to a terminal so that it shows a picture, its line of text below, and nothing else.

use super::capability::{Capability, Colours};
use super::fit::{Area, Window, fit};
use super::half_blocks::HalfBlocks;
use super::kitty::Kitty;
use super::sixel::sixel;
use crate::Picture;

/// Terminals that know it show what lies between at once.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// How pictures are drawn here.
#[derive(Debug)]
pub enum Painter {
    /// Characters.
    HalfBlocks(HalfBlocks),
    /// Pixels, by kitty's protocol.
    Kitty(Kitty),
    /// Pixels, by DEC's.
    Sixel,
}

impl Painter {
    /// By what a terminal can.
    #[must_use]
    pub fn new(capability: Capability) -> Self {
        match capability {
            Capability::Kitty => Self::Kitty(Kitty::default()),
            Capability::Sixel => Self::Sixel,
            Capability::HalfBlocks(colours) => Self::HalfBlocks(HalfBlocks::new(colours)),
        }
    }

    fn draw(&mut self, picture: &Picture, area: Area, window: &Window) -> String {
        match self {
            Self::HalfBlocks(blocks) => blocks.draw(picture, area),
            Self::Kitty(kitty) => kitty.draw(picture, area, window),
            Self::Sixel => sixel(picture, area, window),
        }
    }
}

/// A picture and a line below it, in a window that may change its size.
#[derive(Debug)]
pub struct Show {
    painter: Painter,
    placed: Option<(Window, Area)>,
    line: String,
}

impl Default for Show {
    fn default() -> Self {
        Self::new(Painter::new(Capability::HalfBlocks(Colours::True)))
    }
}

impl Show {
    /// Nothing is shown yet.
    #[must_use]
    pub fn new(painter: Painter) -> Self {
        Self { painter, placed: None, line: String::new() }
    }

    /// What is to be sent so that this is shown; control characters of the line are left out.
    pub fn frame(&mut self, picture: &Picture, line: &str, window: &Window) -> String {
        let area = fit(window, picture.width(), picture.height());
        let mut out = String::from(BEGIN);
        if self.placed.replace((*window, area)) != Some((*window, area)) {
            out.push_str("\x1b[0m\x1b[2J");
            self.line.clear();
            if let Painter::HalfBlocks(blocks) = &mut self.painter {
                blocks.forget();
            }
        }
        out.push_str(&self.painter.draw(picture, area, window));
        self.write_below(line, window, &mut out);
        out.push_str(END);
        out
    }

    /// The same while there is no picture.
    pub fn waiting(&mut self, line: &str, window: &Window) -> String {
        let mut out = String::from(BEGIN);
        self.write_below(line, window, &mut out);
        out.push_str(END);
        out
    }

    fn write_below(&mut self, line: &str, window: &Window, out: &mut String) {
        if self.line == line {
            return;
        }
        let shown: String = line.chars().filter(|character| !character.is_control()).collect();
        let shown: String = shown.chars().take(window.columns().into()).collect();
        out.push_str(&format!("\x1b[{};1H\x1b[0m\x1b[2K{shown}", window.rows()));
        line.clone_into(&mut self.line);
    }
}
