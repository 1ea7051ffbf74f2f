//! The tracker: knows who is here, and keeps a copy of every channel.

fn main() -> std::process::ExitCode {
    segment_cli::programs::tracker().into()
}
