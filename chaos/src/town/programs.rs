//! How each program is run, and where it keeps what it has.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::time::timeout;

use super::HOST_DOOR;
use super::disk::Disk;
use super::place::Programs;
use crate::args::Arguments;
use crate::check::Export;
use crate::plan::Party;

const PASSWORD: &str = "correct horse battery staple";
/// Outgoing connections are given ports from here on; servers take others.
const PORTS_END: u16 = 32_768;
const PORTS_BEGIN: u16 = 20_000;
/// The most that `/history` shows at once.
const PAGE: usize = 10_000;
/// One script takes at most so long: an hour's messages are read by it.
const SCRIPT: Duration = Duration::from_secs(900);

/// A command that can be run again.
#[derive(Clone, Debug)]
pub struct Recipe {
    program: PathBuf,
    args: Vec<OsString>,
    errors: PathBuf,
    /// Its store.
    pub disk: Disk,
}

impl Recipe {
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env("SEGMENT_PASSWORD", PASSWORD).env("TZ", "UTC");
        command
    }

    pub fn errors(&self) -> Result<File> {
        Ok(OpenOptions::new().create(true).append(true).open(&self.errors)?)
    }
}

/// The directory of a run, and who is where.
#[derive(Clone, Debug)]
pub struct Site {
    dir: PathBuf,
    programs: Programs,
    args: Arguments,
    tracker_port: u16,
    host_port: u16,
    /// The tracker's key.
    pub key: String,
    /// Where each party finds the tracker.
    pub tracker_of: BTreeMap<Party, SocketAddr>,
}

impl Site {
    pub fn prepare(dir: &Path, programs: Programs, args: &Arguments) -> Result<Self> {
        for part in ["logs", "evidence/acks", "evidence/exports"] {
            fs::create_dir_all(dir.join(part))?;
        }
        let mut ports = free_ports();
        let mut port = || ports.next().context("no port is free");
        let (tracker_port, host_port) = (port()?, port()?);
        let (dir, args, tracker_of) = (dir.to_owned(), args.clone(), BTreeMap::new());
        Ok(Self { dir, programs, args, tracker_port, host_port, key: String::new(), tracker_of })
    }

