//! A program's store, and an image of it from some time ago.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The database and its log; the third file is made anew.
const FILES: [&str; 2] = ["store.sqlite", "store.sqlite-wal"];
const INDEX: &str = "store.sqlite-shm";

/// The store of a program that does not run now.
#[derive(Clone, Debug)]
pub struct Disk {
    store: PathBuf,
    images: PathBuf,
}

impl Disk {
    pub const fn new(store: PathBuf, images: PathBuf) -> Self {
        Self { store, images }
    }

    /// Takes an image, and puts the one before it back in its place; the first time, there is none.
    pub fn put_back(&self) -> io::Result<()> {
        let (last, next) = (self.images.join("last"), self.images.join("next"));
        copy(&self.store, &next)?;
        if last.exists() {
            copy(&last, &self.store)?;
            remove(&self.store.join(INDEX))?;
            fs::remove_dir_all(&last)?;
        }
        fs::rename(next, last)
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for name in FILES {
        remove(&to.join(name))?;
        match fs::copy(from.join(name), to.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
