//! One link per device that hosts joined channels, shared by all channels of that device.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;

use segment_proto::{DeviceId, Instant, Limits, LinkId};

use crate::contract::{Deadline, Endpoint, earliest};
use crate::peer::dialler::{DialState, Dialler};
use crate::random::Random;

/// How a host can be reached now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On this link.
    Up(LinkId),
    /// Not yet, but it was not waited for long.
    Trying,
    /// Not, as far as is known; it is dialled again if it is wanted.
    Away,
}

#[derive(Debug)]
struct HostDialler {
    dialler: Dialler,
    patient_until: Option<Instant>,
}

/// The hosts that are wanted.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    by_device: BTreeMap<DeviceId, HostDialler>,
}

impl Hosts {
    /// How a host can be reached.
    pub(crate) fn reach(&self, host: &DeviceId, now: Instant) -> Reach {
        let Some(host) = self.by_device.get(host) else {
            return Reach::Away;
        };
        match host.dialler.up() {
            Some(link) => Reach::Up(link),
            None if host.patient_until.is_some_and(|until| now < until) => Reach::Trying,
            None => Reach::Away,
        }
    }

    /// Keeps links to exactly these hosts, at these addresses; the links that are not wanted any more.
    pub(crate) fn want(
        &mut self,
        wanted: &BTreeMap<DeviceId, SocketAddr>,
        now: Instant,
        limits: &Limits,
    ) -> Vec<LinkId> {
        let mut ended = Vec::new();
        self.by_device.retain(|device, host| {
            let keep = wanted.contains_key(device);
            if !keep {
                ended.extend(host.dialler.link());
            }
            keep
        });
        for (device, address) in wanted {
            let endpoint = Endpoint { address: *address, key: Some(*device) };
            match self.by_device.get_mut(device) {
                Some(host) => host.move_to(endpoint, now, limits),
                None => {
                    let dialler = Dialler::new(endpoint, now);
                    let patient_until = Some(now + limits.host_patience);
                    self.by_device.insert(*device, HostDialler { dialler, patient_until });
                }
            }
        }
        ended
    }

    /// The host behind a link that is dialled or up.
    pub(crate) fn by_link(&self, link: LinkId) -> Option<(DeviceId, Endpoint)> {
        self.by_device
            .iter()
            .find(|(_, host)| host.dialler.link() == Some(link))
            .map(|(device, host)| (*device, host.dialler.endpoint))
    }

    pub(crate) fn is_dialling(&self, link: LinkId) -> bool {
        self.by_device.values().any(|host| host.dialler.state() == DialState::Dialling(link))
    }

    pub(crate) fn on_link_up(&mut self, host: &DeviceId, link: LinkId) {
        if let Some(host) = self.by_device.get_mut(host) {
            host.dialler.on_link_up(link);
        }
    }

    pub(crate) fn on_welcome(&mut self, host: &DeviceId, link: LinkId, now: Instant) {
        if let Some(host) = self.by_device.get_mut(host) {
            host.dialler.on_welcome(link, now);
            host.patient_until = None;
        }
    }

    /// A dial failed or a link is lost. Who was there a moment ago may be back in a moment.
    pub(crate) fn on_lost(&mut self, link: LinkId, now: Instant, random: &mut Random, limits: &Limits) {
        let Some(host) = self.by_device.values_mut().find(|host| host.dialler.link() == Some(link)) else {
            return;
        };
        host.patient_until = host.dialler.up().map(|_| now + limits.host_patience);
        host.dialler.on_lost(now, random, limits);
    }

    /// The dialler of a host that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<&mut Dialler> {
        self.by_device.values_mut().map(|host| &mut host.dialler).find(|dialler| dialler.is_due(now))
    }

    /// Whether the patience with some host has ended; asked once each.
    pub(crate) fn take_impatience(&mut self, now: Instant) -> bool {
        let mut any = false;
        for host in self.by_device.values_mut() {
            if host.patient_until.is_some_and(|until| until <= now) {
                host.patient_until = None;
                any = true;
            }
        }
        any
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        earliest(self.by_device.values().flat_map(|host| {
            let patience = host.patient_until.map(|until| Deadline::new(until, "patience with a host"));
            [host.dialler.deadline("dial a host"), patience]
        }))
    }
}

impl HostDialler {
    /// Another address is tried at once, unless there is a link already.
    fn move_to(&mut self, endpoint: Endpoint, now: Instant, limits: &Limits) {
        if self.dialler.endpoint == endpoint || self.dialler.link().is_some() {
            return;
        }
        self.dialler = Dialler::new(endpoint, now);
        self.patient_until = Some(now + limits.host_patience);
    }
}
