//! The table of planted faults.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use segment_sim::planted::{Finder, Planted};

/// Looks for every planted fault of a table, and prints what was found.
pub fn run(path: &Path, threads: usize) -> ExitCode {
    let table = match Planted::table(path) {
        Ok(table) => table,
        Err(why) => return crate::fails(&why),
    };
    println!("| fault | worlds about | found by | first seed that finds it | allowed |\n|---|---|---|---|---|");
    let (next, missed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(planted) = table.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !row(planted) {
                missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    let missed = missed.into_inner();
    println!("\n{missed} not found");
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn row(planted: &Planted) -> bool {
    let name = planted.plant.name();
    match &planted.finder {
        Finder::Elsewhere(why) => {
            println!("| `{name}` | {why} | | | |");
            true
        }
        Finder::Simulator(search) => {
            let found = planted.find();
            let (check, seed) = found.as_ref().map_or(("nobody".into(), "none".into()), |found| {
                (format!("`{}`", found.check), found.seed.to_string())
            });
            println!("| `{name}` | {} | {check} | {seed} | {} |", search.worlds, search.seeds);
            found.is_some()
        }
    }
}
