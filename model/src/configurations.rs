//! The small worlds that are explored.

use crate::config::{Budget, Config, Fault, Hosts, Scene};

const PLAIN: Config = Config {
    name: "",
    about: "",
    hosts: Hosts::One,
    lines: [2, 0],
    scenes: &[],
    faults: &[],
    budget: Budget::suspicions(1),
};

/// All of them.
pub const ALL: &[Config] = &[
    Config {
        name: "takeover",
        about: "two authors, two wrong takeovers, the host crashes at any moment",
        lines: [2, 1],
        budget: Budget::suspicions(2).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "takeover-old-copies",
        about: "one takeover and a crash, submits are repeated and reordered by the network",
        lines: [2, 1],
        faults: &[Fault::OldCopies],
        budget: Budget::suspicions(1).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "author-dies",
        about: "an author dies for ever after any step, the host crashes",
        lines: [2, 1],
        faults: &[Fault::AuthorDies],
        budget: Budget::suspicions(2).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "author-crashes",
        about: "an author's process dies and starts again",
        budget: Budget::suspicions(1).author_crashes(1),
        ..PLAIN
    },
    Config {
        name: "author-restored-copies",
        about: "an author's disk comes back from a backup, submits are repeated by the network",
        lines: [3, 0],
        faults: &[Fault::AuthorRestored, Fault::OldCopies],
        ..PLAIN
    },
    Config {
        name: "author-restored",
        about: "the same without copies",
        lines: [3, 0],
        faults: &[Fault::AuthorRestored],
        ..PLAIN
    },
    Config {
        name: "author-restored-host-lost",
        about: "an author's disk comes back from a backup, the host's disk may be lost",
        faults: &[Fault::AuthorRestored, Fault::HostDiskLost],
        ..PLAIN
    },
    Config {
        name: "kick",
        about: "the owner kicks an author and lets them in again, while messages are queued everywhere",
        scenes: &[Scene::Kick, Scene::Allow],
        ..PLAIN
    },
    Config { name: "kick-for-good", about: "a kick, and nothing else", lines: [1, 0], scenes: &[Scene::Kick], ..PLAIN },
    Config {
        name: "kick-crash",
        about: "the same, and the host crashes",
        scenes: &[Scene::Kick, Scene::Allow],
        budget: Budget::suspicions(1).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "kick-old-copies",
        about: "the same, submits are repeated and reordered by the network",
        scenes: &[Scene::Kick, Scene::Allow],
        faults: &[Fault::OldCopies],
        ..PLAIN
    },
    Config {
        name: "kick-two-hosts",
        about: "a kick while the channel moves between two devices",
        hosts: Hosts::TwoDevices,
        lines: [1, 0],
        scenes: &[Scene::Kick],
        budget: Budget::suspicions(2),
        ..PLAIN
    },
    Config {
        name: "kick-owner-lost",
        about: "a kick and a re-admission, and the device of the owner, who hosts, is lost for ever",
        scenes: &[Scene::Kick, Scene::Allow],
        faults: &[Fault::OwnerLost],
        ..PLAIN
    },
    Config {
        name: "kick-author-dies",
        about: "a kick and a re-admission, the author may die, the host may crash",
        scenes: &[Scene::Kick, Scene::Allow],
        faults: &[Fault::AuthorDies],
        budget: Budget::suspicions(1).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "two-hosts",
        about: "two devices that both host, two authors, two takeovers",
        hosts: Hosts::TwoDevices,
        lines: [1, 1],
        budget: Budget::suspicions(2),
        ..PLAIN
    },
    Config {
        name: "two-hosts-crash",
        about: "two devices that both host, an author may die, a host may crash",
        hosts: Hosts::TwoDevices,
        faults: &[Fault::AuthorDies],
        budget: Budget::suspicions(1).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "host-lost",
        about: "two devices, the disk of one is lost for ever",
        hosts: Hosts::TwoDevices,
        lines: [1, 1],
        faults: &[Fault::HostDiskLost],
        ..PLAIN
    },
    Config {
        name: "host-restored",
        about: "a host's disk comes back as it was one entry ago",
        faults: &[Fault::HostRestored],
        budget: Budget::suspicions(1).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "copied-disk",
        about: "a host's disk is copied, and a second process started on the copy",
        hosts: Hosts::CopiedDisk,
        lines: [1, 1],
        ..PLAIN
    },
    Config {
        name: "cloned",
        about: "a running host is cloned, memory and all",
        hosts: Hosts::Cloned,
        lines: [1, 1],
        ..PLAIN
    },
    Config { name: "cloned-one-author", about: "the same with two lines of one author", hosts: Hosts::Cloned, ..PLAIN },
    Config {
        name: "cloned-unreachable",
        about: "the same, and the author reaches only one of both at a time",
        hosts: Hosts::Cloned,
        budget: Budget::suspicions(1).unreachable(2),
        ..PLAIN
    },
    Config {
        name: "cloned-reply",
        about: "a running host is cloned, while B answers A and the owner writes too",
        hosts: Hosts::Cloned,
        lines: [1, 1],
        scenes: &[Scene::Reply, Scene::Notice],
        budget: Budget::suspicions(0),
        ..PLAIN
    },
    Config {
        name: "torn-writes",
        about: "the tracker loses what it has not synced, entries and epoch records, twice; the host crashes",
        lines: [1, 1],
        budget: Budget::suspicions(1).host_crashes(1).tracker_crashes(2),
        ..PLAIN
    },
    Config {
        name: "reply",
        about: "an answer to what was seen before it was committed, two takeovers and a crash",
        lines: [1, 1],
        scenes: &[Scene::Reply],
        budget: Budget::suspicions(2).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "reply-forwarded",
        about: "the same through a tracker that forwards, submits are repeated by the network",
        lines: [1, 1],
        scenes: &[Scene::Reply, Scene::Forwarding],
        faults: &[Fault::OldCopies],
        budget: Budget::suspicions(2),
        ..PLAIN
    },
    Config {
        name: "reply-two-lost",
        about: "an answer to the second of two lines; the author dies and the host's disk is lost",
        lines: [2, 1],
        scenes: &[Scene::Reply],
        faults: &[Fault::AuthorDies, Fault::HostDiskLost],
        ..PLAIN
    },
    Config {
        name: "reply-two-hosts",
        about: "an answer while the channel moves between two devices",
        hosts: Hosts::TwoDevices,
        lines: [1, 1],
        scenes: &[Scene::Reply],
        budget: Budget::suspicions(2),
        ..PLAIN
    },
    Config {
        name: "too-big",
        about: "a line that is refused for good, with others behind it",
        lines: [3, 0],
        scenes: &[Scene::TooBig],
        budget: Budget::suspicions(2).host_crashes(1),
        ..PLAIN
    },
    Config {
        name: "second-channel",
        about: "a line of the same author to another channel in between",
        lines: [3, 0],
        scenes: &[Scene::SecondChannel],
        ..PLAIN
    },
    Config {
        name: "retention",
        about: "a prefix is deleted while an author comes back from a backup",
        lines: [3, 0],
        scenes: &[Scene::Retention],
        faults: &[Fault::AuthorRestored],
        ..PLAIN
    },
    Config {
        name: "tracker-restored",
        about: "the tracker's disk comes back as it was at any earlier moment: one author",
        faults: &[Fault::TrackerRestored],
        ..PLAIN
    },
    Config {
        name: "tracker-restored-reader",
        about: "the same with a second author",
        lines: [1, 1],
        faults: &[Fault::TrackerRestored],
        ..PLAIN
    },
    Config {
        name: "tracker-restored-host-lost",
        about: "the tracker's disk comes back older, and the host's disk is lost",
        faults: &[Fault::TrackerRestored, Fault::HostDiskLost],
        ..PLAIN
    },
    Config {
        name: "tracker-restored-author-dies",
        about: "the tracker's disk comes back older, and an author's disk is lost: two authors",
        lines: [1, 1],
        faults: &[Fault::TrackerRestored, Fault::AuthorDies],
        ..PLAIN
    },
];

/// The configuration of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Config> {
    ALL.iter().find(|config| config.name == name)
}
