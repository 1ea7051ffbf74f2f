//! The mixed load: what users ask of a tracker, about as often as they do.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use segment_benches::driven::Work;
use segment_benches::figures::Latencies;
use segment_proto::Message;
use segment_proto::messages::{
    ChannelFilter, ChannelPage, FindChannel, FindUser, JoinChannel, LeaveChannel, ListChannels, ListMembers, ListUsers,
    Ping, Presence, SetStatus,
};

use crate::chance::Chance;
use crate::town::{self, Town, channel_name, owner_of, user_name};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Ping,
    FindChannel,
    FindUser,
    ListChannels,
    ListUsers,
    ListMembers,
    Join,
    Leave,
    Login,
    Resume,
    Gone,
    Status,
    Host,
}

/// Each, how it is called, and in how many of a hundred cases. Who comes is as often as who goes.
const MIX: [(Kind, &str, u64); 13] = [
    (Kind::Ping, "ping", 15),
    (Kind::FindChannel, "find a channel", 16),
    (Kind::FindUser, "find a user", 12),
    (Kind::ListChannels, "a page of channels", 5),
    (Kind::ListUsers, "a page of users", 3),
    (Kind::ListMembers, "a page of members", 4),
    (Kind::Join, "join", 14),
    (Kind::Leave, "leave", 4),
    (Kind::Login, "log in by password", 5),
    (Kind::Resume, "log in by token", 5),
    (Kind::Gone, "go", 10),
    (Kind::Status, "hide or show oneself", 3),
    (Kind::Host, "register as host", 4),
];

/// What was measured of one kind.
#[derive(Default)]
struct Figures {
    machine: Latencies,
    both: Latencies,
    spent: Duration,
    count: u64,
    queued: u64,
}

/// A load, as far as it has come.
pub struct Load {
    chance: Chance,
    figures: Vec<Figures>,
    done: u64,
}

impl Load {
    pub fn new(seed: u64) -> Self {
        Self { chance: Chance::new(seed), figures: MIX.iter().map(|_| Figures::default()).collect(), done: 0 }
    }

    pub fn run(&mut self, town: &mut Town, operations: u64) -> Result<()> {
        for _ in 0..operations {
            let index = self.choose();
            let before = town.tracker.work;
            self.step(MIX[index].0, town).with_context(|| format!("operation {}: {}", self.done, MIX[index].1))?;
            self.note(index, &before, &town.tracker.work);
        }
        Ok(())
    }

    fn choose(&mut self) -> usize {
        let mut left = self.chance.below(MIX.iter().map(|(_, _, share)| share).sum());
        let chosen = MIX.iter().position(|(_, _, share)| {
            let is_chosen = left < *share;
            left = left.saturating_sub(*share);
            is_chosen
        });
        chosen.unwrap_or_default()
    }

    fn note(&mut self, index: usize, before: &Work, after: &Work) {
        let (machine, store) = (after.machine - before.machine, after.store - before.store);
        let figures = &mut self.figures[index];
        figures.machine.add(machine);
        figures.both.add(machine + store);
        figures.spent += machine + store;
        figures.queued += after.queued - before.queued;
        figures.count += 1;
        self.done += 1;
    }

    fn step(&mut self, kind: Kind, town: &mut Town) -> Result<()> {
        let index = usize::try_from(self.chance.below(town.online.len() as u64))?;
        let who = *town.online.get(index).context("somebody is here")?;
        let channel = self.chance.popular(town.channels.len() as u64);
        let ask = |town: &mut Town, message: Message| town.tracker.ask(who.link, message);
        match kind {
            Kind::Ping => {
                ensure!(matches!(ask(town, Ping {}.into())?, Message::Pong(_)), "no pong");
            }
            Kind::FindChannel => {
                let found = ask(town, FindChannel { name: channel_name(channel) }.into())?;
                is_found(&found, channel, town.joined.contains(&(channel, who.user)))?;
            }
            Kind::FindUser => {
                let user = self.chance.popular(town.users);
                let answer = ask(town, FindUser { name: user_name(user) }.into())?;
                let account = matches!(&answer, Message::UserFound(found) if found.account == town::account_of(user));
                ensure!(account, "{} is {answer:?}", user_name(user));
            }
            Kind::ListChannels => {
                let list = ListChannels { filter: ChannelFilter::All, after: channel_name(channel) };
                is_page(&ask(town, list.into())?, channel, town)?;
            }
            Kind::ListUsers => {
                let answer = ask(town, ListUsers { after: None }.into())?;
                ensure!(matches!(&answer, Message::UserPage(page) if !page.rows.is_empty()), "nobody is here");
            }
            Kind::ListMembers => {
                let id = town.channels[usize::try_from(channel)?];
                let after = segment_proto::AccountId(0);
                let answer = ask(town, ListMembers { channel: id, after }.into())?;
                let Message::MemberPage(page) = answer else { anyhow::bail!("no members: {answer:?}") };
                let members = town.joined.range((channel, 0)..=(channel, u64::MAX)).count();
                ensure!(page.more || page.rows.len() == members, "{} of {members} members", page.rows.len());
            }
            Kind::Join => {
                let answer = ask(town, JoinChannel { name: channel_name(channel) }.into())?;
                if matches!(&answer, Message::ChannelFound(_)) {
                    town.joined.insert((channel, who.user));
                    is_found(&answer, channel, true)?;
                } else {
                    is_full(town, &answer, channel)?;
                }
            }
            Kind::Leave => self.leave(town, who.user, who.link)?,
            Kind::Login => {
                let user = town.away(&mut self.chance);
                town.enter(user)?;
            }
            Kind::Resume => {
                let user = town.away(&mut self.chance);
                town.resume(user)?;
            }
            Kind::Gone => town.leave(index)?,
            Kind::Status => {
                let presence = if who.presence == Presence::Online { Presence::Invisible } else { Presence::Online };
                ensure!(matches!(ask(town, SetStatus { presence }.into())?, Message::Done(_)), "no status is set");
                town.online[index].presence = presence;
            }
            Kind::Host => self.host(town)?,
        }
        Ok(())
    }

