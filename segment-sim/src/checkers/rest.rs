//! What must hold once nothing goes wrong any more and everything has had its time.

use std::collections::BTreeSet;

use segment_core::peer::events::Serving;
use segment_core::peer::{ChannelView, Peer, TrackerState};
use segment_core::{LogId, LogRole};
use segment_proto::messages::Presence;
use segment_proto::{ChannelId, Rights};

use super::findings::{Check, Findings};
use super::{Checkers, TRACKER};
use crate::fleet::Fleet;
use crate::image::Log;
use crate::network::NodeId;
use crate::process::Process;

/// Adds what does not hold yet, as far as it can be seen without reading logs.
pub fn check_surface<P>(fleet: &Fleet<Process, P>, peers: &[NodeId], checkers: &Checkers, findings: &mut Findings) {
    let now = fleet.now();
    for node in peers {
        findings.look_at(*node, now);
        match fleet.machine(*node).and_then(Process::peer) {
            Some(peer) => check_peer(fleet, *node, peer, checkers, findings),
            None => findings.add(Check::RestLeftovers, "the process does not run".into()),
        }
    }
    findings.look_at(TRACKER, now);
    check_tracker(fleet, checkers, findings);
}

/// Adds what does not hold yet of what stands in the logs, and of what was ever written.
pub fn check_contents<P>(fleet: &Fleet<Process, P>, peers: &[NodeId], checkers: &Checkers, findings: &mut Findings) {
    let scene = fleet.scene();
    for node in peers {
        findings.look_at(*node, fleet.now());
        let readable = |view: &ChannelView| view.member && view.rights.include(Rights::READ);
        let views = fleet.machine(*node).and_then(Process::peer).into_iter().flat_map(Peer::channels);
        for view in views.filter(readable) {
            let (channel, role) = (view.record.channel, if view.hosted { LogRole::Host } else { LogRole::Cache });
            if let Some(log) = scene.durable(*node).log(LogId { channel, role }) {
                check_log(*node, channel, log, checkers, findings);
            }
        }
    }
    findings.look_at(TRACKER, fleet.now());
    for (channel, ledger) in checkers.ledger.channels() {
        if let Some(log) = scene.durable(TRACKER).log(LogId { channel: *channel, role: LogRole::Backup }) {
            check_backup(log, ledger, findings);
        }
    }
    check_texts(&waiting_texts(fleet, peers), &orphans(fleet, checkers), checkers, findings);
}

fn check_peer<P>(fleet: &Fleet<Process, P>, node: NodeId, peer: &Peer, checkers: &Checkers, findings: &mut Findings) {
    let state = peer.tracker_state();
    findings.expect(Check::RestPresence, state == TrackerState::LoggedIn, || format!("the tracker link is {state:?}"));
    let hidden = peer.whoami().is_none_or(|me| me.presence != Presence::Online);
    findings.expect(Check::RestPresence, !hidden, || "its user does not show up".into());
    let (pending, operations) = (peer.pending(), peer.operations());
    // Pings come and go: it is enough to have had nothing under way once.
    findings.expect(Check::RestLeftovers, checkers.idle.contains(&node), || {
        format!("{pending} requests and {operations} operations are under way")
    });
    check_links(fleet, node, peer, findings);
    for view in peer.channels() {
        // Who was removed keeps what they wrote: it goes when they are let in again.
        findings.expect(Check::RestOutboxes, view.waiting == 0 || !view.member, || {
            let ChannelView { waiting, member, rights, serving, .. } = &view;
            format!("{waiting} messages wait for {}: member {member}, {rights:?}, {serving:?}", view.record.name)
        });
        if view.member && view.rights.include(Rights::READ) {
            check_channel(fleet, peer, &view, checkers, findings);
        }
    }
}

