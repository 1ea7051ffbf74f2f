//! Finding messages again. The index follows the logs here, at the moment somebody looks for something: nothing of it
//! stands in the way of a message.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use segment_core::peer::ChannelView;
use segment_core::peer::events::{ChannelMessage, Content, Reply};
use segment_net::RequestError;
use segment_proto::{AccountId, ChannelId, ChannelName, Rights};
use segment_store::{Held, SearchError, SearchIndex, SearchQuery};
use serde::Serialize;

use super::output::Answer;
use super::{Chat, Done, Target, unheard};
use crate::errors::{LocalReason, Problem};
use crate::node::Keeping;
use crate::render::{Author, HitLine, Style};

/// Hits that are shown where nothing else is said.
const HITS: u32 = 20;
/// Further hits are counted up to here.
const COUNTED_MAX: usize = 10_000;
/// Messages that are indexed at once.
const PAGE: u64 = 256;
/// So many to be indexed are worth a word to who waits.
const WORTH_A_WORD: u64 = 20_000;
const FILE: &str = "search.sqlite";

/// The index of a profile, opened when it is first needed. A visitor's is forgotten with the visit.
#[derive(Clone, Debug, Default)]
pub(super) struct Searching(Arc<Mutex<Option<SearchIndex>>>);

/// A channel that may be searched.
struct Searched {
    target: Target,
    held: Held,
}

/// A message that was found.
#[derive(Debug, Serialize)]
struct Hit {
    channel: String,
    pos: u64,
    author: String,
    account: AccountId,
    sent_ms: u64,
    text: String,
    /// Where in the text it stands, in bytes: from, to.
    marks: Vec<(usize, usize)>,
    #[serde(skip)]
    sequenced_ms: u64,
}

impl Answer for Hit {
    const TYPE: &'static str = "hit";

    fn text(&self, style: &Style) -> String {
        let marks: Vec<_> = self.marks.iter().map(|(from, to)| *from..*to).collect();
        style.hit(&HitLine {
            at_ms: self.sent_ms,
            place: &format!("{} !{}", self.channel, self.pos),
            author: Author::User { name: &self.author, account: self.account },
            text: &self.text,
            marks: &marks,
        })
    }
}

/// What there is besides the hits that were shown.
#[derive(Debug, Serialize)]
struct Found {
    hits: usize,
    shown: usize,
    /// There are more hits than were counted.
    more_than: bool,
    #[serde(skip)]
    around: Option<String>,
}

impl Answer for Found {
    const TYPE: &'static str = "found";

    fn text(&self, _: &Style) -> String {
        let Some(around) = &self.around else {
            return "  nothing found here; options stand before the words: /search --in #channel words".to_owned();
        };
        let around = format!("{around} shows what stands around it");
        match self.hits.saturating_sub(self.shown) {
            0 => format!("  {around}"),
            more => {
                let over = if self.more_than { "more than " } else { "" };
                format!("  {over}{more} more; --last N shows more of them. {around}")
            }
        }
    }
}

impl Searching {
    /// Does something with the index where blocking is allowed. A damaged one is made again.
    async fn with<R: Send + 'static>(
        &self,
        path: Option<PathBuf>,
        work: impl FnOnce(&mut SearchIndex) -> Result<R, SearchError> + Send + 'static,
    ) -> Result<R, Problem> {
        let index = Arc::clone(&self.0);
        let worked = tokio::task::spawn_blocking(move || {
            let mut slot = index.lock().unwrap_or_else(PoisonError::into_inner);
            let open = || path.as_ref().map_or_else(SearchIndex::in_memory, |path| SearchIndex::open(path));
            let mut opened = slot.take().map_or_else(open, Ok)?;
            let result = work(&mut opened);
            if result.is_ok() {
                *slot = Some(opened);
            }
            result
        });
        let failed = |error: &dyn std::fmt::Display| Problem::local(LocalReason::Profile).saying(error);
        worked.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }
}

impl Chat {
    /// `/search`
    pub(super) async fn search(&self, channel: Option<ChannelName>, last: Option<u32>, query: &SearchQuery) -> Done {
        let searched = self.searched(channel).await?;
        for one in &searched {
            self.index(one).await?;
        }
        let shown_max = last.unwrap_or(HITS) as usize;
        let mut hits = Vec::new();
        let mut count = 0;
        for one in &searched {
            let (places, counted) = self.places_of(one, query, shown_max).await?;
            count += counted;
            for pos in places {
                hits.extend(self.hit(one, pos, query).await?);
            }
        }
        hits.sort_by_key(|hit| hit.sequenced_ms);
        let newest = hits.split_off(hits.len().saturating_sub(shown_max));
        let around = newest.last().map(|hit| format!("/history {} --around !{}", hit.channel, hit.pos));
        let found =
            Found { hits: count.max(newest.len()), shown: newest.len(), more_than: count > COUNTED_MAX, around };
        self.out.answers(&newest).await.map_err(unheard)?;
        self.out.answer(&found).await.map_err(unheard)
    }

