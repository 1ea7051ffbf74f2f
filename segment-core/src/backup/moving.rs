//! Who is to host: by the channel's record at first, then by the newest access entry that names a device.

use segment_proto::{DeviceId, EpochOwner, LinkId, Reason};

use crate::backup::flapping::Flapping;
use crate::backup::{Backup, BackupNotice};
use crate::rules::Rule;
use crate::tracker::context::Context;

impl Backup {
    /// A committed entry may have named another device: the directory signs it into the channel's record.
    pub(super) fn on_designated(&mut self, cx: &mut Context<'_>) {
        let Some(device) = self.access().host.filter(|device| *device != self.host_device) else {
            return;
        };
        let before = self.host().is_some();
        self.host_device = device;
        self.flapping = Flapping::default();
        self.notices.push(BackupNotice::HostDesignated { device });
        self.dismiss_greeter(cx);
        self.fence_other_host(cx);
        self.note_presence(before);
    }

    /// Who was about to take over is not to host any more. One that owns the epoch is fenced with it.
    fn dismiss_greeter(&mut self, cx: &mut Context<'_>) {
        if let Some(greeter) = self.host.take_if(|host| !host.owns()) {
            greeter.refuse(Reason::NotHost, cx);
            self.unseal(cx);
        }
    }

    /// An epoch of another device than the one that is to host is over.
    pub(super) fn fence_other_host(&mut self, cx: &mut Context<'_>) {
        let owner = self.log.epoch().map(|record| record.owner);
        let is_others = matches!(owner, Some(EpochOwner::Host(device)) if device != self.host_device);
        if is_others && !self.is_deciding() && cx.rules.has(Rule::DesignationFences) {
            self.write_epoch(EpochOwner::Tracker, None, cx);
        }
    }

    /// The host's session hides, or is gone: for everybody else that is the same.
    pub fn on_host_left(&mut self, link: LinkId, cx: &mut Context<'_>) {
        let before = self.host().is_some();
        if let Some(host) = self.host.take_if(|host| host.link == link) {
            host.refuse(Reason::OwnerMayNotHide, cx);
            self.unseal(cx);
        }
        self.note_presence(before);
    }

    /// The device that is to host, where the directory's record does not say so yet.
    pub(super) fn note_designation(&mut self) {
        let device: Option<DeviceId> = self.access().host.filter(|device| *device != self.host_device);
        if let Some(device) = device {
            self.host_device = device;
            self.notices.push(BackupNotice::HostDesignated { device });
        }
    }
}
