//! Who has a stream from whom, as a tree.

use segment_proto::{DeviceId, StreamDescription, StreamId};
use serde::Serialize;

use super::shape::{Shape, Way};
use super::words::{millis, quoted};
use crate::chat::answers::answer;
use crate::chat::output::Answer;
use crate::render::Style;

/// Who has a stream from whom.
#[derive(Debug, Serialize)]
pub(super) struct StreamTree {
    channel: String,
    stream: StreamId,
    title: String,
    by: String,
    viewers: Vec<Branch>,
}

#[derive(Debug, Serialize)]
struct Branch {
    name: String,
    device: DeviceId,
    delay_p50_us: u32,
    relays: bool,
    #[serde(skip)]
    is_loose: bool,
    viewers: Vec<Branch>,
}

impl StreamTree {
    pub fn new(channel: String, description: &StreamDescription, shape: &Shape) -> Self {
        Self {
            channel,
            stream: description.stream,
            title: description.title.clone(),
            by: description.who.to_string(),
            viewers: branches(shape, shape.streamer()),
        }
    }
}

/// Ways of viewers never lead in a circle: whose way does is none.
fn branches(shape: &Shape, device: DeviceId) -> Vec<Branch> {
    let below = shape.below(device).into_iter().map(|row| Branch {
        name: shape.name(row),
        device: row.device,
        delay_p50_us: row.figures.delay_p50_us,
        relays: row.relays,
        is_loose: matches!(shape.way(row), Way::None | Way::Relayed),
        viewers: match shape.way(row) {
            Way::None | Way::Relayed => Vec::new(),
            _ => branches(shape, row.device),
        },
    });
    below.collect()
}
answer!(StreamTree, "stream_tree", |self, style| {
    let mut lines = vec![format!("{} {} in {}", self.by, quoted(&self.title), self.channel)];
    draw(&self.viewers, "", &mut lines);
    if self.viewers.is_empty() {
        lines.push("nobody watches".to_owned());
    }
    style.answer(&lines.join("\n"))
});

fn draw(branches: &[Branch], indent: &str, lines: &mut Vec<String>) {
    for (at, branch) in branches.iter().enumerate() {
        let is_last = at + 1 == branches.len();
        let (fork, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let way = if branch.is_loose { ", way unknown" } else { "" };
        let relays = if branch.relays { ", passes it on" } else { "" };
        lines.push(format!("{indent}{fork}{}  {}{relays}{way}", branch.name, millis(branch.delay_p50_us)));
        draw(&branch.viewers, &format!("{indent}{below}"), lines);
    }
}
