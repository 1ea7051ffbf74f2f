//! What becomes of own messages, as far as it is worth a word.

use segment_core::peer::events::{Serving, Stage};
use segment_proto::{MessageKey, Reason};

use super::Target;
use super::answers::{NotSent, Progress, message_id, stage_name};
use super::narrator::{Narrator, SOON};
use super::prompt::refresh;
use super::talk::Own;
use super::telling::not_sent;
use crate::errors::Problem;

impl Narrator {
    pub(super) fn tell_stage(&self, key: MessageKey, stage: Stage, pos: Option<u64>) {
        self.out.happened(&Progress {
            event: "message_stage",
            key,
            id: message_id(&key),
            stage: stage_name(stage),
            pos,
        });
        if stage != Stage::Committed {
            return;
        }
        let (was_told, still) = {
            let mut known = self.talk.known();
            (known.settled.remove(&key), known.own.values().filter(|own| own.told).count())
        };
        if was_told && still == 0 {
            let name = self.talk.known().name_of(&key.channel);
            self.notice("outbox_empty", Some(&name), format!("everything that waited for #{name} is there now"));
        }
    }

    pub(super) fn tell_refused(&self, key: MessageKey, reason: Reason, message: Option<String>) {
        let (channel, problem) = {
            let known = self.talk.known();
            let target = known.names.get(&key.channel).map(|name| Target { id: key.channel, name: name.clone() });
            let problem = Problem::wire(reason);
            let problem = target.map(|target| not_sent(problem.clone(), &target, &known)).unwrap_or(problem);
            (known.name_of(&key.channel), problem)
        };
        self.out.happened(&NotSent {
            event: "message_refused",
            channel: format!("#{channel}"),
            key,
            reason: reason.as_str(),
            text: problem.text,
            message,
        });
    }

    /// Own messages that took too long to pass without a word.
    pub(super) async fn tell_waiting(&self) {
        let late: Vec<MessageKey> = {
            let mut known = self.talk.known();
            let is_late = |own: &&mut Own| !own.told && own.since.elapsed() >= SOON;
            let late = known.own.iter_mut().map(|(key, own)| (*key, own)).filter(|(_, own)| is_late(own));
            late.map(|(key, own)| {
                own.told = true;
                key
            })
            .collect()
        };
        if late.is_empty() {
            return;
        }
        refresh(&self.peer, &self.out, &self.talk).await;
        for key in late {
            self.tell_one_waiting(key).await;
        }
    }

    async fn tell_one_waiting(&self, key: MessageKey) {
        let find = move |machine: &mut segment_core::peer::Peer, _| {
            let item = machine.outgoing(key.channel).ok()?.find(|item| item.key == key)?;
            let view = machine.channel(key.channel)?;
            Some((item.stage, view.serving, view.missed))
        };
        let Ok(Some((stage, serving, missed))) = self.peer.call(find).await else { return };
        let name = self.talk.known().name_of(&key.channel);
        let text = match (stage, serving) {
            (Stage::Stored, _) => format!("your message in #{name} is with the host, not yet with the tracker"),
            (_, Serving::Here | Serving::Host(_)) => format!("your message to #{name} is on its way"),
            (_, Serving::Copy) => format!("your message to #{name} is on its way to the tracker's copy"),
            (_, Serving::Nowhere) if missed => {
                format!("your message waits here until you are in #{name} again; it goes out by itself")
            }
            (_, Serving::Nowhere) => {
                format!(
                    "your message waits here: neither host nor tracker of #{name} can be reached; it goes out by itself"
                )
            }
        };
        self.notice("message_waits", Some(&name), text);
    }
}
