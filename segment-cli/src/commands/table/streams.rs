//! Live streams.

use super::{Command, CommandSpec, Group, Kind, Needs, ROW, Slot, TARGET, example};
use crate::commands::{StreamRef, StreamRequest, StreamSource, StreamStart, StreamWatch, WatchTo};
use crate::grammar::{Matched, UsageError};
use crate::names::positive;

const FPS_MAX: u32 = 120;
const VIEWERS_MAX: u32 = 1_000;
const SECONDS_MAX: u32 = 7 * 24 * 60 * 60;
/// A longer title is refused.
const TITLE_CHARS_MAX: usize = 64;

const START: [&str; 7] = ["title", "size", "fps", "rate", "uplink", "viewers", "seconds"];
const WATCH: [&str; 5] = ["relay", "term", "play", "out", "seconds"];

pub(super) const ROWS: &[CommandSpec] = &[CommandSpec {
    name: "stream",
    group: Group::Streams,
    args: &[
        Slot::required("action", Kind::Choice(&["start", "stop", "list", "watch", "stats", "tree"])),
        TARGET,
        Slot::optional("what", Kind::Word).shown("SOURCE|@user|N"),
    ],
    options: &[
        Slot::optional("title", Kind::Word),
        Slot::optional("size", Kind::Size),
        Slot::optional("fps", Kind::Number { max: FPS_MAX }),
        Slot::optional("rate", Kind::Rate),
        Slot::optional("uplink", Kind::Rate),
        Slot::optional("viewers", Kind::Number { max: VIEWERS_MAX }),
        Slot::optional("relay", Kind::Rate),
        Slot::optional("term", Kind::Flag),
        Slot::optional("play", Kind::Flag),
        Slot::optional("out", Kind::Word).shown("FILE"),
        Slot::optional("seconds", Kind::Number { max: SECONDS_MAX }),
    ],
    needs: Needs::Session,
    help: "send and watch live pictures and sound",
    details: "start streams test (a test card; card is the same), camera, a device, a file or address that ffmpeg reads, or -,\n\
              standard input: JPEGs one behind the other, or Matroska. Options: --title --size --fps --rate (of the pictures,\n\
              as 2mbit) --uplink (what this machine can send in all; 20mbit) --viewers (begin when so many watch) --seconds.\n\
              watch shows a stream in this terminal until q or Ctrl-C, in a player (--play: mpv or ffplay), or writes it to a\n\
              file (--out). --relay 2mbit passes it on to others with as much of your uplink. The other two go on beside\n\
              what you type, and so does start; stop ends them. A script ends when its streams have ended.\n\
              stats says who watches over which way, delays from capture to screen, what was dropped, and who is the slow\n\
              part; tree, who has it from whom. A stream is named by its number in the list, @user, or title.",
    examples: &[
        example("/stream start", "the test card, into the current channel"),
        example("/stream start talk.mp4 --title \"dry run\" --rate 3mbit", "a file, through ffmpeg"),
        example("/stream start #ops camera --size 640x480 --fps 15", "a camera, into #ops"),
        example("/stream watch", "the only stream of the channel, in this terminal"),
        example("/stream watch @ken --relay 2mbit", "ken's, and passes it on to others"),
        example("/stream watch 2 --out run.mkv", "the second of the list, into a file"),
        example("/stream stop", "ends what is sent or watched here"),
        example("/stream stats", "who watches, how, and who is slow"),
    ],
    build,
    ..ROW
}];

type Build = fn(&Matched) -> Result<StreamRequest, UsageError>;

fn build(matched: &Matched) -> Result<Command, UsageError> {
    let action: &str = matched.need("action")?;
    let (options, request): (&[&str], Build) = match action {
        "start" => (&START, build_start),
        "watch" => (&WATCH, build_watch),
        "stop" => (&[], |m| Ok(StreamRequest::Stop(which(m)))),
        "stats" => (&[], |m| Ok(StreamRequest::Stats(which(m)))),
        "tree" => (&[], |m| Ok(StreamRequest::Tree(which(m)))),
        _ => (&[], build_list),
    };
    matched.only_with(action, options)?;
    Ok(Command::Stream { channel: matched.get("channel"), request: request(matched)? })
}

fn build_start(matched: &Matched) -> Result<StreamRequest, UsageError> {
    let source = match matched.get::<String>("what") {
        None => StreamSource::Card,
        Some(word) => match word.as_str() {
            "test" | "card" => StreamSource::Card,
            "-" => StreamSource::StandardInput,
            _ => StreamSource::Input(word),
        },
    };
    Ok(StreamRequest::Start(StreamStart {
        source,
        title: matched.get("title").map(checked_title).transpose()?,
        size: matched.get("size"),
        fps: matched.get("fps"),
        rate_kbps: matched.get("rate"),
        uplink_kbps: matched.get("uplink"),
        viewers: matched.get("viewers"),
        seconds: matched.get("seconds"),
    }))
}

fn checked_title(title: String) -> Result<String, UsageError> {
    let fits = (1..=TITLE_CHARS_MAX).contains(&title.chars().count()) && !title.contains(char::is_control);
    if fits { Ok(title) } else { Err(UsageError::BadTitle { word: title }) }
}

fn build_watch(matched: &Matched) -> Result<StreamRequest, UsageError> {
    for (first, second) in [("term", "play"), ("term", "out"), ("play", "out")] {
        matched.exclude(first, second)?;
    }
    let file = matched.get::<String>("out").map(|path| WatchTo::File(path.into()));
    let player = matched.has("play").then_some(WatchTo::Player);
    Ok(StreamRequest::Watch(StreamWatch {
        which: which(matched),
        to: file.or(player).unwrap_or(WatchTo::Terminal),
        relay_kbps: matched.get("relay").unwrap_or(0),
        seconds: matched.get("seconds"),
    }))
}

fn build_list(matched: &Matched) -> Result<StreamRequest, UsageError> {
    match matched.get::<String>("what") {
        Some(word) => Err(matched.extra(word)),
        None => Ok(StreamRequest::List),
    }
}

fn which(matched: &Matched) -> Option<StreamRef> {
    let word = matched.get::<String>("what")?;
    let number = positive(&word).and_then(|number| u32::try_from(number).ok());
    let user = word.strip_prefix('@').and_then(|name| segment_proto::UserName::new(name).ok());
    Some(match (number, user) {
        (Some(number), _) => StreamRef::Number(number),
        (_, Some(user)) => StreamRef::Of(user),
        _ => StreamRef::Titled(word),
    })
}
