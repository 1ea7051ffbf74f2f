//! What both programs can write for a system that they are installed on.

use clap::Subcommand;
use clap_complete::Shell;

/// What is written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Generated {
    /// Completions for a shell
    Completions {
        /// Which one
        shell: Shell,
    },
    /// The man page
    Man,
}
