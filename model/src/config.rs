//! What a configuration is: few machines, few messages, and what may happen to them.

/// Which hosts there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// One.
    One,
    /// Two devices that may both host; the first owns epoch 1.
    TwoDevices,
    /// The disk of one device was copied, and a second process started on the copy.
    CopiedDisk,
    /// A running host was cloned, memory and all: both own epoch 1.
    Cloned,
}

/// What may happen that should not, at any moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A's disk is lost for ever.
    AuthorDies,
    /// A's disk is backed up, and later restored, once.
    AuthorRestored,
    /// A host's disk is lost for ever.
    HostDiskLost,
    /// The owner's device is lost for ever: the first host's disk, and the owner's outbox with it.
    OwnerLost,
    /// A host's disk comes back as it was one entry ago.
    HostRestored,
    /// The tracker's disk comes back as it was at any earlier moment, once, and it does not know.
    TrackerRestored,
    /// Copies of submits stay in the network for ever, and arrive at any time.
    OldCopies,
}

/// What people do, beside writing lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// The owner kicks A.
    Kick,
    /// The owner lets A in again.
    Allow,
    /// The owner writes a line.
    Notice,
    /// B answers what A wrote last, once B has seen it.
    Reply,
    /// Submits go through the tracker, which forwards them to the host.
    Forwarding,
    /// A's first line is too big.
    TooBig,
    /// A's second line goes to another channel.
    SecondChannel,
    /// The owner's policy deletes a prefix of the log.
    Retention,
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The tracker suspects a host that is there.
    pub suspicions: u8,
    /// A host process dies and starts again.
    pub host_crashes: u8,
    /// The tracker dies, loses what is not synced, and starts again.
    pub tracker_crashes: u8,
    /// An author's process dies and starts again.
    pub author_crashes: u8,
    /// An author reaches nobody but the sequencer that they talk to.
    pub unreachable: u8,
}

impl Budget {
    /// So many wrong suspicions, and nothing else.
    #[must_use]
    pub const fn suspicions(suspicions: u8) -> Self {
        Self { suspicions, host_crashes: 0, tracker_crashes: 0, author_crashes: 0, unreachable: 0 }
    }

    /// So many crashes of hosts.
    #[must_use]
    pub const fn host_crashes(self, host_crashes: u8) -> Self {
        Self { host_crashes, ..self }
    }

    /// So many crashes of the tracker.
    #[must_use]
    pub const fn tracker_crashes(self, tracker_crashes: u8) -> Self {
        Self { tracker_crashes, ..self }
    }

    /// So many crashes of authors.
    #[must_use]
    pub const fn author_crashes(self, author_crashes: u8) -> Self {
        Self { author_crashes, ..self }
    }

    /// So often an author reaches nobody else.
    #[must_use]
    pub const fn unreachable(self, unreachable: u8) -> Self {
        Self { unreachable, ..self }
    }
}

/// A small world to be explored.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// For the command line.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Which hosts there are.
    pub hosts: Hosts,
    /// How many lines A and B write; a member who writes none is not there.
    pub lines: [u8; 2],
    /// What people do.
    pub scenes: &'static [Scene],
    /// What may go wrong.
    pub faults: &'static [Fault],
    /// How often something may happen.
    pub budget: Budget,
}

impl Config {
    /// Whether a fault may happen.
    #[must_use]
    pub fn may(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether people do this.
    #[must_use]
    pub fn plays(&self, scene: Scene) -> bool {
        self.scenes.contains(&scene)
    }

    /// How many hosts there are.
    #[must_use]
    pub const fn host_count(&self) -> u8 {
        match self.hosts {
            Hosts::One => 1,
            _ => 2,
        }
    }

    /// Whether both hosts are processes of one device.
    #[must_use]
    pub const fn one_device(&self) -> bool {
        matches!(self.hosts, Hosts::One | Hosts::CopiedDisk | Hosts::Cloned)
    }

    /// Whether a machine may come back with an older state than it had acknowledged.
    #[must_use]
    pub fn disks_go_back(&self) -> bool {
        self.may(Fault::TrackerRestored) || self.may(Fault::HostRestored) || matches!(self.hosts, Hosts::Cloned)
    }
}
