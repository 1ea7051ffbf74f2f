//! What has annoyed somebody new, and does so no more.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::pty::Pty;
use crate::support::{PASSWORD, PEER, Program, Town, ken_and_ben, text, texts, until};

const UP: &str = "\u{1b}[A";

fn ken_at(town: &Town, columns: u16, flags: &[&str]) -> Pty {
    let mut ken = town.person_with("ken", columns, &[], flags);
    ken.type_line("/register ken");
    ken.wait_for("You are ken");
    ken.type_line("/create #general");
    ken.wait_for("#general is made");
    ken
}

fn says(ken: &mut Program, said: &str) {
    ken.done(&format!("/send #general --wait committed -- {said}"));
}

#[test]
fn a_refused_line_gives_way_to_the_next_one_and_is_recalled() {
    let town = Town::new();
    let mut ken = ken_at(&town, 100, &[]);
    ken.wait_for_last("#general ❯");
    ken.type_line("/jion #general");
    ken.wait_for_last("#general ❯ /jion #general");
    ken.type_line("/whoami");
    ken.wait_for("profile   ken");
    let rows = ken.wait_for_last("#general ❯");
    assert!(rows.iter().any(|row| row == "#general ❯ /whoami"), "{rows:#?}");
    ken.press(&format!("{UP}{UP}"));
    ken.wait_for_last("#general ❯ /jion #general");
    ken.press("\u{15}/create #ops --view\r");
    ken.wait_for_last("#general ❯ /create #ops --view");
    ken.press(" members\r");
    ken.wait_for("#ops is made");
}

#[test]
fn the_line_of_what_is_new_is_there_after_every_restart() {
    let (town, mut ken) = ken_and_ben();
    for round in 0..6 {
        let mut ben = town.person("ben", 100);
        if round == 0 {
            ben.type_line("/switch #general");
        }
        ben.wait_for_last("#general ❯");
        if round > 0 {
            let rows = ben.wait_for("── 2 new ──");
            let at = rows.iter().position(|row| row == "── 2 new ──").unwrap();
            assert!(rows[at + 1].ends_with(&format!("ken       first {round}")), "{rows:#?}");
        }
        ben.type_line("/quit");
        assert_eq!(ben.wait_for_end(), 0);
        says(&mut ken, &format!("first {}", round + 1));
        says(&mut ken, "second");
    }
}

#[test]
fn the_line_of_what_is_new_is_there_however_much_comes_meanwhile() {
    let (town, mut ken) = ken_and_ben();
    let mut ben = town.person("ben", 100);
    ben.type_line("/switch #general");
    ben.wait_for_last("#general ❯");
    for round in 0..4 {
        ben.type_line("/quit");
        assert_eq!(ben.wait_for_end(), 0);
        says(&mut ken, "first");
        ben = std::thread::scope(|scope| {
            let starting = scope.spawn(|| town.person("ben", 100));
            for number in 0..60 {
                ken.say(&format!("/send #general {number}"));
                sleep(Duration::from_millis(25));
            }
            starting.join().unwrap()
        });
        (0..60).for_each(|_| drop(ken.answer()));
        ben.wait("the last one", |rows| rows.iter().any(|row| row.ends_with("ken       59")));
        assert!(ben.raw().contains(" new ──"), "round {round}: {:#?}", ben.rows());
    }
}

#[test]
fn what_is_fetched_only_later_is_divided_off_too() {
    let (mut town, mut ken) = ken_and_ben();
    let mut ben = town.person("ben", 100);
    ben.type_line("/switch #general");
    says(&mut ken, "before");
    ben.wait_for("before");
    ben.type_line("/quit");
    assert_eq!(ben.wait_for_end(), 0);
    says(&mut ken, "meanwhile");
    town.kill_tracker();
    signal(ken.pid(), "-STOP");
    let ben = town.person("ben", 100);
    ben.wait_for_last("#general · offline ❯");
    town.start_tracker();
    let rows = ben.wait_for("meanwhile");
    let at = rows.iter().position(|row| row == "── 1 new ──").unwrap_or_else(|| panic!("{rows:#?}"));
    assert!(rows[at + 1].ends_with("ken       meanwhile"), "{rows:#?}");
    assert_eq!(rows.iter().filter(|row| row.contains(" new ──")).count(), 1, "{rows:#?}");
}

