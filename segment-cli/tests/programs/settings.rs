//! Settings and aliases: where they come from, which one wins, and that they are kept.

use std::fs;
use std::process::Output;

use crate::support::{PEER, Town, objects, of_type, text};

/// `--print-config` of a directory of its own: nothing is started for it.
fn printed(town: &Town, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = std::process::Command::new(PEER);
    command.arg("--dir").arg(town.dir.path()).args(["-P", "ken", "--print-config"]).args(arguments);
    command.env_clear().envs(variables.iter().copied());
    command.output().unwrap()
}

fn line<'a>(output: &'a str, key: &str) -> &'a str {
    output.lines().find(|line| line.trim_start_matches("# ").starts_with(key)).unwrap()
}

#[test]
fn print_config_says_where_each_value_comes_from_and_no_secret() {
    let town = Town::without_tracker();
    assert!(printed(&town, &[], &[]).status.success());
    assert!(!town.profile_dir("ken").exists(), "nothing is made for it");
    fs::create_dir_all(town.profile_dir("ken")).unwrap();
    fs::write(town.dir.path().join("config.toml"), "theme = 'dark'\ntime = 'none'\nname_width = 5\nwait = 'stored'")
        .unwrap();
    fs::write(town.profile_dir("ken").join("profile.toml"), "time = 'seconds'\nname_width = 6\nwait = 'stored'")
        .unwrap();
    let variables = [("SEGMENT_NAME_WIDTH", "7"), ("SEGMENT_WAIT", "committed"), ("SEGMENT_PASSWORD", "hunter2")];
    let arguments = ["--wait", "stored", "--password-cmd", "echo hunter2"];
    let output = text(&printed(&town, &arguments, &variables).stdout);
    let expected = [
        ("theme", "\"dark\"", "config.toml"),
        ("time ", "\"seconds\"", "profile.toml"),
        ("name_width", "\"7\"", "SEGMENT_NAME_WIDTH"),
        ("wait", "\"stored\"", "flag"),
        ("timeout", "\"30\"", "default"),
        ("tracker", "is not set", ""),
        ("password_cmd", "not shown", "flag"),
    ];
    for (key, value, from) in expected {
        let line = line(&output, key);
        assert!(line.contains(value) && line.ends_with(from), "{line}");
    }
    assert!(!output.contains("hunter2"), "{output}");
    let json = objects(&printed(&town, &["--json"], &variables).stdout);
    let width = of_type(&json, "setting").into_iter().find(|setting| setting["key"] == "name_width").unwrap();
    assert_eq!((&width["value"], &width["from"]), (&"7".into(), &"environment".into()));
}

#[test]
fn unknown_and_impossible_settings_end_with_2_and_a_way_on() {
    let town = Town::without_tracker();
    type Case = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 4] = [
        (&["--set", "thene=dark"], &[], "did you mean theme?"),
        (&["--set", "name_width=99"], &[], "from 4 to 24"),
        (&[], &[("SEGMENT_THEME", "purple")], "SEGMENT_THEME"),
        (&[], &[("SEGMENT_TIMEOUT", "0")], "from 1 to 86400"),
    ];
    for (arguments, variables, hint) in cases {
        let output = printed(&town, arguments, variables);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(hint), "{}", text(&output.stderr));
    }
    fs::write(town.dir.path().join("config.toml"), "# mine\nthene = 'dark'\n").unwrap();
    let output = printed(&town, &[], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("line 2: there is no setting thene (did you mean theme?)"));
}

#[test]
fn a_setting_is_kept_with_the_profile_and_counts_at_once() {
    let town = Town::new();
    town.done("ken", &["/register ken", "/create #general", "/send #general hello"]);
    let columns = |output: Output| text(&output.stdout).lines().last().unwrap().to_owned();
    let now = columns(town.script("ken", &["/set time none", "/set name_width 12", "/history #general"]));
    assert_eq!(now, "!1  ken           hello");
    assert_eq!(columns(town.script("ken", &["/history #general"])), "!1  ken           hello");
    let shown = town.done("ken", &["/set name_width"]);
    assert_eq!((&shown[0]["value"], &shown[0]["from"]), (&"12".into(), &"profile.toml".into()));
    let other = town.done("ben", &["/set name_width"]);
    assert_eq!(other[0]["from"], "default", "another profile has its own");
    town.done("ken", &["/set --reset time", "/set --reset name_width"]);
    let before = columns(town.script("ken", &["/history #general"]));
    assert!(before.ends_with("  ken       hello") && before.contains(':'), "{before}");
    assert_eq!(town.script("ken", &["/set name_width 99"]).status.code(), Some(2));
    let overridden = town.command("ken").args(["--set", "theme=none", "-c", "/set theme dark"]).output().unwrap();
    assert!(text(&overridden.stdout).contains("a flag wins over it"), "{}", text(&overridden.stdout));
}

#[test]
fn an_alias_works_at_the_prompt_and_after_a_restart() {
    let town = Town::new();
    let mut ken = town.person("ken", 100);
    for line in ["/register ken", "/create #general", "/alias hi /send #general hi"] {
        ken.type_line(line);
        ken.wait_for_last(if line.starts_with("/register") { "segment ❯" } else { "#general ❯" });
    }
    ken.type_line("/hi there");
    ken.wait_for("ken       hi there");
    ken.type_line("/quit");
    assert_eq!(ken.wait_for_end(), 0);
    let mut ken = town.person("ken", 100);
    ken.wait_for_last("#general ❯");
    ken.type_line("/hi again");
    ken.wait_for("ken       hi again");
    ken.type_line("/hia again");
    ken.wait_for("did you mean /hi?");
    ken.press("\u{15}");
    ken.type_line("/alias --remove hi");
    ken.wait_for("/hi is forgotten.");
    ken.type_line("/hi more");
    ken.wait_for("there is no command /hi");
    drop(ken);
    let script = town.script("ken", &["/alias join /quit"]);
    assert_eq!(script.status.code(), Some(2), "a command stays what it is");
    assert_eq!(town.script("ken", &["/alias --remove nosuch"]).status.code(), Some(5));
}
