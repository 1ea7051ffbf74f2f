//! The committed lists of operations, and some more.

use std::fs;
use std::path::PathBuf;

use crate::dice::Dice;
use crate::fuzzing::machines;

/// Lists that are made anew from seeds. `SEGMENT_RUNS` multiplies them.
const RANDOM_LISTS: u64 = 20;
const LIST_BYTES: u64 = 600;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/machine_operations")
}

fn runs() -> u64 {
    std::env::var("SEGMENT_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1)
}

fn list(seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    (0..dice.between(1, LIST_BYTES)).map(|_| u8::try_from(dice.between(0, 255)).unwrap()).collect()
}

#[test]
fn the_corpus_of_machine_operations_is_replayed() {
    if std::env::var_os("SEGMENT_BLESS").is_some() {
        fs::create_dir_all(corpus()).unwrap();
        (0..16).for_each(|seed| fs::write(corpus().join(format!("seed_{seed}")), list(seed)).unwrap());
    }
    let files = fs::read_dir(corpus()).unwrap();
    let replayed = files.map(|file| machines(&fs::read(file.unwrap().path()).unwrap())).count();
    assert!(replayed >= 16, "seeds are missing; run with SEGMENT_BLESS=1");
}

#[test]
fn machines_keep_their_contract_whatever_happens() {
    (100..100 + RANDOM_LISTS * runs()).for_each(|seed| machines(&list(seed)));
}
