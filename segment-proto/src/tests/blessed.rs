//! Committed files that the code must agree with. `SEGMENT_BLESS=1` writes them anew.

use std::fs;
use std::path::PathBuf;
use std::string::String;
use std::sync::{Mutex, PoisonError};

/// A file of the repository.
pub fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(relative)
}

/// Whether committed files are written anew.
pub fn blessing() -> bool {
    std::env::var_os("SEGMENT_BLESS").is_some()
}

/// Fails unless the file holds exactly `expected`.
pub fn check(relative: &str, expected: &[u8]) {
    let path = path(relative);
    if blessing() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    }
    let committed = fs::read(&path).unwrap_or_else(|error| panic!("{relative}: {error}"));
    if committed == expected {
        return;
    }
    let (committed, expected) = (String::from_utf8_lossy(&committed), String::from_utf8_lossy(expected));
    let differing = committed.lines().zip(expected.lines()).find(|(old, new)| old != new);
    panic!("{relative} differs from the code, first at {differing:#?}; if that is meant, run with SEGMENT_BLESS=1");
}

/// As [`check`], for the part of a file between `<!-- begin NAME -->` and `<!-- end NAME -->`.
pub fn check_section(relative: &str, name: &str, expected: &str) {
    // Several tests write parts of one file.
    static FILE: Mutex<()> = Mutex::new(());
    let _held = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let whole = fs::read_to_string(path(relative)).unwrap();
    let (begin, end) = (std::format!("<!-- begin {name} -->\n"), std::format!("<!-- end {name} -->"));
    let (head, rest) = whole.split_once(&begin).unwrap_or_else(|| panic!("no {begin} in {relative}"));
    let (_, tail) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end} in {relative}"));
    check(relative, std::format!("{head}{begin}{expected}{end}{tail}").as_bytes());
}