    pub fn tracker_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.tracker_port))
    }

    pub fn host_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.host_port))
    }

    pub fn quiet(&self) -> PathBuf {
        self.dir.join("quiet")
    }

    pub fn evidence(&self) -> PathBuf {
        self.dir.join("evidence")
    }

    fn export_path(&self, party: &str) -> PathBuf {
        self.evidence().join("exports").join(format!("{party}.json"))
    }

    /// How a party is run.
    pub fn command(&self, party: Party) -> Result<Recipe> {
        let args = match party {
            Party::Tracker => {
                let data = self.dir.join("tracker");
                words(&["--json", "--bind", &self.tracker_address().to_string(), "--data"], &[&data])
            }
            Party::Host => {
                let mut args = self.peer("host", &self.url(party)?);
                args.extend(words(&["--keep-going", "-"], &[]));
                return Ok(self.recipe(&self.programs.peer, args, "host"));
            }
            Party::Member(number) => self.member(number)?,
        };
        let program = if party == Party::Tracker { &self.programs.tracker } else { &self.programs.client };
        Ok(self.recipe(program, args, &party.to_string()))
    }

    fn recipe(&self, program: &Path, args: Vec<OsString>, name: &str) -> Recipe {
        let errors = self.dir.join("logs").join(format!("{name}.txt"));
        let store = match name {
            "tracker" => self.dir.join("tracker"),
            "host" => self.dir.join("peers").join("profiles").join("host"),
            member => self.dir.join("members").join(member),
        };
        let disk = Disk::new(store, self.dir.join("images").join(name));
        Recipe { program: program.to_owned(), args, errors, disk }
    }

    fn url(&self, party: Party) -> Result<String> {
        let address = self.tracker_of.get(&party).with_context(|| format!("{party} has no way to the tracker"))?;
        Ok(format!("segment://{address}#{}", self.key))
    }

    fn peer(&self, profile: &str, url: &str) -> Vec<OsString> {
        let (bind, door) = (self.host_address().to_string(), HOST_DOOR.to_string());
        let mut args = words(&["--json", "--no-tracker", "-P", profile, "--dir"], &[&self.dir.join("peers")]);
        if profile == "host" {
            args.extend(words(&["--bind", &bind, "--advertise", &door], &[]));
        }
        args.extend(words(&["--timeout", "120", url], &[]));
        args
    }

    fn member(&self, number: u16) -> Result<Vec<OsString>> {
        let party = Party::Member(number);
        let address = self.tracker_of.get(&party).with_context(|| format!("{party} has no way to the tracker"))?;
        let mut args = words(&["--tracker", &address.to_string(), "--key", &self.key], &[]);
        let figures = [
            ("--member", number.to_string()),
            ("--channels", self.args.channels.to_string()),
            ("--rate", self.args.rate.to_string()),
            ("--window", self.args.window.to_string()),
        ];
        args.extend(figures.iter().flat_map(|(name, value)| words(&[*name, value.as_str()], &[])));
        args.extend(words(&["--quiet"], &[&self.quiet()]));
        args.extend(words(&["--dir"], &[&self.member_dir(party)]));
        Ok(args)
    }

    fn member_dir(&self, party: Party) -> PathBuf {
        self.dir.join("members").join(party.to_string())
    }

    /// Makes the host's account and its channels.
    pub async fn create_channels(&self) -> Result<()> {
        let mut lines = vec!["/register host".to_owned()];
        lines.extend((1..=self.args.channels).map(|number| format!("/create #c{number} --visitors read")));
        self.script("host", &self.url(Party::Host)?, &lines, None).await
    }

    /// Asks a member who does not run what it has.
    pub async fn export_member(&self, party: Party) -> Result<()> {
        let mut recipe = self.command(party)?;
        recipe.args.extend(words(&["--export"], &[&self.export_path(&party.to_string())]));
        run_once(&recipe, Stdio::null()).await?;
        let (log, copy) = (self.member_dir(party).join("acks.log"), self.evidence().join("acks"));
        fs::copy(&log, copy.join(format!("{party}.log"))).with_context(|| log.display().to_string())?;
        Ok(())
    }

    /// How long the channels are, as the members say: to know how many pages to ask for.
    pub fn lengths(&self) -> Result<BTreeMap<u16, usize>> {
        let mut lengths = BTreeMap::new();
        for number in 1..=self.args.members {
            let party = Party::Member(number).to_string();
            let file = File::open(self.export_path(&party))?;
            let export = Export::parse(&party, std::io::BufReader::new(file))?;
            for (channel, rows) in export.channels {
                let length = lengths.entry(channel).or_default();
                *length = rows.len().max(*length);
            }
        }
        Ok(lengths)
    }

    /// Asks the host, which does not run, by a script of `segment-peer`.
    pub async fn export_host(&self, lengths: &BTreeMap<u16, usize>) -> Result<()> {
        let path = self.export_path("host");
        self.script("host", &self.url(Party::Host)?, &history(lengths), Some(&path)).await
    }

    /// Reads the tracker's copy as a visitor: there is no host now.
    pub async fn export_tracker(&self, lengths: &BTreeMap<u16, usize>) -> Result<()> {
        let mut lines = vec!["/guest auditor".to_owned()];
        lines.extend(lengths.keys().map(|channel| format!("/join #c{channel}")));
        lines.extend(history(lengths));
        let url = format!("segment://{}#{}", self.tracker_address(), self.key);
        let path = self.export_path("tracker");
        self.script("auditor", &url, &lines, Some(&path)).await
    }

    /// Runs commands with `segment-peer`; all of them must be done.
    async fn script(&self, profile: &str, url: &str, lines: &[String], output: Option<&Path>) -> Result<()> {
        let path = self.dir.join("logs").join(format!("{profile}.segment"));
        fs::write(&path, lines.join("\n"))?;
        let mut args = self.peer(profile, url);
        args.extend(words(&["-f"], &[&path]));
        let output = output.map_or_else(|| Ok(Stdio::null()), |path| File::create(path).map(Stdio::from));
        run_once(&self.recipe(&self.programs.peer, args, profile), output?).await
    }
}

async fn run_once(recipe: &Recipe, output: Stdio) -> Result<()> {
    let mut command = recipe.command();
    command.stdin(Stdio::null()).stdout(output).stderr(recipe.errors()?).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| recipe.program.display().to_string())?;
    let status = timeout(SCRIPT, child.wait()).await;
    let status = status.with_context(|| format!("not done in {SCRIPT:?}: {}", recipe.program.display()))??;
    ensure!(status.success(), "{}: {status}; see {}", recipe.program.display(), recipe.errors.display());
    Ok(())
}

/// Pages from the newest back; they may overlap.
fn history(lengths: &BTreeMap<u16, usize>) -> Vec<String> {
    let pages = |(channel, length): (&u16, &usize)| {
        let newest = format!("/history #c{channel} --last {PAGE}");
        let older = (1..=length / PAGE).map(|page| format!("{newest} --before !{}", length + 1 - page * PAGE));
        let older: Vec<String> = older.filter(|line| !line.ends_with("!1")).collect();
        [newest.clone()].into_iter().chain(older)
    };
    lengths.iter().flat_map(pages).collect()
}

fn words(words: &[&str], paths: &[&Path]) -> Vec<OsString> {
    words.iter().map(OsString::from).chain(paths.iter().map(OsString::from)).collect()
}

/// Ports that are free at this moment, also where the host's proxy listens.
fn free_ports() -> impl Iterator<Item = u16> {
    let count = PORTS_END - PORTS_BEGIN;
    let first = u16::try_from(std::process::id() % u32::from(count)).unwrap_or(0);
    let is_free =
        |port: &u16| [Ipv4Addr::LOCALHOST, HOST_DOOR].iter().all(|ip| TcpListener::bind((*ip, *port)).is_ok());
    (0..count).map(move |n| PORTS_BEGIN + (first + n * 7 % count) % count).filter(is_free)
}
