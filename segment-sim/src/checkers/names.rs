//! An author gives a name to one message only.

use std::collections::{BTreeMap, BTreeSet};

use segment_proto::{DeviceId, Hash, Message, MessageKey};

use super::findings::{Check, Findings};

/// What has left its author under each name.
#[derive(Debug, Default)]
pub struct Names {
    said: BTreeMap<MessageKey, Hash>,
    /// What their authors had said before another image lay on their disks: they may find it in a log, and carry it.
    forgotten: BTreeSet<Hash>,
    /// Devices with two processes.
    twins: BTreeSet<DeviceId>,
}

impl Names {
    /// Another image lies on a device's disk: it may have forgotten which names it has used.
    pub fn on_disk_replaced(&mut self, device: &DeviceId) {
        let gone = self.said.extract_if(.., |key, _| key.device == *device);
        self.forgotten.extend(gone.map(|(_, hash)| hash));
    }

    /// A device has two processes from now on: neither knows which names the other has used.
    pub fn on_twin(&mut self, device: &DeviceId) {
        self.twins.insert(*device);
    }

    /// Something leaves a device.
    pub fn on_sent(&mut self, device: &DeviceId, message: &Message, findings: &mut Findings) {
        let Message::Submit(submit) = message else { return };
        if self.twins.contains(device) {
            return;
        }
        for envelope in submit.envelopes.iter().filter(|envelope| envelope.key.device == *device) {
            let hash = envelope.hash();
            if self.forgotten.contains(&hash) {
                continue;
            }
            let known = *self.said.entry(envelope.key).or_insert(hash);
            findings.expect(Check::NameOnce, known == hash, || format!("{:?} names two messages", envelope.key));
        }
    }
}
