//! The processes, their directory, and the proxies between them.

mod disk;
mod keeper;
mod place;
mod programs;
mod tally;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::{Instant, sleep, timeout};

pub use keeper::{Keeper, Order};
pub use place::Programs;
pub use tally::{Counts, Tally};

use crate::args::Arguments;
use crate::chronicle::{Chronicle, Place};
use crate::client::Progress;
use crate::plan::{Fault, Party, Road};
use crate::proxy::{Proxy, Weather};
use programs::Site;

/// Where the host is said to be: the proxy before it. All of 127.0.0.0/8 is this machine's.
const HOST_DOOR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// What was wrong and when, beside the evidence.
pub const TROUBLES: &str = "troubles.json";
/// Nothing takes nearly so long to begin.
const BEGINNING: Duration = Duration::from_secs(120);
/// How often it is looked whether something has come about.
const LOOK: Duration = Duration::from_millis(100);

/// Everything that runs.
#[derive(Debug)]
pub struct Town {
    site: Site,
    keepers: BTreeMap<Party, Keeper>,
    proxies: BTreeMap<Road, Proxy>,
    /// What has happened.
    pub tally: Tally,
    chronicle: Chronicle,
}

impl Town {
    /// Starts everything, in `dir`; nothing goes wrong yet.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(dir: &Path, programs: Programs, args: &Arguments) -> Result<Self> {
        let mut site = Site::prepare(dir, programs, args)?;
        let (tally, chronicle) = (Tally::default(), Chronicle::default());
        let (tracker, key) = timeout(BEGINNING, Keeper::start_tracker(&site, &tally, &chronicle)).await??;
        site.key = key;
        let mut town = Self { site, keepers: BTreeMap::new(), proxies: BTreeMap::new(), tally, chronicle };
        town.keepers.insert(Party::Tracker, tracker);
        town.open_roads(args.members).await?;
        timeout(BEGINNING, town.site.create_channels()).await??;
        town.keep(Party::Host)?;
        (1..=args.members).try_for_each(|member| town.keep(Party::Member(member)))?;
        town.until("every member is in every channel", BEGINNING, |progress| progress.ready).await?;
        Ok(town)
    }

    fn keep(&mut self, party: Party) -> Result<()> {
        let keeper = Keeper::start(party, self.site.command(party)?, &self.tally, &self.chronicle)?;
        self.keepers.insert(party, keeper);
        Ok(())
    }

    async fn open_roads(&mut self, members: u16) -> Result<()> {
        let tracker = self.site.tracker_address();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let parties = (1..=members).map(Party::Member).chain([Party::Host]);
        for party in parties {
            let proxy = Proxy::start(anywhere, tracker).await?;
            self.site.tracker_of.insert(party, proxy.address);
            self.proxies.insert(Road::ToTracker(party), proxy);
        }
        let host = self.site.host_address();
        let door = SocketAddr::new(HOST_DOOR.into(), host.port());
        let proxy = Proxy::start(door, host).await.context("the host's proxy needs 127.0.0.2, which Linux has")?;
        self.proxies.insert(Road::ToHost, proxy);
        Ok(())
    }

    /// Lets a fault happen. One that nobody can suffer now is skipped.
    pub fn suffer(&self, fault: Fault) {
        let happens = match fault {
            Fault::Kill(party, away) => self.order(party, Order::Kill(away)),
            Fault::OldDisk(party, away) => self.order(party, Order::OldDisk(away)),
            Fault::End(party, away) => self.order(party, Order::End(away)),
            Fault::Freeze(party, lasts) => self.order(party, Order::Freeze(lasts)),
            Fault::Cut(road) => self.proxies.get(&road).map(Proxy::cut).is_some(),
            Fault::HalfClose(road, way) => self.proxies.get(&road).map(|proxy| proxy.half_close(way)).is_some(),
            Fault::Weather(road, weather, _) => self.proxies.get(&road).map(|proxy| proxy.set(weather)).is_some(),
        };
        self.note(fault);
        self.tally.fault(if happens { fault.kind() } else { "skipped: the process was not there" });
    }

    /// What happens to a process, its keeper notes.
    fn note(&self, fault: Fault) {
        match fault {
            Fault::Cut(road) => self.chronicle.happens(Place::Between(road), "cut"),
            Fault::HalfClose(road, _) => self.chronicle.happens(Place::Between(road), "half closed"),
            Fault::Weather(road, weather, _) => self.chronicle.begins(Place::Between(road), weather.in_short()),
            Fault::Kill(..) | Fault::End(..) | Fault::OldDisk(..) | Fault::Freeze(..) => {}
        }
    }

    fn order(&self, party: Party, order: Order) -> bool {
        self.keepers.get(&party).is_some_and(|keeper| keeper.order(order))
    }

    /// The weather of a road is over.
    pub fn clear_up(&self, road: Road) {
        if let Some(proxy) = self.proxies.get(&road) {
            proxy.set(Weather::FAIR);
            self.chronicle.ends(Place::Between(road));
        }
    }

    /// Whatever is wrong passes; returns once every process is there.
    ///
    /// # Errors
    /// One does not come back.
    pub async fn heal(&self) -> Result<()> {
        self.proxies.values().for_each(|proxy| proxy.set(Weather::FAIR));
        let began = Instant::now();
        while !self.keepers.values().all(Keeper::is_at_rest) {
            ensure!(began.elapsed() < BEGINNING, "a process does not come back");
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// How each member stands.
    #[must_use]
    pub fn progress(&self) -> Vec<(Party, Progress)> {
        self.keepers.iter().filter_map(|(party, keeper)| Some((*party, keeper.progress()?))).collect()
    }

    /// Waits until something is true of every member, and stays so for a second.
    ///
    /// # Errors
    /// It does not come about in time; says how everybody stands.
    pub async fn until(&self, what: &str, patience: Duration, is_true: impl Fn(&Progress) -> bool) -> Result<()> {
        const STAYS: u32 = 10;
        let (began, mut stayed) = (Instant::now(), 0);
        while stayed < STAYS {
            sleep(LOOK).await;
            let everybody = self.progress();
            stayed = if everybody.iter().all(|(_, progress)| is_true(progress)) { stayed + 1 } else { 0 };
            let standing =
                || everybody.iter().map(|(party, progress)| format!("{party}: {progress:?}")).collect::<Vec<_>>();
            ensure!(began.elapsed() < patience, "not within {patience:?}: {what}\n  {}", standing().join("\n  "));
        }
        Ok(())
    }

    /// Tells the members to write nothing new.
    ///
    /// # Errors
    /// The disk.
    pub fn hush(&self) -> Result<()> {
        Ok(std::fs::write(self.site.quiet(), "")?)
    }

    /// Ends everybody and writes what each has: the evidence. Returns where it is.
    ///
    /// # Errors
    /// Somebody cannot say what it has.
    pub async fn export(&mut self) -> Result<PathBuf> {
        let members: Vec<Party> =
            self.keepers.keys().copied().filter(|party| matches!(party, Party::Member(_))).collect();
        for party in &members {
            self.end(*party).await?;
        }
        for party in members {
            self.site.export_member(party).await?;
        }
        let lengths = self.site.lengths()?;
        self.end(Party::Host).await?;
        self.site.export_host(&lengths).await?;
        self.site.export_tracker(&lengths).await?;
        self.end(Party::Tracker).await?;
        let evidence = self.site.evidence();
        self.chronicle.write(&evidence.join(TROUBLES))?;
        Ok(evidence)
    }

    async fn end(&mut self, party: Party) -> Result<()> {
        let keeper = self.keepers.remove(&party).with_context(|| format!("{party} does not run"))?;
        keeper.finish().await
    }
}
