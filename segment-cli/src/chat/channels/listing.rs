//! What channels there are, and who is in one.

use segment_core::peer::events::Reply;
use segment_net::RequestError;
use segment_proto::messages::{ChannelFilter as Filter, MemberRow, Presence};
use segment_proto::{AccountId, ChannelName, Rights, View, Visitors};

use crate::chat::answers::{ChannelListed, Counted, MemberListed, MembersCounted};
use crate::chat::{Chat, Done, unheard};
use crate::commands::ChannelFilter;

impl Chat {
    /// `/channels`
    pub(in crate::chat) async fn channels(&self, filter: ChannelFilter) -> Done {
        let filter = match filter {
            ChannelFilter::All => Filter::All,
            ChannelFilter::Mine => Filter::Mine,
            ChannelFilter::Joined => Filter::Joined,
        };
        let here = self.peer().device();
        let (mut after, mut count) = (String::new(), 0);
        loop {
            let from = after.clone();
            let reply = self.peer().request(move |machine, now| machine.list_channels(filter, &from, now)).await?;
            let Reply::Channels(page) = reply else { return Err(RequestError::OtherAnswer.into()) };
            let account = self.talk.known().account();
            let rows: Vec<_> = page.rows.iter().map(|row| ChannelListed::from((row, here)).seen_by(account)).collect();
            count += rows.len();
            self.out.answers(&rows).await.map_err(unheard)?;
            match page.rows.last() {
                Some(last) if page.more => after = last.record.name.to_string(),
                _ => break,
            }
        }
        self.out.answer(&Counted { what: "channels", count }).await.map_err(unheard)
    }

    /// `/members`
    pub(in crate::chat) async fn members(&self, channel: Option<ChannelName>) -> Done {
        let id = match channel {
            Some(name) => self.find(&name).await?.record.channel,
            None => self.target(None).await?.id,
        };
        let (access, me) = (self.access(id).await?, self.talk.known().account());
        let (mut after, mut count, mut online) = (AccountId::NOBODY, 0, 0);
        loop {
            let reply = self.peer().request(move |machine, now| machine.list_members(id, after, now)).await?;
            let Reply::Members(page) = reply else { return Err(RequestError::OtherAnswer.into()) };
            let rows: Vec<_> = page.rows.iter().map(|row| MemberListed::new(row, access.as_ref(), me)).collect();
            online += page.rows.iter().filter(|row| row.presence == Presence::Online).count();
            count += rows.len();
            self.out.answers(&rows).await.map_err(unheard)?;
            match page.rows.last() {
                Some(MemberRow { who, .. }) if page.more => after = who.account,
                _ => break,
            }
        }
        let row = self.peer().call(move |machine, _| machine.channel(id).map(|view| view.record.clone())).await?;
        let visitors = access.map(|access| access.rights(AccountId::NOBODY).include(Rights::READ));
        let visitors = visitors.or(row.map(|row| row.view == View::Public && row.visitors == Visitors::Read));
        self.out.answer(&MembersCounted { what: "members", count, online, visitors }).await.map_err(unheard)
    }
}
