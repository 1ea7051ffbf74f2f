//! The same by the clock, on a quiet machine: `cargo bench -p segment-counted`.
#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use criterion::{Criterion, criterion_group, criterion_main};
use segment_counted::{NAMES, prepare};

fn all(criterion: &mut Criterion) {
    for name in NAMES {
        let Ok(mut work) = prepare(name) else { continue };
        criterion.bench_function(name, |bencher| bencher.iter(&mut work));
    }
}

criterion_group!(micro, all);
criterion_main!(micro);
