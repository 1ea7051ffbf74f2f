//! Where the programs are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The programs of a run, all of one build.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `segment-tracker`
    pub tracker: PathBuf,
    /// `segment-peer`
    pub peer: PathBuf,
    /// `chaos-client`
    pub client: PathBuf,
}

impl Programs {
    /// Finds them beside this program. Started by cargo, it lets cargo build them first.
    ///
    /// # Errors
    /// They are not there.
    pub fn find() -> Result<Self> {
        let own = std::env::current_exe()?;
        let dir = own.parent().context("a program is in a directory")?;
        if let Some(cargo) = std::env::var_os("CARGO") {
            build(Path::new(&cargo))?;
        }
        let find = |name: &str| {
            let path = dir.join(name);
            ensure!(path.is_file(), "{name} is not in {}: build it first, with the same profile", dir.display());
            Ok(path)
        };
        Ok(Self { tracker: find("segment-tracker")?, peer: find("segment-peer")?, client: find("chaos-client")? })
    }
}

fn build(cargo: &Path) -> Result<()> {
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "-p", "segment-cli", "-p", "segment-chaos", "--bins"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let status = command.status().context("cargo cannot be run")?;
    ensure!(status.success(), "the programs cannot be built");
    Ok(())
}
