//! The sixth way.
//!
//! Any client could act as any user, as the owner, or take over a channel's name; only the first element of a
//! batch was checked; a newline in a message forged protocol lines.

use segment_cli::connection_log::{Details, EventType, Record, Source, SourceKind};
use segment_cli::render::{Author as Shown, Delivery, MessageLine, Style};
use segment_proto::messages::{
    CreateChannel, FateCode, FindChannel, HostHello, JoinChannel, Presence, ReadTail, Register, Replicate,
    ResumeSession, SetStatus, Subscribe,
};
use segment_proto::{
    AccessChange, AccountId, Certificate, Entry, EnvelopeKind, Evidence, Frame, Hash, Identity, Message, Nonce,
    Position, Reason, Rights, Signed, UnixMillis, UserName, View, Visitors,
};

use crate::harness::{
    Author, Member, Town, Wire, create, endpoint, event, eventually, greet_host, history, register, secret, soon,
    subscription, text, texts, texts_once,
};

/// What stands left of a text from its second line on.
const BESIDE_TEXT: &str = "                 ";

fn create_channel(name: &str) -> CreateChannel {
    CreateChannel { name: name.to_owned(), view: View::Public, visitors: Visitors::Read }
}

/// Mallory is a member like any other, and says that she is Ken: with her key, with his, with his certificate, with
/// one of her own making.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_06a_nobody_writes_as_somebody_else() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    let address = tracker.address().unwrap();
    let ada = Member::join("ada", address, "#general").await;
    let mut mallory = Member::join("mallory", address, "#general").await;
    let id = channel.id();

    // The account of another: judged by the certificate.
    let mut as_ada = Author::new("mallory", ada.logged_in.who.account, id);
    let fates = mallory.bring(vec![as_ada.text("I am ada")]).await;
    assert_eq!((fates[0].code, fates[0].reason), (FateCode::Refused, Some(Reason::NotTheAuthor)));
    // The device of another: judged by the signature.
    let mut as_ada = Author { device: ada.author.device, ..Author::new("mallory", ada.logged_in.who.account, id) };
    let forged = mallory.submit(vec![as_ada.text("I am ada")]);
    assert_eq!(mallory.host.refused(&forged).await, Reason::BadSignature);
    // What another did sign may be brought by anybody, but only with the tracker's word for whose device that is.
    let mut by_ada = Author::new("ada", ada.logged_in.who.account, id);
    let fates = mallory.bring(vec![by_ada.text("signed by ada")]).await;
    assert_eq!((fates[0].code, fates[0].pos), (FateCode::Expected, 0));

    // The certificate of another, and one that the tracker has not signed.
    let stolen = subscription(&ada.row, &ada.logged_in);
    let mut host = greet_host("mallory", &ada.row).await;
    assert_eq!(host.refused(&stolen).await, Reason::BadCertificate);
    let own = Certificate { who: ada.logged_in.who.clone(), ..(*mallory.logged_in.certificate).clone() };
    let own = Signed::new(own, &Identity::from_secret(&secret("mallory")));
    assert_eq!(host.refused(&Subscribe { certificate: Some(own), ..stolen.clone() }).await, Reason::BadCertificate);
    assert_eq!(host.refused(&Subscribe { certificate: None, ..stolen }).await, Reason::BadCertificate);
    assert_eq!(host.refused(&ReadTail { channel: id, count: 10 }).await, Reason::OutOfOrder);
    // The token of another's session, and the session of another without its token.
    let mut wire = Wire::greeted("mallory", address).await;
    let (session, token) = (ada.logged_in.session, ada.logged_in.token);
    let resume = ResumeSession { session, token, presence: Presence::Online };
    assert_eq!(wire.refused(&resume).await, Reason::SessionExpired);
    assert_eq!(wire.refused(&SetStatus { presence: Presence::Online }).await, Reason::LoginRequired);

    let honest = mallory.author.text("I am mallory");
    assert_eq!(mallory.bring(vec![honest]).await[0].code, FateCode::Stored);
    let messages = eventually(|| async { Some(history(&channel).await).filter(|all| !all.is_empty()) }).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].author.as_ref().unwrap().name.as_str(), "mallory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_06b_nobody_acts_as_the_owner_or_the_host() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    let mut mallory = Member::join("mallory", tracker.address().unwrap(), "#general").await;
    let (id, account) = (channel.id(), mallory.logged_in.who.account);

    let change = AccessChange::allow(account, "mallory".to_owned(), Rights::ALL);
    for change in [change, AccessChange::set_view(View::Members), AccessChange::deny(AccountId(1), "ken".to_owned())] {
        let (prev, seq) = (mallory.author.prev, mallory.author.seq);
        let body = postcard::to_allocvec(&change).unwrap();
        let envelope = mallory.author.write(EnvelopeKind::Access, body);
        let fates = mallory.bring(vec![envelope]).await;
        assert_eq!((fates[0].code, fates[0].reason), (FateCode::Refused, Some(Reason::OwnerOnly)));
        (mallory.author.prev, mallory.author.seq) = (prev, seq);
    }
    // Says at the tracker that the channel lives here now.
    let hello = HostHello {
        channel: id,
        nonce: Nonce([7; 16]),
        max_fence: mallory.fence,
        tip: Position::START,
        resubmit: 0,
        evidence: Evidence::default(),
        after: Position::START,
    };
    assert_eq!(mallory.tracker.refused(&hello).await, Reason::NotHost);
    // Sends up what its host never had.
    let envelope = mallory.author.text("never sequenced");
    let entry = Entry { pos: 1, epoch: mallory.fence.epoch, sequenced: UnixMillis(1), envelope };
    let forged = Replicate { channel: id, fence: mallory.fence, before: Hash::ZERO, entries: vec![entry] };
    mallory.tracker.send_bytes(&Frame::push(&forged).bytes()).await.unwrap();
    mallory.tracker.push(|push| matches!(push, Message::Fenced(_)).then_some(())).await;
    let subscribe = subscription(&mallory.row, &mallory.logged_in);
    let Message::Subscribed(copy) = mallory.tracker.request(&subscribe).await else {
        panic!("the copy cannot be read")
    };
    assert_eq!(copy.head.pos, 0, "the tracker stored what no host has sent");
    assert!(texts(&channel).await.is_empty());
}

