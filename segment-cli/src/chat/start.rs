//! From arguments to a running chat.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::output::Out;
use super::searching::Searching;
use super::streaming::Streaming;
use super::talk::Talk;
use super::{Chat, narrator};
use crate::args::{EmbeddedTracker, Input, PeerOptions};
use crate::config::{Layers, Settings, SettingsError, Source, variables};
use crate::connection_log::{ConnectionLog, LogLimits};
use crate::errors::{LocalReason, Problem};
use crate::grammar::Origin;
use crate::node::{Embedded, Keeping, NodeError, PeerNode, PeerPlan, TrackerOf};
use crate::password::PasswordSource;
use crate::profile::{Marks, Paths, Profile, Remembered, settings_path};
use crate::url::TrackerUrl;

const LOCALHOST: &str = "127.0.0.1";

/// Starts everything that a chat needs, and connects. A tracker that does not answer is a problem
/// for a script; a person is told, and it is tried on.
///
/// # Errors
/// [`Problem`]: nothing runs.
pub async fn start(options: &PeerOptions, out: Out) -> Result<Chat, Problem> {
    let paths = Paths::find(options.dir.as_deref())?;
    let profile = Arc::new(Profile::open(&paths, options.profile.clone())?);
    let layers = layers(options, &paths)?;
    let settings = layers.settings();
    let passwords = passwords(&settings)?;
    out.take(&settings);
    let remembered = Remembered::load(profile.dir());
    let wish = Wish::of(&settings, &remembered, options)?;
    let embedded = match &wish {
        Wish::Embedded => Some(run_embedded(options, &paths, &out).await?),
        Wish::Named(_) => None,
    };
    let mut tracker = wish.url(options.tracker_port);
    if let Some(embedded) = &embedded {
        tracker.key = embedded.key().await;
    }
    let plan = plan(&settings, &tracker)?;
    let (log, log_guard) = ConnectionLog::open(profile.dir(), LogLimits::default()).map_err(NodeError::from)?;
    let node = PeerNode::start(&profile, Keeping::Profile, plan, &log).await?;
    let talk = Talk::default();
    let me = node.peer.call(|machine, _| machine.whoami()).await?;
    {
        let mut known = talk.known();
        known.marks = Marks::load(profile.dir());
        known.removed = me.map(|me| known.marks.removed(me.who.account)).unwrap_or_default();
    }
    let narrator = narrator::spawn(&node, &out, &talk, &profile, &tracker);
    let origin = match options.input {
        Input::Prompt => Origin::Prompt,
        Input::File(_) | Input::Stdin => Origin::File,
        _ => Origin::Argument,
    };
    let mut chat = Chat {
        profile,
        log,
        _log_guard: log_guard,
        plan,
        node,
        narrator,
        embedded,
        tracker,
        passwords,
        wait: settings.wait,
        patience: settings.timeout,
        layers,
        absent: None,
        origin,
        out,
        talk,
        searching: Searching::default(),
        streaming: Streaming::default(),
        stdin_is_free: matches!(options.input, Input::Commands(_) | Input::File(_)),
    };
    chat.take_settings();
    chat.enter(remembered).await?;
    Ok(chat)
}

/// Which tracker is meant.
enum Wish {
    Named(TrackerUrl),
    Embedded,
}

impl Wish {
    fn of(settings: &Settings, remembered: &Remembered, options: &PeerOptions) -> Result<Self, Problem> {
        if let Some(url) = &settings.tracker {
            return Ok(Self::Named(url.clone()));
        }
        let own = local(options.tracker_port);
        let last = remembered.tracker.as_ref().filter(|address| **address != own.address());
        if let Some(address) = last {
            let url = address.parse().map_err(|error| Problem::local(LocalReason::Profile).saying(error))?;
            return Ok(Self::Named(url));
        }
        match options.embedded_tracker {
            EmbeddedTracker::WhenNeeded => Ok(Self::Embedded),
            EmbeddedTracker::Never => Ok(Self::Named(own)),
        }
    }

    fn url(self, port: u16) -> TrackerUrl {
        match self {
            Self::Named(url) => url,
            Self::Embedded => local(port),
        }
    }
}

fn local(port: u16) -> TrackerUrl {
    TrackerUrl { host: LOCALHOST.to_owned(), port, key: None }
}

/// The settings of all sources.
///
/// # Errors
/// [`LocalReason::Settings`]
pub fn layers(options: &PeerOptions, paths: &Paths) -> Result<Layers, Problem> {
    let load = || {
        let profile = settings_path(&paths.profile(&options.profile));
        Layers::load(options.given.clone(), variables(|name| std::env::var(name))?, &profile, &paths.settings())
    };
    load().map_err(|error: SettingsError| Problem::local(LocalReason::Settings).saying(error))
}

fn passwords(settings: &Settings) -> Result<PasswordSource, Problem> {
    let variable = std::env::var("SEGMENT_PASSWORD").ok();
    let (given, of_files) = match settings.password_cmd.clone() {
        Some((command, Source::Flag | Source::Variable)) => (Some(command), None),
        other => (None, other.map(|(command, _)| command)),
    };
    Ok(PasswordSource::choose(given, variable, of_files)?)
}

async fn run_embedded(options: &PeerOptions, paths: &Paths, out: &Out) -> Result<Embedded, Problem> {
    let told = out.clone();
    let took_over = move || narrator::tell_takeover(&told);
    let (embedded, of) = Embedded::ensure(paths, options.tracker_port, took_over).await?;
    if of == TrackerOf::ThisProcess {
        let address = local(options.tracker_port).address();
        let text = format!("No tracker was running on this machine: this program runs yours now, at {address}.");
        out.remark(&text).await.map_err(super::unheard)?;
    }
    Ok(embedded)
}

/// Where to listen: only on this machine where the tracker is on it, too.
fn plan(settings: &Settings, tracker: &TrackerUrl) -> Result<PeerPlan, Problem> {
    let bad = |what: &str, text: &str| {
        let text = format!("{what}: {text:?} is not an address; write an IP address, with or without a port");
        Problem::local(LocalReason::Settings).saying(text)
    };
    let bind = match settings.bind.as_deref() {
        Some(text) => parse_bind(text).ok_or_else(|| bad("bind", text))?,
        None => SocketAddr::new(default_ip(tracker), 0),
    };
    let advertise = settings.advertise.as_deref();
    let advertise = advertise.map(|text| text.parse().map_err(|_| bad("advertise", text))).transpose()?;
    Ok(PeerPlan { bind, advertise })
}

fn parse_bind(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 0)))
}

fn default_ip(tracker: &TrackerUrl) -> IpAddr {
    let is_name_of_loopback = tracker.host == "localhost";
    match tracker.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) if !ip.is_loopback() => Ipv4Addr::UNSPECIFIED.into(),
        Ok(IpAddr::V6(ip)) if !ip.is_loopback() => Ipv6Addr::UNSPECIFIED.into(),
        Ok(ip) => ip,
        Err(_) if is_name_of_loopback => Ipv4Addr::LOCALHOST.into(),
        Err(_) => Ipv4Addr::UNSPECIFIED.into(),
    }
}