fn check_links<P>(fleet: &Fleet<Process, P>, node: NodeId, peer: &Peer, findings: &mut Findings) {
    let known: BTreeSet<_> = peer.links().map(|view| view.link).collect();
    let real: BTreeSet<_> = fleet.network.links(node).map(|(link, _)| link).collect();
    findings.expect(Check::RestLeftovers, known == real, || format!("links {real:?}, of which it knows {known:?}"));
    let dead = known.iter().find(|link| !fleet.network.is_alive(node, **link));
    findings.expect(Check::RestLeftovers, dead.is_none(), || format!("{dead:?} has no other side"));
    let mut others = BTreeSet::new();
    for (link, end) in fleet.network.links(node) {
        let outbound = link.0 >> 63 == 0;
        findings.expect(Check::RestLeftovers, !outbound || others.insert(end.peer), || {
            format!("two links to {:?}", end.peer)
        });
    }
}

fn check_channel<P>(
    fleet: &Fleet<Process, P>,
    peer: &Peer,
    view: &ChannelView,
    checkers: &Checkers,
    findings: &mut Findings,
) {
    let (channel, name) = (view.record.channel, &view.record.name);
    let head = checkers.ledger.channel(&channel).map_or(0, super::ledger::ChannelLedger::head);
    findings.expect(Check::RestLogs, view.committed == head && view.head.pos == head, || {
        format!("{name}: place {}, committed {}, while {head} are", view.head.pos, view.committed)
    });
    let host = fleet.network.node_of(&view.record.host).unwrap_or(TRACKER);
    check_serving(host, peer, view, checkers, findings);
}

fn check_log(node: NodeId, channel: ChannelId, log: &Log, checkers: &Checkers, findings: &mut Findings) {
    let Some(ledger) = checkers.ledger.channel(&channel) else { return };
    for stored in log.iter() {
        let pos = stored.entry.pos;
        let same = ledger.get(pos).is_some_and(|entry| entry.chain == stored.chain);
        findings.expect(Check::RestLogs, same, || format!("place {pos} is not what is committed"));
        let reported = checkers.sources.is_reported_or_own(node, channel, pos);
        findings.expect(Check::TrueSource, reported, || format!("nobody said from where place {pos} came"));
    }
}

fn check_serving(host: NodeId, peer: &Peer, view: &ChannelView, checkers: &Checkers, findings: &mut Findings) {
    let name = &view.record.name;
    if view.hosted {
        let report = peer.host_report(view.record.channel);
        let owns = report.as_ref().is_ok_and(|report| report.owns.is_some() && report.resubmit == 0);
        findings.expect(Check::RestOwners, owns, || format!("{name} is hosted here: {report:?}"));
        return;
    }
    let host_gone = checkers.gone.contains(&host);
    let invisible = peer.whoami().is_some_and(|me| me.presence == Presence::Invisible);
    let served = match view.serving {
        Serving::Host(device) => device == view.record.host,
        Serving::Copy => invisible || host_gone,
        Serving::Here | Serving::Nowhere => false,
    };
    findings.expect(Check::RestOwners, served, || format!("{name} is served from {:?}", view.serving));
}

fn check_tracker<P>(fleet: &Fleet<Process, P>, checkers: &Checkers, findings: &mut Findings) {
    let tracker = fleet.machine(TRACKER).and_then(Process::tracker);
    let peers = fleet.network.links(TRACKER).map(|(_, end)| end.peer).collect::<Vec<_>>();
    let once: BTreeSet<_> = peers.iter().collect();
    findings.expect(Check::RestLeftovers, once.len() == peers.len(), || {
        format!("{} links to {} devices are left", peers.len(), once.len())
    });
    let gone = fleet.network.links(TRACKER).filter_map(|(_, end)| fleet.network.node_of(&end.peer));
    let gone: Vec<NodeId> = gone.filter(|node| checkers.gone.contains(node)).collect();
    findings.expect(Check::RestLeftovers, gone.is_empty(), || format!("links to {gone:?}, who are gone"));
    let idle = tracker.is_some_and(|tracker| tracker.operations() == 0);
    findings.expect(Check::RestLeftovers, idle, || "the tracker has operations under way".into());
    let scene = fleet.scene();
    for (channel, ledger) in checkers.ledger.channels() {
        let log = scene.durable(TRACKER).log(LogId { channel: *channel, role: LogRole::Backup });
        let last = log.and_then(Log::last).map_or(0, |stored| stored.entry.pos);
        findings.expect(Check::RestLogs, last == ledger.head(), || {
            format!("the tracker has {last} messages, {} are committed", ledger.head())
        });
    }
}