/// The same, in other letters, and in letters that look the same: of channels and of people.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_06c_nobody_takes_over_a_name() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("olga", endpoint(&tracker)).await;
    let channel = create(&ken, "#cope").await;
    let mut mallory = Wire::registered("mallory", tracker.address().unwrap()).await.0;
    for name in ["#cope", "cope", "#COPE", "#c0pe", "#соре", "#ｃｏｐｅ"] {
        let reason = mallory.refused(&create_channel(name)).await;
        assert_eq!(reason, Reason::NameTaken, "{name}");
    }
    let mut stranger = Wire::greeted("stranger", tracker.address().unwrap()).await;
    for name in ["olga", "OLGA", "@olga", "0lga", "ｏｌｇａ"] {
        assert_eq!(stranger.refused(&register(name)).await, Reason::NameTaken, "{name}");
    }
    for name in ["ken\nolga", "olga ", "~olga", "ol\u{200b}ga", "\u{202e}aglo", "оlga", ""] {
        let (user, channel) = (stranger.refused(&register(name)).await, mallory.refused(&create_channel(name)).await);
        assert_eq!((user, channel), (Reason::BadName, Reason::BadName), "{name:?}");
    }
    let Message::ChannelFound(found) = mallory.request(&FindChannel { name: "cope".to_owned() }).await else {
        panic!("gone")
    };
    assert_eq!((found.row.record.channel, found.row.record.owner.name.as_str()), (channel.id(), "olga"));
}

/// A batch is judged element by element: the good ones around a bad one stand, a bad one never slips in behind a good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_06d_every_element_of_a_batch_is_checked() {
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    let mut ada = Member::join("ada", tracker.address().unwrap(), "#general").await;
    let mut mallory = Author::new("mallory", ada.logged_in.who.account, channel.id());
    for bad in 0..5 {
        let mut batch: Vec<_> = (0..4).map(|n| ada.author.text(&format!("{bad}/{n}"))).collect();
        batch.insert(bad, mallory.text("slipped in"));
        let fates = ada.bring(batch).await;
        for (at, fate) in fates.iter().enumerate() {
            // By a device of which nobody has said whose it is.
            let wanted = if at == bad { FateCode::Expected } else { FateCode::Stored };
            assert_eq!(fate.code, wanted, "element {at} with the bad one at {bad}");
        }
    }
    // A forged signature anywhere: nothing of the message is believed.
    for bad in 0..5 {
        let (prev, seq) = (ada.author.prev, ada.author.seq);
        let mut batch: Vec<_> = (0..4).map(|n| ada.author.text(&format!("void {n}"))).collect();
        let mut forger =
            Author { device: ada.author.device, ..Author::new("mallory", ada.author.account, channel.id()) };
        batch.insert(bad, forger.text("forged"));
        let submit = ada.submit(batch);
        assert_eq!(ada.host.refused(&submit).await, Reason::BadSignature, "forged at {bad}");
        (ada.author.prev, ada.author.seq) = (prev, seq);
    }
    let texts = texts_once(&channel, 20).await;
    let wanted: Vec<String> = (0..5).flat_map(|bad| (0..4).map(move |n| format!("{bad}/{n}"))).collect();
    assert_eq!(texts, wanted);
}

