//! What is asked of a coordinator, whoever runs it.

use segment_proto::messages::Done;
use segment_proto::{ChannelId, Frame, Message, Reason, Rights};

use crate::stream::coordinator::{Coordinator, CoordinatorContext, Participant};

/// The channel that a message for a coordinator is about.
pub(crate) fn channel_of(message: &Message) -> Option<ChannelId> {
    match message {
        Message::StartStream(m) => Some(m.description.channel),
        Message::StopStream(m) => Some(m.channel),
        Message::ListStreams(m) => Some(m.channel),
        Message::Watch(m) => Some(m.channel),
        Message::Unwatch(m) => Some(m.channel),
        Message::ListViewers(m) => Some(m.channel),
        Message::ParentLost(m) => Some(m.channel),
        Message::ViewerReport(m) => Some(m.channel),
        _ => None,
    }
}

/// What a coordinator answers.
pub(crate) fn coordinate(
    coordinator: &mut Coordinator,
    channel: ChannelId,
    who: &Participant,
    message: Message,
    cx: &mut CoordinatorContext<'_>,
) -> Result<Option<Message>, Reason> {
    let done = || Some(Message::from(Done {}));
    if matches!(message, Message::ListStreams(_) | Message::ListViewers(_)) && !who.rights.include(Rights::READ) {
        return Err(who.may_not_read());
    }
    match message {
        Message::StartStream(start) => coordinator.start(who, channel, start, cx).map(|()| done()),
        Message::StopStream(stop) => coordinator.stop(who, &stop, cx).map(|()| done()),
        Message::ListStreams(_) => Ok(Some(coordinator.list(channel).into())),
        Message::Watch(watch) => coordinator.watch(who, &watch, cx).map(|()| done()),
        Message::Unwatch(unwatch) => {
            coordinator.unwatch(&who.device, unwatch.stream, cx);
            Ok(done())
        }
        Message::ListViewers(list) => coordinator.viewers(&list, cx).map(|page| Some(page.into())),
        Message::ParentLost(lost) => {
            coordinator.on_parent_lost(&who.device, &lost, cx);
            Ok(None)
        }
        Message::ViewerReport(report) => {
            coordinator.on_report(&who.device, &report);
            Ok(None)
        }
        _ => Err(Reason::UnsupportedKind),
    }
}

/// Whose readers are to be told this.
pub(crate) fn readers_of(frame: &Frame) -> Option<ChannelId> {
    match Message::decode(&frame.header()?, &frame.payload()).ok()? {
        Message::StreamStarted(m) => Some(m.row.description.channel),
        Message::StreamStopped(m) => Some(m.channel),
        _ => None,
    }
}
