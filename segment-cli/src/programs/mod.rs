//! The two programs, from their arguments to their exit codes.

mod generate;
mod peer;
mod tracker;

pub use peer::peer;
pub use tracker::tracker;

use crate::exit::ExitCode;

/// A runtime that both programs run on.
fn block_on(program: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let end = runtime.block_on(program);
            // A thread that waits for a key is not waited for.
            runtime.shutdown_background();
            end
        }
        Err(error) => {
            eprintln!("! the program cannot start: {error}");
            ExitCode::Refused
        }
    }
}

/// Tracing to standard error, as `SEGMENT_LOG` asks for it.
fn start_tracing() {
    use tracing_subscriber::EnvFilter;
    let Ok(filter) = EnvFilter::try_from_env("SEGMENT_LOG") else { return };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process keeps the first.
    let _ = subscriber.try_init();
}