fn check_backup(log: &Log, ledger: &super::ledger::ChannelLedger, findings: &mut Findings) {
    let first = log.first().map_or(1, |stored| stored.entry.pos);
    let kept = ledger.entries().iter().skip(usize::try_from(first - 1).unwrap_or(0));
    let same = log.iter().map(|stored| stored.chain).eq(kept.map(|entry| entry.chain));
    findings.expect(Check::CommittedStands, same, || "the tracker's log is not what it has committed".into());
    let mut texts = BTreeSet::new();
    for text in log.iter().filter_map(|stored| stored.entry.envelope.text()) {
        findings.expect(Check::OnceEach, texts.insert(text.to_owned()), || format!("{text:?} stands twice"));
    }
}

/// Adds whom a node sees and who is not there, and the other way round.
pub fn check_presence<P>(fleet: &Fleet<Process, P>, peers: &[NodeId], checkers: &Checkers, findings: &mut Findings) {
    let there: BTreeSet<_> = peers.iter().map(|node| fleet.network.device(*node)).collect();
    // Visitors may not ask.
    let is_user = |node: &&NodeId| {
        let me = fleet.machine(**node).and_then(Process::peer).and_then(Peer::whoami);
        me.is_some_and(|me| !me.who.is_visitor())
    };
    for node in peers.iter().filter(is_user) {
        findings.look_at(*node, fleet.now());
        let seen = checkers.seen.get(node);
        findings
            .expect(Check::RestPresence, seen == Some(&there), || format!("{seen:?} are listed, {there:?} are there"));
    }
}

fn waiting_texts<P>(fleet: &Fleet<Process, P>, peers: &[NodeId]) -> BTreeSet<String> {
    let peers = peers.iter().filter_map(|node| fleet.machine(*node).and_then(Process::peer));
    let texts = |peer: &Peer| {
        let outgoing = |view: ChannelView| peer.outgoing(view.record.channel).into_iter().flatten();
        peer.channels().flat_map(outgoing).filter_map(|item| item.text).collect::<Vec<_>>()
    };
    peers.flat_map(texts).collect()
}

/// Channels whose host never comes back.
fn orphans<P>(fleet: &Fleet<Process, P>, checkers: &Checkers) -> BTreeSet<ChannelId> {
    let is_gone = |host| fleet.network.node_of(host).is_some_and(|node| checkers.gone.contains(&node));
    checkers.truth.channels().filter(|record| is_gone(&record.host)).map(|record| record.channel).collect()
}

/// Every text that was queued is committed or refused, or waits, and never both of the first two.
fn check_texts(
    waiting: &BTreeSet<String>,
    orphans: &BTreeSet<ChannelId>,
    checkers: &Checkers,
    findings: &mut Findings,
) {
    for (text, written) in checkers.truth.texts() {
        let ledger = checkers.ledger.channel(&written.channel);
        let committed = ledger.and_then(|ledger| ledger.find_text(text)).is_some();
        let refused = checkers.refused_texts.contains(text);
        findings.look_at(written.node, findings.now());
        let shown = text.chars().take(16).collect::<String>();
        let waits = waiting.contains(text) || checkers.kept_waiting.contains(text);
        // Until an author is told that a message is queued, a crash may take it.
        // Who never comes back takes with them what nobody else had on disk.
        let kept_by_host = written.stored && !orphans.contains(&written.channel) && !checkers.is_liar(written.node);
        let lost_with_author = checkers.gone.contains(&written.node) && !kept_by_host;
        let kept = committed || refused || waits || !written.promised || lost_with_author;
        findings.expect(Check::NothingLost, kept && !(committed && refused), || {
            format!("{shown:?}: committed is {committed}, refused is {refused}, waiting is {waits}")
        });
    }
}