#[test]
fn an_owner_who_restarts_is_not_told_of_the_owner_as_of_somebody_else() {
    let town = Town::new();
    let mut ken = ken_at(&town, 120, &[]);
    let mut ben = town.program("ben");
    ben.done("/register ben");
    ben.done("/join #general");
    for round in 0..4 {
        ken.wait_for_last("#general ❯");
        ken.type_line("/quit");
        assert_eq!(ken.wait_for_end(), 0);
        ben.done(&format!("/send #general --wait committed while you are away {round}"));
        ken = town.person("ken", 120);
        ken.wait_for("── #general · hosted by you");
        ken.wait_for(&format!("while you are away {round}"));
        ken.type_line("/info");
        ken.wait("the owner's own words", |rows| {
            rows.iter().any(|row| row.starts_with("  host") && row.ends_with("hosted by you"))
        });
        let rows = ken.rows();
        for odd in ["host ken", "hosted by ken", "hosted here"] {
            assert!(!rows.concat().contains(odd), "{odd}: {rows:#?}");
        }
    }
}

#[test]
fn a_message_that_waits_says_why_and_when_it_goes() {
    let (mut town, ken) = ken_and_ben();
    assert_eq!(ken.quit(), 0);
    town.stop_tracker();
    for output in [
        town.script("ben", &["/send #general hi"]),
        town.command("ben").args(["send", "#general", "hi"]).output().unwrap(),
        town.command("ben").args(["send", "#general"]).stdin(piped(&town, "hi")).output().unwrap(),
    ] {
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{error}");
        for wanted in ["on this machine", "nobody answers at 127.0.0.1:", "it goes out by itself when"] {
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

fn piped(town: &Town, lines: &str) -> std::fs::File {
    let path = town.dir.path().join("lines");
    std::fs::write(&path, lines).unwrap();
    std::fs::File::open(&path).unwrap()
}

#[test]
fn a_line_longer_than_a_message_goes_through_a_pipe_without_new_line_ends() {
    let (town, ken) = ken_and_ben();
    assert_eq!(ken.quit(), 0);
    let line = "é世🚀x".repeat(2_500);
    let input = piped(&town, &format!("before\n{line}\nafter\n"));
    let sent = town.command("ken").args(["send", "#general", "-"]).stdin(input).output().unwrap();
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    let told = texts(&town.done("ken", &["/history #general --last 100"]));
    assert_eq!(told.concat(), format!("before\n{line}\nafter"));
}

#[test]
fn history_shows_the_places_that_other_commands_take() {
    let town = Town::new();
    let mut ken = ken_at(&town, 100, &[]);
    for number in 1..=10 {
        ken.type_line(&format!("message {number}"));
        ken.wait("it", |rows| rows.iter().any(|row| row.ends_with(&format!("ken       message {number}"))));
    }
    // What was typed is shown before it has a place.
    until("that the last one has its place", || {
        ken.type_line("/clear");
        ken.type_line("/history --last 2");
        sleep(Duration::from_millis(200));
        ken.rows().iter().any(|row| row.contains("older ones: /history --before !9"))
    });
    let rows = ken.rows();
    assert!(rows.iter().any(|row| row.starts_with(" !9  ") && row.ends_with("ken       message 9")), "{rows:#?}");
    assert!(rows.iter().any(|row| row.starts_with("!10  ") && row.ends_with("ken       message 10")), "{rows:#?}");
}

#[test]
fn a_channel_may_be_named_without_its_sign_where_nothing_else_can_stand() {
    let (town, ken) = ken_and_ben();
    assert_eq!(ken.quit(), 0);
    town.done("vera", &["/register vera", "/join general", "/switch general", "/members general", "/history general"]);
    let sent = town.done("ken", &["/send #general hi", "/search --in general hi"]);
    assert_eq!(sent.iter().filter(|object| object["type"] == "hit").count(), 1, "{sent:#?}");
}

#[test]
fn a_private_channel_answers_like_one_that_is_not_there() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #ops --view members", "/create #general"]);
    town.done("ben", &["/register ben"]);
    for who in ["ben", "vera"] {
        let come = if who == "vera" { "/guest vera" } else { "/whoami" };
        for line in ["/join #CHANNEL", "/info #CHANNEL", "/members #CHANNEL", "/send #CHANNEL hi"] {
            let of = |channel: &str| {
                let output = town.script(who, &[come, &line.replace("CHANNEL", channel)]);
                (output.status.code(), text(&output.stderr).replace(channel, "CHANNEL"))
            };
            let there = of("ops");
            assert_eq!(there, of("xyz"), "{who}: {line}");
            assert_ne!(there.0, Some(0), "{who}: {line}");
        }
    }
}

#[test]
fn the_pager_says_how_to_leave_it() {
    let (town, mut ken) = ken_and_ben();
    (1..=30).for_each(|number| says(&mut ken, &format!("message {number}")));
    let mut ben = town.person_with("ben", 100, &[("PAGER", "cat > /dev/null; echo \"options: $LESS\"")], &[]);
    ben.type_line("/switch #general");
    ben.wait_for_last("#general ❯");
    ben.type_line("/history --last 100");
    ben.wait("the hint", |rows| {
        rows.iter().any(|row| row.starts_with("options: FRX") && row.ends_with("q comes back to the chat"))
    });
}

#[test]
fn a_screen_reader_hears_an_own_line_once() {
    let town = Town::new();
    let mut ken = ken_at(&town, 100, &["--plain"]);
    let mut ben = town.program("ben");
    ben.done("/register ben");
    ben.done("/join #general");
    ken.type_line("hello everybody");
    ben.hear_text("hello everybody");
    ben.done("/send #general --wait committed hello ken");
    let rows = ken.wait("the answer", |rows| rows.iter().any(|row| row.ends_with(" ben: hello ken")));
    assert_eq!(rows.iter().filter(|row| row.contains("hello everybody")).count(), 1, "{rows:#?}");
    ken.type_line("/history general");
    ken.wait("it is there", |rows| {
        rows.iter().any(|row| row.starts_with("!1 ") && row.ends_with(" ken: hello everybody"))
    });
}

#[test]
fn help_of_the_programs_names_what_they_generate() {
    for program in [PEER, crate::support::TRACKER] {
        let help = text(&Command::new(program).arg("--help").output().unwrap().stdout);
        let row =
            help.lines().find(|line| line.trim_start().starts_with("generate")).unwrap_or_else(|| panic!("{help}"));
        assert!(row.contains("completions") && row.contains("man page"), "{row}");
    }
}

#[test]
fn a_reader_that_has_enough_ends_tail_at_once() {
    let (town, mut ken) = ken_and_ben();
    says(&mut ken, "one");
    says(&mut ken, "two");
    let line = format!(
        "{{ '{PEER}' --dir '{}' -P ben '{}' tail -f -n 2 '#general'; echo \"$?\" >&2; }} | head -1",
        town.dir.path().display(),
        town.url
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).env("SEGMENT_PASSWORD", PASSWORD).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(20), "it waits for the next message");
        sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert!(text(&output.stdout).ends_with("ken       one\n"), "{}", text(&output.stdout));
    assert_eq!(text(&output.stderr), "141\n");
}

#[test]
fn figures_are_read_on_a_narrow_screen() {
    let town = Town::new();
    let mut ken = ken_at(&town, 40, &[]);
    ken.wait_for_last("#general ❯");
    let cases = [("/stats", "  messages  ", "            ", "  disk "), ("/debug", "queues: ", "  ", "  host: ")];
    for (line, long, blanks, last) in cases {
        ken.type_line("/clear");
        ken.type_line(line);
        let rows = ken.wait(last, |rows| rows.iter().any(|row| row.starts_with(last)));
        let at = rows.iter().position(|row| row.starts_with(long)).unwrap();
        let next = rows[at + 1].strip_prefix(blanks).unwrap_or_default();
        assert!(next.starts_with(|first: char| first != ' '), "it goes on below its beginning: {rows:#?}");
    }
}

#[test]
fn the_first_lines_break_between_words_on_a_narrow_screen() {
    let town = Town::without_tracker();
    let mut new = town.person("new", 40);
    let rows = new.wait_for_last("segment ❯");
    let words: Vec<&str> = rows.iter().flat_map(|row| row.split_whitespace()).collect();
    for word in ["machine:", "(TLS,", "pinned)", "/register", "commands."] {
        assert!(words.contains(&word), "{word}: {rows:#?}");
    }
    new.type_line("/create #x --nosuch");
    let rows = new.wait_for("has no option --nosuch; usage:");
    assert!(!rows.concat().contains("separate --"), "it takes no text: {rows:#?}");
}

#[test]
fn what_is_kept_is_shown_to_everybody() {
    let (town, mut ken) = ken_and_ben();
    let kept = |answer: &[serde_json::Value]| {
        answer.iter().find_map(|fact| fact["kept"].as_str().map(str::to_owned)).unwrap_or_else(|| panic!("{answer:?}"))
    };
    assert_eq!(kept(&ken.done("/retain #general")), "everything");
    ken.done("/retain #general --last 10000 --days 365");
    for line in ["/retain #general", "/info #general"] {
        assert_eq!(kept(&ken.done(line)), "at most 10000 messages, 365 days", "{line}");
        assert_eq!(kept(&town.done("ben", &[line])), "at most 10000 messages, 365 days", "{line}");
    }
    let said = text(&town.script("ben", &["/retain #general"]).stdout);
    assert!(said.contains("Of #general, at most 10000 messages, 365 days are kept."), "{said}");
}

#[test]
fn a_channel_that_may_not_be_read_is_not_proposed_instead_of_itself() {
    let (town, mut ken) = ken_and_ben();
    let mut ben = town.program("ben");
    ben.done("/history #general");
    ken.done("/deny @ben --from #general");
    until("that he is out", || {
        ben.say("/history #general");
        let last = ben.answer().pop().unwrap();
        let text = last["text"].as_str().unwrap_or_default();
        assert!(!text.contains("did you mean"), "{text}");
        last["reason"] == "not_joined"
    });
}

#[test]
fn who_has_lost_the_hosts_machine_is_told_how_to_bring_the_channel_to_another() {
    let (town, mut ken) = ken_and_ben();
    says(&mut ken, "one");
    ken.kill();
    let mut other = town.program("other");
    other.done("/login ken");
    other.done("/join #general");
    let mut command = town.command("other-2");
    let shown = command.args(["-c", "/login ken", "-c", "/join #general", "-c", "/host #general"]).output().unwrap();
    let shown = text(&shown.stdout) + &text(&shown.stderr);
    let way = "/host #general move @ken";
    assert!(shown.contains(&format!("{way} brings it to this machine")), "{shown}");
    until("that it is here", || {
        other.say(way);
        other.answer();
        other.done("/host #general").iter().any(|fact| fact["hosted_here"] == true)
    });
    assert_eq!(texts(&other.history("#general")), ["one"]);
}

#[test]
fn a_channel_comes_to_that_of_my_machines_on_which_i_ask_for_it() {
    let (town, ken) = ken_and_ben();
    ken.kill();
    let mut machines = ["first", "second", "third"].map(|name| {
        let mut machine = town.program(name);
        machine.done("/login ken");
        machine.done("/join #general");
        machine
    });
    for machine in &mut machines {
        let said = machine.done("/host #general move @ken");
        let said = said[0]["text"].as_str().unwrap();
        assert!(said.starts_with("#general lives on this machine (device "), "{said}");
        until("that it is here", || machine.done("/host #general").iter().any(|fact| fact["hosted_here"] == true));
    }
}

#[test]
fn who_quits_is_told_what_waits_and_sees_it_again() {
    let (mut town, mut ken) = ken_and_ben();
    says(&mut ken, "before");
    let mut ben = town.person("ben", 100);
    ben.type_line("/switch #general");
    ben.wait_for_last("#general ❯");
    ben.type_line("taken");
    ken.hear_text("taken");
    assert_eq!(ken.quit(), 0);
    town.kill_tracker();
    ben.wait_for_last("#general · offline ❯");
    ben.type_line("unsent");
    ben.wait_for_last("#general · offline, 1 waiting ❯");
    ben.type_line("/quit");
    ben.wait_for("1 message for #general waits on this machine; it goes out when this profile runs again.");
    assert_eq!(ben.wait_for_end(), 0);
    let ben = town.person("ben", 100);
    let unsent = |rows: &[String]| rows.iter().filter(|row| row.contains("ben       unsent")).count();
    let rows = ben.wait("the line", |rows| unsent(rows) == 1);
    assert!(rows.iter().any(|row| row.ends_with("ben       unsent (waiting)")), "{rows:#?}");
    town.start_tracker();
    let mut ken = town.program("ken");
    ken.hear_text("unsent");
    ben.wait_for_last("#general ❯");
    says(&mut ken, "the last one");
    let rows = ben.wait_for("the last one");
    assert_eq!(unsent(&rows), 1, "{rows:#?}");
}

#[test]
fn who_quits_and_has_nothing_waiting_is_told_nothing() {
    let town = Town::new();
    let mut ken = ken_at(&town, 100, &[]);
    ken.type_line("a line");
    ken.type_line("/quit");
    assert_eq!(ken.wait_for_end(), 0);
    assert!(!ken.raw().contains("on this machine; "), "{:#?}", ken.rows());
}

#[test]
fn places_are_not_called_messages() {
    let town = Town::new();
    let mut ken = ken_at(&town, 100, &[]);
    ken.type_line("one");
    ken.type_line("/retain --last 100");
    ken.type_line("/info");
    ken.wait("how far it is", |rows| rows.iter().any(|row| row.starts_with("  here") && row.contains("up to !")));
    assert!(!ken.rows().iter().any(|row| row.starts_with("  messages")), "{:#?}", ken.rows());
}
