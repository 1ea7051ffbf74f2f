//! Explores the configurations, and prints what it finds.

use std::process::ExitCode;

use segment_model::config::Config;
use segment_model::configurations;
use segment_model::explore::Report;
use segment_model::report;
use segment_model::rules::{Rule, Rules};
use segment_model::steps::Model;

const USAGE: &str = "\
Explores the rules of Segment's sync protocol in small configurations.

Usage: model [--states N] [--config NAME]... [--without RULE]...
       model --list        the configurations and the rules
       model --needed      remove each rule in turn; prints the generated part of docs/model.md

  --states N      how many worlds to reach in each configuration (default 200000)
  --config NAME   only this one, or those whose names begin so and end in `*` (default: all)
  --without RULE  explore without this rule

Exit code: 0 when everything holds, 1 when something is unsound or stuck, 2 for a wrong option.
";

/// What the command line asks for.
enum Task {
    Help,
    List,
    Needed,
    Explore(Options),
}

struct Options {
    states: usize,
    configs: Vec<&'static Config>,
    without: Vec<Rule>,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Task::Help) => print!("{USAGE}"),
        Ok(Task::List) => list(),
        Ok(Task::Needed) => print!("{}", report::needed(&report::find_needed())),
        Ok(Task::Explore(options)) => return explore(&options),
        Err(wrong) => {
            eprintln!("{wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut options = Options { states: 200_000, configs: Vec::new(), without: Vec::new() };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--help" | "-h" => return Ok(Task::Help),
            "--list" => return Ok(Task::List),
            "--needed" => return Ok(Task::Needed),
            "--states" => options.states = value()?.parse().map_err(|_| "--states needs a number".to_owned())?,
            "--config" => options.configs.extend(matching(&value()?)?),
            "--without" => options.without.push(rule(&value()?)?),
            _ => return Err(format!("unknown option {word}")),
        }
    }
    if options.configs.is_empty() {
        options.configs.extend(configurations::ALL);
    }
    Ok(Task::Explore(options))
}

fn matching(name: &str) -> Result<Vec<&'static Config>, String> {
    let fits = |config: &&Config| match name.strip_suffix('*') {
        Some(begin) => config.name.starts_with(begin),
        None => config.name == name,
    };
    let found: Vec<_> = configurations::ALL.iter().filter(fits).collect();
    if found.is_empty() { Err(format!("no configuration {name}; --list shows them")) } else { Ok(found) }
}

fn rule(name: &str) -> Result<Rule, String> {
    Rule::named(name).ok_or_else(|| format!("no rule {name}; --list shows them"))
}

fn list() {
    println!("Configurations:");
    for config in configurations::ALL {
        println!("  {:<30}{}", config.name, config.about);
    }
    print!("\nRules:\n{}", report::rules());
}

fn explore(options: &Options) -> ExitCode {
    let rules = Rules::without(&options.without);
    println!("{}", report::HEAD);
    let mut reports: Vec<Report> = Vec::new();
    for config in &options.configs {
        let found = Model { config: **config, rules }.explore(options.states);
        println!("{}", report::row(config, &found));
        print!("{}", report::numbered(report::schedule(&found.verdict)));
        reports.push(found);
    }
    println!("{}", total(&reports));
    if reports.iter().any(|report| report.verdict.is_violation()) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn total(reports: &[Report]) -> String {
    let states = report::grouped(reports.iter().map(|report| report.states).sum());
    let transitions = report::grouped(reports.iter().map(|report| report.transitions).sum());
    let seconds: f32 = reports.iter().map(|report| report.took.as_secs_f32()).sum();
    let bad = reports.iter().filter(|report| report.verdict.is_violation()).count();
    format!("| all | {states} | {transitions} | {seconds:.1} | {bad} violations |")
}
