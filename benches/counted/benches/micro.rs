//! The same by the clock, on a quiet machine: `cargo bench -p segment-counted`.
#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use criterion::{Criterion, criterion_group, criterion_main};
use segment_counted::{CLOCKED, NAMES, prepare};

fn all(criterion: &mut Criterion) {
    let clocked = CLOCKED.map(|(name, _)| name);
    for name in NAMES.into_iter().chain(clocked) {
        let Ok(mut work) = prepare(name) else { continue };
        criterion.bench_function(name, |bencher| bencher.iter(&mut work));
    }
}

criterion_group!(micro, all);
criterion_main!(micro);
