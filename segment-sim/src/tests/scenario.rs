use crate::plant::Plant;
use crate::scenario::{Focus, Scenario, Unreadable};

#[test]
fn a_scenario_is_the_same_after_a_text() {
    for seed in 1..=50 {
        let scenario = Scenario::draw(seed, Focus::Anything, Plant::named("without-dedupe").unwrap());
        assert_eq!(scenario.to_string().parse(), Ok(scenario), "seed {seed}");
    }
}

#[test]
fn a_text_may_say_little_and_remark_much() {
    let scenario: Scenario =
        "# why\nseed 7\n\nat 2 node 1 write 3\nat 1.5 node 0 crash 4 for 0.25 # at the tracker\nat 3 node 2 partition 0 with 1 for 1".parse().unwrap();
    assert_eq!(scenario.seed, 7);
    let lines: Vec<String> = scenario.happenings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "at 1.500000 node 0 crash 4 for 0.250000",
            "at 2.000000 node 1 write 3",
            "at 3.000000 node 2 partition 0 with 1 for 1.000000"
        ]
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let why = |text: &str| text.parse::<Scenario>().map_err(|error| (error.line, error.why)).unwrap_err();
    assert_eq!(why("seed 1\nseeds 2"), (2, Unreadable::UnknownWord("seeds".into())));
    assert_eq!(why("seed"), (1, Unreadable::Missing("a number")));
    assert_eq!(why("hosts 70000"), (1, Unreadable::NoNumber("70000".into())));
    assert_eq!(why("storm 1.0000001"), (1, Unreadable::NoNumber("1.0000001".into())));
    assert_eq!(why("at 1 node 2 dance 3"), (1, Unreadable::UnknownWord("dance".into())));
    assert_eq!(why("plant nonsense"), (1, Unreadable::UnknownWord("nonsense".into())));
}

#[test]
fn leaving_something_out_shifts_nothing_else() {
    let whole = Scenario::draw(3, Focus::Anything, Plant::Nothing);
    let again: Scenario = whole
        .to_string()
        .lines()
        .filter(|line| !line.contains(" crash "))
        .collect::<Vec<_>>()
        .join("\n")
        .parse()
        .unwrap();
    let kept: Vec<_> = whole.happenings.iter().filter(|one| one.what.word() != "crash").copied().collect();
    assert_eq!(again.happenings, kept);
}
