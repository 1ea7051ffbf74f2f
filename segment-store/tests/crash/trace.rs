//! What a process did to its files, and what it said in between, as `strace` saw it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::child::Child;

/// Everything that changes a file. What is not understood here makes the suite fail.
const TRACED: &str = "trace=openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,\
    fdatasync,fsync,sync_file_range,msync,unlink,unlinkat,rename,renameat,renameat2,link,linkat";
const STRING_BYTES: &str = "1000000";

/// One call of the system, in the order in which they ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A file is there now.
    Create(PathBuf),
    /// A name is gone.
    Remove(PathBuf),
    /// Bytes were written.
    Write { path: PathBuf, offset: u64, bytes: Vec<u8>, result: Done },
    /// A file was given this length.
    Truncate { path: PathBuf, len: u64 },
    /// A file or directory was synced.
    Sync { path: PathBuf, result: Done },
    /// A line went to the parent.
    Say(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Well,
    Failed,
}

/// A child that has run to its end under strace.
pub struct Traced {
    pub calls: Vec<Call>,
}

impl Traced {
    /// Runs it to its end, with some calls made to fail if `inject` says so.
    pub fn run(child: &Child, inject: Option<&str>) -> Self {
        let (traced, status, trace) = Self::run_anyhow(child, inject);
        assert!(status.success(), "{}", tail(&trace));
        traced
    }

    /// Runs it until it is killed instead of a sync: what it wrote last is in the page cache only.
    pub fn run_until_sync(child: &Child, number: u64) -> Self {
        let inject = format!("inject=fdatasync,fsync:signal=KILL:when={number}");
        let (traced, status, trace) = Self::run_anyhow(child, Some(&inject));
        assert!(!status.success(), "it was not killed: {}", tail(&trace));
        traced
    }

    fn run_anyhow(child: &Child, inject: Option<&str>) -> (Self, ExitStatus, String) {
        let files = tempfile::tempdir().unwrap();
        let log = files.path().join("trace");
        let mut arguments = vec!["strace", "-f", "-y", "-xx", "-s", STRING_BYTES, "-e", TRACED];
        arguments.extend(inject.iter().flat_map(|inject| ["-e", inject]));
        arguments.extend(["-o", log.to_str().unwrap()]);
        let output = child.command(&arguments).output().unwrap();
        let trace = std::fs::read_to_string(&log).unwrap();
        (Self { calls: parse(&trace, child.path.parent().unwrap()) }, output.status, trace)
    }
}

fn tail(trace: &str) -> String {
    let lines: Vec<&str> = trace.lines().rev().take(20).map(|line| &line[..line.len().min(200)]).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// What concerns the files below `directory`, and what was said.
pub fn parse(trace: &str, directory: &Path) -> Vec<Call> {
    let mut unfinished: HashMap<&str, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, rest) = line.split_once(char::is_whitespace).unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, begun);
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once("resumed>").unwrap();
            let begun = unfinished.remove(thread).unwrap();
            calls.extend(call(&format!("{begun}{end}"), directory));
        } else if !rest.starts_with(['+', '-']) {
            calls.extend(call(rest, directory));
        }
    }
    calls
}

fn call(text: &str, directory: &Path) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ").unwrap_or_else(|| panic!("cut off: {text:.200}"));
    let arguments = arguments.trim_end().strip_suffix(')').unwrap();
    if result.starts_with('?') {
        // The process was killed instead.
        return None;
    }
    let done = if result.starts_with('-') { Done::Failed } else { Done::Well };
    if name == "write" && arguments.starts_with("1<") {
        return Some(Call::Say(String::from_utf8(quoted(arguments)).unwrap().trim_end().to_owned()));
    }
    let path = match name {
        "openat" => path_of(quoted(arguments)),
        "unlink" | "rename" | "open" | "creat" | "truncate" | "link" => path_of(quoted(arguments)),
        _ => path_of(unescape(arguments.split_once('<')?.1.split_once('>')?.0)),
    };
    if !path.starts_with(directory) {
        return None;
    }
    let number = |from_end: usize| arguments.rsplit(", ").nth(from_end).unwrap().trim().parse().unwrap();
    match (name, done) {
        ("openat", Done::Well) => arguments.contains("O_CREAT").then_some(Call::Create(path)),
        ("fdatasync" | "fsync", result) => Some(Call::Sync { path, result }),
        ("pwrite64", result) => {
            let bytes = quoted(arguments);
            assert_eq!(bytes.len() as u64, number(1), "strace has shortened what was written");
            Some(Call::Write { path, offset: number(0), bytes, result })
        }
        ("ftruncate", Done::Well) => Some(Call::Truncate { path, len: number(0) }),
        ("unlink", Done::Well) => Some(Call::Remove(path)),
        (_, Done::Failed) => None,
        _ => panic!("the suite does not know what this does to a file: {text:.200}"),
    }
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8(bytes).unwrap().into()
}

/// The first string in double quotes.
fn quoted(arguments: &str) -> Vec<u8> {
    unescape(arguments.split_once('"').unwrap().1.split_once('"').unwrap().0)
}

/// With -xx every byte is written as \xNN; anything else stands for itself.
fn unescape(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4);
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
                bytes.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

#[test]
fn a_trace_is_read() {
    let trace = concat!(
        "7 openat(AT_FDCWD</>, \"\\x2f\\x64\\x2f\\x61\", O_RDWR|O_CREAT, 0600) = 3</d/a>\n",
        "7 openat(AT_FDCWD</>, \"/other\", O_RDWR|O_CREAT, 0600) = 4</other>\n",
        "7 pwrite64(3<\\x2f\\x64\\x2f\\x61>, \"\\x00\\xff\", 2, 4096 <unfinished ...>\n",
        "8 write(1<pipe:[1]>, \"\\x6f\\x6b\\x0a\", 3) = 3\n",
        "7 <... pwrite64 resumed>) = 2\n",
        "7 fdatasync(3</d/a>) = -1 EIO (Input/output error) (INJECTED)\n",
        "7 ftruncate(3</d/a>, 0) = 0\n",
        "7 unlink(\"/d/a\") = 0\n",
        "7 unlink(\"/d/b\") = -1 ENOENT (No such file or directory)\n",
        "7 fdatasync(3</d/a>) = ?\n",
        "7 +++ killed by SIGKILL +++\n",
    );
    let path = PathBuf::from("/d/a");
    let expected = [
        Call::Create(path.clone()),
        Call::Say("ok".into()),
        Call::Write { path: path.clone(), offset: 4096, bytes: vec![0, 0xff], result: Done::Well },
        Call::Sync { path: path.clone(), result: Done::Failed },
        Call::Truncate { path: path.clone(), len: 0 },
        Call::Remove(path),
    ];
    assert_eq!(parse(trace, Path::new("/d")), expected);
}