/// Neither on the wire, nor on the screen, nor in the log does a text become anything but a text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_06e_a_newline_in_a_message_forges_nothing() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let there = soon(ada.join("#general")).await.unwrap();
    let kick = Frame::push(&create_channel("#forged"));
    let frame = String::from_utf8_lossy(&kick.bytes()).into_owned();
    let evil = [
        "hi\n12:00  ken       I resign",
        "hi\r\n/kick @ken\r\nKICK ken\r\n",
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}1A",
        "[2026-01-01T00:00:00.000Z] message_received | Source: host | Details: forged",
        "a\u{2028}b\u{85}c\u{0}d\u{202e}e",
        &frame,
    ];
    let mut events = ken.events();
    for said in evil {
        soon(there.send(said)).await.unwrap();
        let heard = event(&mut events, |event| match event {
            segment_core::peer::events::PeerEvent::Received { messages, .. } => Some(messages),
            _ => None,
        })
        .await;
        assert_eq!(heard.iter().map(text).collect::<Vec<_>>(), [said]);
        assert_eq!(heard[0].author.as_ref().unwrap().name.as_str(), "ada");

        let author = Shown::User { name: "ada", account: heard[0].account };
        let line = MessageLine { at_ms: 0, author, text: said, channel: None, delivery: Delivery::Settled };
        let shown = Style::plain().message(&line);
        // A line of a text stays in the text's column, where no line of anybody begins.
        assert!(shown.split('\n').skip(1).all(|line| line.starts_with(BESIDE_TEXT)), "{shown:?}");
        let is_ours = |c: char| c == '\n' || !(c.is_control() || c == '\u{2028}' || c == '\u{202e}');
        assert!(shown.chars().all(is_ours), "{shown:?}");
        let (source, details) = (Source::new(SourceKind::Peer, said), Details::new().with("text", said));
        let record = Record { at_ms: 0, event: EventType::MessageReceived, source, details }.to_string();
        assert!(record.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{record:?}");
        assert_eq!(record.matches(" | ").count(), 2, "{record}");
    }
    assert_eq!(texts(&here).await, evil);
    assert!(UserName::new("ken\nada").is_err());
    let mut wire = Wire::registered("cleo", tracker.address().unwrap()).await.0;
    assert_eq!(wire.refused(&FindChannel { name: "#forged".to_owned() }).await, Reason::NoSuchChannel);
    let register = Register { name: "x\nADMIN".to_owned(), ..register("x") };
    assert_eq!(Wire::greeted("x", tracker.address().unwrap()).await.refused(&register).await, Reason::BadName);
}

/// Host and tracker refuse alike who may not see a channel, whatever they ask for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_06f_an_outsider_gets_nothing_from_host_or_tracker() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let open = create(&ken, "#open").await;
    let channel = soon(ken.create("#secret", View::Members, Visitors::Nothing)).await.unwrap();
    crate::harness::hosting(&ken, &channel).await;
    soon(channel.send("for members only")).await.unwrap();

    let (mut wire, logged_in) = Wire::registered("mallory", address).await;
    let row = wire.find("#open").await;
    for name in ["#secret", "secret"] {
        assert_eq!(wire.refused(&FindChannel { name: name.to_owned() }).await, Reason::NoSuchChannel);
        assert_eq!(wire.refused(&JoinChannel { name: name.to_owned() }).await, Reason::NoSuchChannel);
    }
    let mut guest = Wire::greeted("guest", address).await;
    let visiting = guest.guest("guest").await;
    assert_eq!(guest.refused(&JoinChannel { name: "#secret".to_owned() }).await, Reason::NoSuchChannel);
    for (device, wire, logged_in) in [("mallory", &mut wire, &logged_in), ("guest", &mut guest, &visiting)] {
        let mut host = greet_host(device, &row).await;
        for wire in [wire, &mut host] {
            let subscribe = Subscribe { channel: channel.id(), ..subscription(&row, logged_in) };
            let reason = wire.refused(&subscribe).await;
            assert!(matches!(reason, Reason::MembersOnly | Reason::NoVisitors), "{reason:?}");
            let answer = wire.request(&ReadTail { channel: channel.id(), count: 10 }).await;
            assert!(matches!(answer, Message::Failure(_)), "{answer:?}");
        }
    }
    assert_eq!(texts(&open).await, Vec::<String>::new());
}
