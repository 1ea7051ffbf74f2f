//! Password operations: a keyed hash in place of Argon2id, as slow in virtual time and cheap in real time.

use core::time::Duration;

use segment_core::store::StoreOutcome;
use segment_core::{Operation, Outcome};
use segment_proto::Hash;

/// What Argon2id takes with the parameters in use, roughly.
const TIME: Duration = Duration::from_millis(20);

/// Computes what a driver's pool of threads does, and how long that takes.
#[must_use]
pub fn compute(operation: &Operation) -> (Outcome, Duration) {
    let outcome = match operation {
        Operation::HashPassword { secret, salt } => Outcome::PasswordHashed(hash(&secret.0, salt)),
        Operation::VerifyPassword { secret, hash } => Outcome::PasswordVerified(verify(&secret.0, hash)),
        Operation::Store(_) => Outcome::Store(StoreOutcome::Written),
    };
    (outcome, TIME)
}

fn hash(secret: &str, salt: &[u8; 16]) -> String {
    let mut key = [0; 32];
    key[..16].copy_from_slice(salt);
    let digest = Hash(*blake3::keyed_hash(&key, secret.as_bytes()).as_bytes());
    format!("$simulated${}${digest}", Hash(key))
}

fn verify(secret: &str, stored: &str) -> bool {
    let salt = stored.split('$').nth(2).and_then(Hash::from_hex);
    let salt = salt.and_then(|Hash(key)| key.first_chunk::<16>().copied());
    salt.is_some_and(|salt| hash(secret, &salt) == stored)
}