    /// Somebody leaves a channel that they have joined, where there is one that they do not own.
    fn leave(&mut self, town: &mut Town, user: u64, link: segment_proto::LinkId) -> Result<()> {
        let from = self.chance.popular(town.channels.len() as u64);
        let joined = town.joined.range((from, 0)..).take(64);
        let own = joined.copied().find(|(channel, of)| *of == user && owner_of(*channel) != user);
        let channel = own.map_or(from, |(channel, _)| channel);
        if owner_of(channel) == user {
            return Ok(());
        }
        let id = town.channels[usize::try_from(channel)?];
        ensure!(matches!(town.tracker.ask(link, LeaveChannel { channel: id })?, Message::Done(_)), "it is not left");
        town.joined.remove(&(channel, user));
        Ok(())
    }

    /// An owner who is here and shows it registers as the host of one of their channels.
    fn host(&mut self, town: &mut Town) -> Result<()> {
        let owners = town.channels.len() as u64 / town::CHANNELS_EACH;
        let from = usize::try_from(self.chance.below(town.online.len() as u64))?;
        let all = town.online.iter().cycle().skip(from).take(town.online.len());
        let owner = all.copied().find(|online| online.user < owners && online.presence == Presence::Online);
        let Some(owner) = owner else { return Ok(()) };
        let channel = owner.user * town::CHANNELS_EACH + self.chance.below(town::CHANNELS_EACH);
        town.host(owner.link, channel, self.chance.number())
    }

    /// A table of what was done, and what a core does of it in a second.
    pub fn print(&self, town: &Town) {
        println!(
            "\n| {} operations | of them | machine p50, us | p99, us | with SQLite p50, us | p99, us | links queued, mean |",
            self.done
        );
        println!("|---|---|---|---|---|---|---|");
        for ((_, name, _), figures) in MIX.iter().zip(&self.figures) {
            let us = |latencies: &Latencies, percent| latencies.percentile(percent).as_secs_f64() * 1e6;
            println!(
                "| {name} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
                figures.count,
                us(&figures.machine, 50),
                us(&figures.machine, 99),
                us(&figures.both, 50),
                us(&figures.both, 99),
                figures.queued as f64 / figures.count.max(1) as f64,
            );
        }
        let spent: Duration = self.figures.iter().map(|figures| figures.spent).sum();
        let per_second = self.done as f64 / spent.as_secs_f64();
        println!(
            "\n{per_second:.0} operations a second of one core, {} users here, {} memberships",
            town.online.len(),
            town.joined.len()
        );
    }
}

fn is_found(answer: &Message, channel: u64, joined: bool) -> Result<()> {
    let Message::ChannelFound(found) = answer else { anyhow::bail!("{} is {answer:?}", channel_name(channel)) };
    let name = found.row.record.name.as_str();
    ensure!(name == channel_name(channel) && found.row.joined == joined, "{name}, joined {}", found.row.joined);
    Ok(())
}

/// The names that follow, in their order.
fn is_page(answer: &Message, after: u64, town: &Town) -> Result<()> {
    let Message::ChannelPage(ChannelPage { rows, more }) = answer else { anyhow::bail!("no page: {answer:?}") };
    let behind = town.channels.len() as u64 - after - 1;
    ensure!(*more || rows.len() as u64 == behind, "{} of {behind} channels", rows.len());
    let right = rows.iter().zip(after + 1..).all(|(row, number)| row.record.name.as_str() == channel_name(number));
    ensure!(right, "channels are missing behind {}", channel_name(after));
    Ok(())
}

/// Whoever is not let in finds the channel full.
fn is_full(town: &Town, answer: &Message, channel: u64) -> Result<()> {
    let members = town.joined.range((channel, 0)..=(channel, u64::MAX)).count();
    let full = segment_proto::limits::MEMBERS_PER_CHANNEL_MAX;
    ensure!(members >= full, "{} with {members} members: {answer:?}", channel_name(channel));
    Ok(())
}
