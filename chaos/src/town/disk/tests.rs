#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn an_image_is_put_back_by_the_time_after_it_was_taken() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path().join("store"), dir.path().join("images"));
    let database = dir.path().join("store").join(FILES[0]);
    fs::create_dir_all(dir.path().join("store")).unwrap();
    let mut seen = Vec::new();
    for content in ["one", "two", "three"] {
        fs::write(&database, content).unwrap();
        disk.put_back().unwrap();
        seen.push(fs::read_to_string(&database).unwrap());
    }
    assert_eq!(seen, ["one", "one", "two"]);
}
