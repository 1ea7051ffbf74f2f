//! Argon2id on a bounded number of threads, so that logins leave processor time to chat.

use std::sync::Arc;

use argon2::password_hash::Error;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use segment_core::OpId;
use segment_core::store::{Fatal, Outcome};
use segment_proto::messages::Secret;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::storing::{Done, DoneSender};

/// 19 MiB, two passes, one lane: what OWASP recommends for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What is to be computed.
#[derive(Debug)]
pub(super) enum PasswordJob {
    Hash { secret: Secret, salt: [u8; 16] },
    Verify { secret: Secret, hash: String },
}

impl PasswordJob {
    pub(super) fn run(&self) -> Result<Outcome, Error> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| Error::ParamInvalid { name: "m" })?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        match self {
            Self::Hash { secret, salt } => {
                let hash = argon2.hash_password_with_salt(secret.0.as_bytes(), salt)?;
                Ok(Outcome::PasswordHashed(hash.to_string()))
            }
            Self::Verify { secret, hash } => {
                let right = argon2.verify_password(secret.0.as_bytes(), hash.as_str()).is_ok();
                Ok(Outcome::PasswordVerified(right))
            }
        }
    }
}

/// Runs password jobs, a few at once, the others in the order of their coming.
#[derive(Debug)]
pub(super) struct PasswordPool {
    places: Arc<Semaphore>,
    done: DoneSender,
}

impl PasswordPool {
    pub(super) fn new(threads: usize, done: DoneSender) -> Self {
        Self { places: Arc::new(Semaphore::new(threads)), done }
    }

    pub(super) fn perform(&self, op: OpId, job: PasswordJob) {
        let (places, done) = (Arc::clone(&self.places), self.done.clone());
        tokio::spawn(async move {
            let _place = places.acquire_owned().await;
            let Ok(result) = spawn_blocking(move || job.run()).await else {
                // The runtime is going down, and the driver with it.
                return;
            };
            let report = match result {
                Ok(outcome) => Done::Performed(vec![(op, outcome)]),
                Err(error) => Done::Failed(Fatal(format!("a password could not be hashed: {error}"))),
            };
            // A driver that is gone awaits nothing.
            let _ = done.send(report);
        });
    }
}
