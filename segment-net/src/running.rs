//! A driver at work in the background.

use std::fmt;
use std::sync::Arc;

use segment_core::Machine;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::driver::{Driver, DriverError};

/// How a driver ended, once it has.
type Ending = Option<Result<(), Arc<DriverError>>>;

/// A driver that runs until it is told to stop, or nobody holds this any more.
#[derive(Clone, Debug)]
pub struct Running {
    stop: Arc<StopOnDrop>,
    ending: watch::Receiver<Ending>,
}

#[derive(Debug, Default)]
struct StopOnDrop(CancellationToken);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Running {
    /// Runs `driver` in a task of its own, and `at_end` after it.
    pub fn start<M>(driver: Driver<M>, at_end: impl FnOnce() + Send + 'static) -> Self
    where
        M: Machine + Send + 'static,
        M::Event: Clone + fmt::Debug + Send + 'static,
    {
        let stop = Arc::new(StopOnDrop::default());
        let (ended, ending) = watch::channel(None);
        let stopped = stop.0.clone().cancelled_owned();
        tokio::spawn(async move {
            let result = driver.run(stopped).await;
            at_end();
            // Nobody has to be there to hear it.
            let _ = ended.send(Some(result.map_err(Arc::new)));
        });
        Self { stop, ending }
    }

    /// Stops: what was begun is finished, queues are flushed, the store is closed.
    ///
    /// # Errors
    /// As [`Running::ended`].
    pub async fn stop(&self) -> Result<(), Arc<DriverError>> {
        self.stop.0.cancel();
        self.ended().await
    }

    /// Waits until it has stopped, for whatever reason.
    ///
    /// # Errors
    /// [`DriverError`]: it stopped by itself, or not cleanly.
    pub async fn ended(&self) -> Result<(), Arc<DriverError>> {
        let mut ending = self.ending.clone();
        let Ok(ended) = ending.wait_for(Option::is_some).await else {
            // The task went down with its runtime.
            return Ok(());
        };
        ended.clone().unwrap_or(Ok(()))
    }
}