    /// Only what may still be read is searched; what was left is forgotten.
    async fn searched(&self, channel: Option<ChannelName>) -> Result<Vec<Searched>, Problem> {
        let only = match channel {
            Some(name) => Some(self.level_target(Some(name)).await?.id),
            None if self.is_script() => self.level_all().await.map(|()| None)?,
            None => None,
        };
        let views = self.peer().call(|machine, _| machine.channels().collect::<Vec<_>>()).await?;
        let kept: Vec<ChannelId> = views.iter().map(|view| view.record.channel).collect();
        self.with_index(move |index| index.keep_only(&kept)).await?;
        let removed = self.talk.known().removed.clone();
        let may_read = |view: &&ChannelView| {
            view.member && view.rights.include(Rights::READ) && !removed.contains(&view.record.channel)
        };
        let is_meant = |view: &&ChannelView| only.is_none_or(|only| only == view.record.channel);
        Ok(views.iter().filter(may_read).filter(is_meant).map(Searched::from).collect())
    }

    async fn with_index<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SearchIndex) -> Result<R, SearchError> + Send + 'static,
    ) -> Result<R, Problem> {
        let path = (self.node.keeping == Keeping::Profile).then(|| self.profile.dir().join(FILE));
        self.searching.with(path, work).await
    }

    /// Adds what the log has got since the last time.
    async fn index(&self, searched: &Searched) -> Done {
        let (id, held) = (searched.target.id, searched.held);
        let missing = self.with_index(move |index| index.missing(id, held)).await?;
        if missing.places() > WORTH_A_WORD {
            let text = format!("  reading {} messages of #{} ...", missing.places(), searched.target.name);
            self.out.remark(&text).await.map_err(unheard)?;
        }
        let mut held = held;
        for page in missing.pages(PAGE) {
            let messages = self.messages_of(id, &page).await?;
            if let Some(damaged) = messages.iter().find(|message| message.content == Content::Damaged) {
                // What stands here once it is healed is added then.
                held.settled = held.settled.min(damaged.pos - 1);
            }
            if messages.len() as u64 != page.end() + 1 - page.start() {
                // The log itself has a damaged place here: what is behind it is not searched.
                return Ok(());
            }
            let texts = messages.iter().filter_map(|message| Some((message.pos, message.text()?.to_owned())));
            let texts: Vec<_> = texts.collect();
            self.with_index(move |index| index.add(id, held, &page, &texts)).await?;
        }
        Ok(())
    }

    /// The newest places, and how many there are in all.
    async fn places_of(
        &self,
        searched: &Searched,
        query: &SearchQuery,
        count: usize,
    ) -> Result<(Vec<u64>, usize), Problem> {
        let (id, query) = (searched.target.id, query.clone());
        let look = move |index: &mut SearchIndex| {
            Ok((index.find(id, &query, count)?, index.count(id, &query, COUNTED_MAX + 1)?))
        };
        self.with_index(look).await
    }

    /// A hit as the log has it; none where it stands there no more.
    async fn hit(&self, searched: &Searched, pos: u64, query: &SearchQuery) -> Result<Option<Hit>, Problem> {
        let messages = self.messages_of(searched.target.id, &(pos..=pos)).await?;
        let Some(message) = messages.into_iter().find(|message| message.pos == pos) else { return Ok(None) };
        let Some(text) = message.text().map(str::to_owned) else { return Ok(None) };
        let (query, searched_text) = (query.clone(), text.clone());
        let marks = self.with_index(move |index| index.marks(&query, &searched_text)).await?;
        let author = message.author.as_ref();
        let hit = Hit {
            channel: format!("#{}", searched.target.name),
            pos,
            author: author.map_or_else(|| format!("user {}", message.account), ToString::to_string),
            account: message.account,
            sent_ms: message.sent.0,
            text,
            marks: marks.iter().map(|range| (range.start, range.end)).collect(),
            sequenced_ms: message.sequenced.0,
        };
        Ok((!marks.is_empty()).then_some(hit))
    }

    async fn messages_of(
        &self,
        id: ChannelId,
        places: &std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<ChannelMessage>, Problem> {
        let (before, count) = (places.end() + 1, usize::try_from(places.end() + 1 - places.start()).unwrap_or(1));
        let reply = self.peer().request(move |machine, now| machine.history(id, Some(before), count, now));
        let Reply::History { messages, .. } = reply.await? else { return Err(RequestError::OtherAnswer.into()) };
        Ok(messages)
    }
}

impl From<&ChannelView> for Searched {
    fn from(view: &ChannelView) -> Self {
        let held = Held {
            first: view.low,
            last: view.head.pos,
            settled: view.committed,
            generation: view.epoch.as_ref().map_or(0, |epoch| epoch.fence.generation),
        };
        Self { target: Target { id: view.record.channel, name: view.record.name.clone() }, held }
    }
}
