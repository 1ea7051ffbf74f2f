//! Walks through a first session with the real programs, in real terminals. `scripts/tour` writes what was seen to
//! `docs/tour.md`, and fails where a step does not come.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod guide;
mod stable;

use guide::{Guide, Person};

#[test]
#[ignore = "it takes half a minute and follows the wording of every step: scripts/tour walks it"]
fn the_tour_can_be_walked() {
    let mut guide = Guide::new();
    let mut ken = first_start(&mut guide);
    let mut ben = two_people(&mut guide, &mut ken);
    visitor(&mut guide, &ken);
    private_channel(&mut guide, &mut ken, &mut ben);
    unread(&mut guide, &mut ken, &mut ben);
    search(&mut guide, &mut ben);
    lost(&mut guide, &mut ben);
    script(&mut guide, &mut ken);
    guide.finish();
}

fn first_start(guide: &mut Guide) -> Person {
    guide.scene(
        "A first start",
        "Ken has built Segment and starts it. No tracker runs on his machine, so the program runs one for him, and says \
         what to type next. The password is asked for without echo.",
    );
    let mut ken = guide.person("ken");
    ken.register();
    ken.says("/create #general", "Others come in with /join #general.");
    ken.says("hello, anybody?", "ken       hello, anybody?");
    guide.shows(&ken);
    ken
}

fn two_people(guide: &mut Guide, ken: &mut Person) -> Person {
    guide.scene("Two people", "Ben starts it on the same machine, with a profile of his own, and comes in.");
    ken.clears();
    let mut ben = guide.person("ben");
    ben.register();
    ken.sees("ben is here");
    ben.says("/join #general", "You are in #general");
    ben.sees("hello, anybody?");
    ben.says("hi ken, ben here", "ben       hi ken, ben here");
    ken.sees("ben       hi ken, ben here");
    ken.says("welcome! deploy at 3?", "ken       welcome! deploy at 3?");
    ben.sees("ken       welcome! deploy at 3?");
    guide.shows(&ben);
    guide.tells("What Ken sees meanwhile:");
    guide.shows(ken);
    ben
}

fn visitor(guide: &mut Guide, ken: &Person) {
    guide.scene(
        "A visitor",
        "Vera only wants to look around. She needs no account; visitors read, and do not write. What was refused stays in \
         the editor, dimmed: what is typed next takes its place, any other key goes on with it.",
    );
    let mut vera = guide.person("vera");
    vera.says("/guest vera", "You are ~vera");
    vera.says("/join #general", "You are in #general");
    vera.sees("welcome! deploy at 3?");
    vera.tries("may I ask something?", "visitors may only read");
    ken.sees("~vera is here");
    guide.shows(&vera);
    vera.leaves();
}

fn private_channel(guide: &mut Guide, ken: &mut Person, ben: &mut Person) {
    guide.scene(
        "A private channel",
        "Ken makes a channel for those whom he lets in. To Ben it is not even there, until he is allowed.",
    );
    ken.sees("~vera has gone");
    ken.clears();
    ben.sees("~vera has gone");
    ben.clears();
    ken.says("/create #ops --view members", "#ops is made");
    ben.says("/join #ops", "that you may see");
    ken.says("/allow @ben --to #ops", "ben may now read, send in #ops.");
    ben.says("/join #ops", "You are in #ops");
    ben.says("the certificate runs out on Friday", "ben       the certificate runs out on Friday");
    ken.sees("ben       the certificate runs out on Friday");
    ken.says("@ben thanks, I renew it today", "ken       @ben thanks");
    ben.sees("ken       @ben thanks, I renew it today");
    guide.shows(ken);
    guide.tells("And Ben's terminal:");
    guide.shows(ben);
}

fn unread(guide: &mut Guide, ken: &mut Person, ben: &mut Person) {
    guide.scene(
        "What is unread",
        "Ben leaves for a while; Ken goes on writing. When Ben comes back he is told what is new and how much of it has \
         his name, and `/unread` lists it.",
    );
    ben.leaves();
    ken.sees("ben has gone");
    ken.clears();
    ken.says("done, it is renewed", "ken       done, it is renewed");
    ken.says("/switch #general", "#general");
    ken.says("deploy went well, @ben", "ken       deploy went well, @ben");
    let mut back = guide.person("ben");
    back.sees("unread");
    back.sees("#general has caught up");
    back.rests();
    back.says("/unread", "#general");
    back.says("/switch #general", "deploy went well, @ben");
    guide.shows(&back);
    *ben = back;
}

fn search(guide: &mut Guide, ben: &mut Person) {
    guide.scene(
        "Search",
        "Everything that Ben's machine has is searched, without a connection too; `!3` is the place of a message in its \
         channel, and `/history --around` shows what stands around it.",
    );
    ben.clears();
    ben.says("/search renew", "renewed");
    ben.says("/search --in #general deploy", "deploy at 3?");
    guide.shows(ben);
}

fn lost(guide: &mut Guide, ben: &mut Person) {
    guide.scene("Lost", "A mistyped word gets a near one, and `/help COMMAND` has examples.");
    ben.clears();
    ben.tries("/jion #general", "did you mean /join?");
    ben.says("/help join", "shows its latest messages");
    guide.shows(ben);
}

fn script(guide: &mut Guide, ken: &mut Person) {
    guide.scene(
        "A script",
        "Programs write and read, too: commands with `-c`, pipes with `send` and `tail`. Exit codes say what happened; \
         `SEGMENT_PASSWORD` or `--password-cmd` gives the password.",
    );
    guide.shell("segment-peer -P ci -c '/register ci' -c '/join #general'");
    guide.shell("printf '   Compiling segment\\n    Finished in 42 s\\n' | segment-peer -P ci send '#general' -");
    guide.shell("segment-peer -P ci tail -n 2 '#general'");
    guide.shell("segment-peer -P ci -c '/join #nowhere'; echo \"exit code $?\"");
    guide.shell("segment-peer -P ci --json -c '/unread' | tail -1");
    guide.ends_shell();
    ken.sees("Finished in 42 s");
}
