//! The peer of a person: a prompt, or scripts.

fn main() -> std::process::ExitCode {
    segment_cli::programs::peer().into()
}
