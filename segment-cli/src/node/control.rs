//! How `segment-tracker backup` asks the tracker that is at work: a socket in its data directory,
//! which only its owner may enter.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::copying::{self, Copied, CopyError};
use super::shared::SharedStore;

const SOCKET: &str = "control";
/// Longest request or answer: a path and some words.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// Who connects and says nothing is not waited for.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// A copy of so many gigabytes that it takes longer is made while the tracker is stopped.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30 * 60);

#[derive(Serialize, Deserialize)]
struct Request {
    backup: PathBuf,
}

#[derive(Serialize, Deserialize)]
enum Response {
    Done(Copied),
    Failed(String),
}

/// Listens for requests until it is dropped.
#[derive(Debug)]
pub struct Control {
    task: JoinHandle<()>,
    path: PathBuf,
}

impl Control {
    /// Listens in a data directory that this process has locked. `None` where there can be no socket,
    /// as in a directory with a very long name: copies are made while the tracker is stopped, then.
    #[must_use]
    pub fn listen(dir: &Path, store: SharedStore) -> Option<Self> {
        let path = dir.join(SOCKET);
        // What a killed process has left; this one holds the lock.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)
            .inspect_err(|error| tracing::warn!(%error, "no copies can be made while this tracker is at work"))
            .ok()?;
        let dir = dir.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One copy at a time; who asks meanwhile waits.
                if let Err(error) = serve(stream, &dir, &store).await {
                    tracing::warn!(%error, "a request for a copy was not understood");
                }
            }
        });
        Some(Self { task, path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

async fn serve(stream: UnixStream, dir: &Path, store: &SharedStore) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut bounded = (&mut stream).take(LINE_BYTES_MAX);
    tokio::time::timeout(REQUEST_TIMEOUT, bounded.read_line(&mut line)).await.map_err(io::Error::other)??;
    let request: Request = serde_json::from_str(&line).map_err(io::Error::other)?;
    let (dir, store) = (dir.to_owned(), store.clone());
    let made = tokio::task::spawn_blocking(move || {
        copying::copy(&dir, &request.backup, |to| store.backup(to).map_err(CopyError::from))
    });
    let response = match made.await.map_err(io::Error::other)? {
        Ok(copied) => Response::Done(copied),
        Err(error) => Response::Failed(error.to_string()),
    };
    let mut answer = serde_json::to_vec(&response).map_err(io::Error::other)?;
    answer.push(b'\n');
    stream.write_all(&answer).await
}

/// Asks the tracker at work in a data directory for a copy.
///
/// # Errors
/// [`CopyError`]
pub async fn ask(dir: &Path, to: &Path) -> Result<Copied, CopyError> {
    let backup = std::path::absolute(to).map_err(|source| CopyError::file(to, source))?;
    let request = Request { backup };
    let answered = tokio::time::timeout(ANSWER_TIMEOUT, exchange(dir, &request)).await;
    match answered.map_err(io::Error::other).and_then(|answer| answer) {
        Ok(Response::Done(copied)) => Ok(copied),
        Ok(Response::Failed(why)) => Err(CopyError::Tracker(why)),
        Err(source) => Err(CopyError::NotAsked { dir: dir.to_owned(), source }),
    }
}

async fn exchange(dir: &Path, request: &Request) -> io::Result<Response> {
    let mut stream = UnixStream::connect(dir.join(SOCKET)).await?;
    let mut line = serde_json::to_vec(request).map_err(io::Error::other)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = String::new();
    BufReader::new(stream).take(LINE_BYTES_MAX).read_line(&mut answer).await?;
    serde_json::from_str(&answer).map_err(io::Error::other)
}
